"""The page of `tfi2i demo` in headless Chromium: its numbers are the model's, its errors are visible."""

import io
import json
import shutil
import threading
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import chromium
import keras
import numpy as np
import pytest
import tensorflow as tf
from chromium import absent
from keras import layers
from PIL import Image

from tfi2i.errors import UserError
from tfi2i.exporting import convert
from tfi2i.exporting.demo import make_site, server

HEIGHT, WIDTH = 24, 40
LABELS = ["Black_Hair", "Blond_Hair", "Male", "happy", "sad"]
SETS = [LABELS[:3], LABELS[3:]]


def network(channels=3, vector=None, length=0):
    """A small convolutional net of an image, of an image and a vector, or of a vector alone, to an image."""
    image = layers.Input((HEIGHT, WIDTH, channels), name="image")
    inputs = [image]
    x = layers.Conv2D(6, 3, padding="same", activation="relu")(image)
    if vector:
        code = layers.Input((length,), name=vector)
        inputs = [code, image]
        x = layers.Add()([x, layers.Reshape((1, 1, 6))(layers.Dense(6)(code))])
    x = layers.Conv2D(6, 5, padding="same", activation="relu")(x)
    return keras.Model(inputs if vector else image, layers.Conv2D(3, 3, padding="same", activation="tanh")(x))


def of_noise():
    noise = layers.Input((8,), name="noise")
    x = layers.Reshape((HEIGHT // 2, WIDTH // 2, 2))(layers.Dense(HEIGHT * WIDTH // 2, activation="relu")(noise))
    return keras.Model(noise, layers.Conv2DTranspose(1, 4, strides=2, padding="same", activation="tanh")(x))


def with_attention():
    """Of two outputs, which `convert` doesn't make."""
    image = layers.Input((HEIGHT, WIDTH, 3), name="image")
    x = layers.Conv2D(6, 3, 2, padding="same", activation="relu")(image)
    output = layers.Conv2DTranspose(3, 4, strides=2, padding="same", activation="tanh")(x)
    return keras.Model(image, [output, layers.Conv2D(1, 1)(x)])


def converted(generator):
    if len(generator.outputs) == 1:
        return convert(generator, HEIGHT, WIDTH)
    module = tf.Module()
    module.weights = [variable.value for variable in generator.variables]

    @tf.function(input_signature=[tf.TensorSpec((1, HEIGHT, WIDTH, 3), name="image")])
    def serve(image):
        return dict(zip(("image", "attention"), generator(image), strict=True))

    return tf.lite.TFLiteConverter.from_concrete_functions([serve.get_concrete_function()], module).convert()


def described(name, generator):
    """The description that an export has."""

    def entry(tensor, name):
        channels = tensor.shape[-1]
        if len(tensor.shape) == 4:
            shape, more = [1, *tensor.shape[1:]], {"range": [-1, 1]}
        else:
            shape, more = [1, channels], {"distribution": "uniform" if name == "noise" else "normal"}
        if name == "label":
            more = {"labels": LABELS, "exclusive": [LABELS[:2], LABELS[3:]], "sets": SETS}
        kind = "heatmap" if name == "attention" else name
        return {"name": name, "kind": kind, "shape": shape, "dtype": "float32", **more}

    outputs = zip(("image", "attention"), generator.outputs, strict=False)
    return {
        "tfi2i": "0.1.0",
        "name": name,
        "version": "1",
        "model": "pix2pix",
        "task": "an image into another",
        "quantization": "float32",
        "inputs": [entry(tensor, tensor.name) for tensor in reversed(generator.inputs)],
        "outputs": [entry(tensor, name) for name, tensor in outputs],
        "stride": 2,
        "scale": 1,
        "data": "drawn",
        "licence": "CC0",
    }


def with_description(content, metadata):
    """A .tflite file as it is exported: the description in a zip archive behind the model."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as members:
        members.writestr("metadata.json", json.dumps(metadata))
    return content + archive.getvalue()


@pytest.fixture(scope="module")
def models():
    keras.utils.set_random_seed(0)
    return {
        "plain": network(),
        "styled": network(vector="style", length=4),
        "labelled": network(channels=1, vector="label", length=len(LABELS) + len(SETS)),
        "noisy": of_noise(),
        "attentive": with_attention(),
    }


@pytest.fixture(scope="module")
def site(models, tmp_path_factory):
    """The models as an export, and the site that `tfi2i demo` makes of it."""
    if shutil.which("npm") is None:
        absent("npm is not installed")
    folder = tmp_path_factory.mktemp("exports")
    for name, generator in models.items():
        metadata = described(name, generator)
        (folder / f"{name}.float32.tflite").write_bytes(with_description(converted(generator), metadata))
        (folder / f"{name}.float32.json").write_text(json.dumps(metadata))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        try:
            return make_site(folder, tmp_path_factory.mktemp("sites") / "site")
        except UserError as error:
            absent(f"npm has no LiteRT runtime: {error}")


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium.driver(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


class Page:
    """What a visitor does on the page, and what they see."""

    def __init__(self, browser, url):
        self.browser = browser
        browser.get(url)
        self.js("await tfi2i.ready; await tfi2i.settled()")

    def js(self, body, *given):
        """The value of an async function's body; `$` finds an element by its id, arguments are `given`."""
        result = self.browser.execute_async_script(
            "const done = arguments[arguments.length - 1], given = [...arguments].slice(0, -1);"
            "const $ = (id) => document.getElementById(id);"
            "const until = async (test) => { while (!test()) await new Promise((next) => setTimeout(next, 20)); };"
            f"(async (...given) => {{ {body} }})(...given)"
            ".then((value) => done({ value }), (error) => done({ error: String(error) }))",
            *given,
        )
        assert "error" not in result, result["error"]
        return result["value"]

    def choose(self, name):
        self.js(
            "document.querySelector(`input[value='${given[0]}']`).click();"
            "await until(() => tfi2i.metadata?.name === given[0]); await tfi2i.settled()",
            name,
        )

    def give(self, id, path):
        """A file to a file input; waits until it has been dealt with, which empties the input."""
        self.browser.find_element("id", id).send_keys(str(path))
        self.js(f"await until(() => !$('{id}').value); await tfi2i.settled()")

    def click(self, selector):
        self.js("document.querySelector(given[0]).click(); await tfi2i.settled()", selector)

    def run(self, **inputs):
        """What the model makes of raw numbers, in the browser: {name: flat array}."""
        lists = {name: array.ravel().tolist() for name, array in inputs.items()}
        outputs = self.js(
            "const arrays = Object.entries(given[0]).map(([name, list]) => [name, Float32Array.from(list)]);"
            "const outputs = await tfi2i.run(Object.fromEntries(arrays));"
            "return Object.fromEntries(Object.entries(outputs).map(([name, array]) => [name, [...array]]))",
            lists,
        )
        return {name: np.float32(values) for name, values in outputs.items()}

    def pixels(self, id="output-canvas"):
        data, width, height = self.js(
            "const c = $(given[0]), { data } = c.getContext('2d').getImageData(0, 0, c.width, c.height);"
            "return [[...data], c.width, c.height]",
            id,
        )
        return np.uint8(data).reshape(height, width, 4)[..., :3].astype(int)

    @property
    def alert(self):
        return self.js("return $('alert').hidden ? '' : $('alert').innerText.trim()")


@pytest.fixture(scope="module")
def address(site):
    with server(site, 0) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://localhost:{httpd.server_port}/"
        httpd.shutdown()


@pytest.fixture
def page(browser, address):
    return Page(browser, address)


@pytest.fixture
def picture(tmp_path):
    """A PNG of exactly the models' size, so that nothing is resampled."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    pixels = np.stack([x * 255 // WIDTH, y * 255 // HEIGHT, (x * 7 + y * 13) % 256], -1).astype(np.uint8)
    path = tmp_path / "picture.png"
    Image.fromarray(pixels).save(path)
    return path


def as_tensor(path, mode="RGB"):
    return np.asarray(Image.open(path).convert(mode), np.float32).reshape(1, HEIGHT, WIDTH, -1) / 127.5 - 1


def as_pixels(tensor):
    image = np.clip(np.round((np.asarray(tensor)[0] + 1) * 127.5), 0, 255)
    return np.broadcast_to(image, (*image.shape[:2], 3))


@pytest.mark.parametrize("name", ["plain", "styled", "labelled", "noisy", "attentive"])
def test_the_numbers_are_the_models(page, models, name):
    page.choose(name)
    random = np.random.default_rng(0)
    inputs = {t.name: random.uniform(-1, 1, (1, *t.shape[1:])).astype("float32") for t in models[name].inputs}
    expected = models[name](list(inputs.values()) if len(inputs) > 1 else next(iter(inputs.values())))
    expected = expected if isinstance(expected, list) else [expected]
    outputs = page.run(**inputs)
    assert len(outputs) == len(expected) and not page.alert
    for output, array in zip(("image", "attention"), expected, strict=False):
        np.testing.assert_allclose(outputs[output], np.ravel(array), atol=1e-4)


def test_a_picture_becomes_what_python_makes_of_it(page, models, picture):
    page.choose("plain")
    page.give("picture-file", picture)
    assert np.abs(page.pixels("input-canvas") - np.asarray(Image.open(picture), int)).max() == 0
    difference = page.pixels() - as_pixels(models["plain"](as_tensor(picture)))
    assert np.abs(difference).max() <= 2 and not page.alert


def test_the_whole_picture_or_its_middle(page, tmp_path):
    page.choose("plain")
    wide = np.zeros((30, 200, 3), np.uint8)
    wide[:, :20] = wide[:, -20:] = 255
    Image.fromarray(wide).save(tmp_path / "wide.png")
    page.give("picture-file", tmp_path / "wide.png")
    assert page.pixels("input-canvas").shape == (HEIGHT, WIDTH, 3) and page.pixels("input-canvas").max() == 0
    page.click("#whole")
    assert page.pixels("input-canvas").shape == page.pixels().shape == (6, WIDTH, 3)
    assert page.pixels("input-canvas")[:, [0, -1]].min() > 250


def test_styles_by_die_and_slider(page, picture):
    page.choose("styled")
    page.give("picture-file", picture)
    first = page.pixels()
    page.click(".die + input + .die")  # goes to the second style's end
    second = page.pixels()
    assert (first != second).any()
    page.js("const s = document.querySelector('.code input'); s.value = 0; s.dispatchEvent(new Event('input'));")
    page.js("await tfi2i.settled()")
    assert (page.pixels() == first).all()
    page.click(".die")
    assert (page.pixels() != first).any()


def test_codes_have_their_distribution_all_the_way(page):
    codes = page.js(
        "const { between, draw } = await import('./codes.js');"
        "const [a, b] = [1, 2].map((seed) => draw(seed, 20000, given[0]));"
        "return [a, b, between(a, b, 0, given[0]), between(a, b, 0.5, given[0]), between(a, b, 1, given[0])]"
        ".map((code) => [...code])",
        "normal",
    )
    a, b, begin, middle, end = np.float32(codes)
    np.testing.assert_allclose([begin, end], [a, b], atol=1e-6)
    for code in (a, b, middle):
        assert abs(code.mean()) < 0.02 and abs(code.std() - 1) < 0.02
    assert abs(np.mean(a * b)) < 0.02
    uniform = np.float32(page.js("return [...(await import('./codes.js')).draw(3, 20000, 'uniform')]"))
    assert (
        uniform.min() >= -1
        and uniform.max() <= 1
        and abs(uniform.mean()) < 0.02
        and abs(uniform.std() - 3**-0.5) < 0.01
    )


def test_labels_of_two_sets(page, models, picture):
    page.choose("labelled")
    page.give("picture-file", picture)

    def expected(*label):
        label = np.float32([label])
        return as_pixels(models["labelled"]([label, as_tensor(picture, "L")]))

    assert np.abs(page.pixels() - expected(1, 0, 0, 0, 0, 1, 0)).max() <= 2
    page.click("input[value=Blond_Hair]")
    page.click(".toggle input")
    assert np.abs(page.pixels() - expected(0, 1, 1, 0, 0, 1, 0)).max() <= 2
    page.click(".control .segmented label:nth-of-type(2) input")  # the second set
    assert np.abs(page.pixels() - expected(0, 0, 0, 1, 0, 0, 1)).max() <= 2


def test_noise_needs_no_picture(page):
    page.choose("noisy")
    first = page.pixels()
    page.click(".die")
    assert (page.pixels() != first).any() and not page.browser.find_element("id", "input").is_displayed()


def test_attention_lies_over_the_picture(page, models, picture):
    page.choose("attentive")
    page.give("picture-file", picture)
    assert not page.browser.find_element("id", "heat-canvas").is_displayed()
    page.click("#heat")
    heat = models["attentive"](as_tensor(picture))[1][0, ..., 0].numpy()
    assert page.browser.find_element("id", "heat-canvas").is_displayed()
    colours = page.pixels("heat-canvas").reshape(-1, 3)
    assert len(colours) == heat.size
    assert tuple(colours[heat.argmin()]) == (0, 0, 128) and tuple(colours[heat.argmax()]) == (128, 0, 0)


def test_a_file_of_the_visitors(page, models, picture, tmp_path):
    file = tmp_path / "mine.tflite"
    file.write_bytes(converted(models["plain"]))
    with zipfile.ZipFile(file, "a") as archive:  # counts from the file's begin, the other exports from the archive's
        archive.writestr("metadata.json", json.dumps(described("brought_along", models["plain"])))
    page.give("model-file", file)
    assert page.js("return $('name').textContent") == "brought_along" and not page.alert
    page.give("picture-file", picture)
    assert np.abs(page.pixels() - as_pixels(models["plain"](as_tensor(picture)))).max() <= 2


def broken_models(site):
    whole = (site / "models" / "plain.float32.tflite").read_bytes()
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        metadata = json.loads(archive.read("metadata.json"))
    other = json.loads(json.dumps(metadata))
    other["inputs"][0]["shape"] = [1, 64, 64, 3]
    numbers = json.loads(json.dumps(metadata))
    numbers["outputs"][0].update(kind="scores", shape=[1, 10])
    return {
        "no description": (whole[:1000], "no description inside"),
        "no model": (with_description(b"\xff" * 4000, metadata), "LiteRT cannot read it"),
        "another shape": (with_description(whole, other), "not what its description says"),
        "no picture": (with_description(whole, numbers), "no model of pictures"),
    }


@pytest.mark.parametrize("case", ["no description", "no model", "another shape", "no picture"])
def test_a_broken_model_is_named_and_the_page_goes_on(page, site, models, picture, tmp_path, case):
    content, message = broken_models(site)[case]
    page.choose("plain")
    page.give("picture-file", picture)
    (tmp_path / "broken.tflite").write_bytes(content)
    page.give("model-file", tmp_path / "broken.tflite")
    assert page.alert.startswith("broken.tflite: ") and message in page.alert
    page.give("picture-file", picture)
    assert np.abs(page.pixels() - as_pixels(models["plain"](as_tensor(picture)))).max() <= 2 and not page.alert


def test_a_broken_picture_is_named_and_the_page_goes_on(page, picture, tmp_path):
    page.choose("plain")
    (tmp_path / "half.png").write_bytes(picture.read_bytes()[:60])
    page.give("picture-file", tmp_path / "half.png")
    assert page.alert.startswith("half.png: not a picture")
    page.give("picture-file", picture)
    assert not page.alert and page.pixels().shape == (HEIGHT, WIDTH, 3)


def test_the_camera_and_its_refusal(page, address):
    def permission(setting):
        page.browser.execute_cdp_cmd(
            "Browser.setPermission", {"permission": {"name": "camera"}, "setting": setting, "origin": address[:-1]}
        )

    page.choose("plain")
    permission("denied")
    page.js("$('camera').click(); await until(() => !$('alert').hidden)")
    assert page.alert.startswith("The camera was refused")
    permission("granted")
    page.js("$('camera').click(); await until(() => $('numbers').textContent.includes('frames/s'))")
    assert not page.alert and np.ptp(page.pixels("input-canvas")) > 50
    page.click("#camera")
    assert page.js("return $('camera').ariaPressed") == "false"


def test_it_can_be_looked_at(page, picture, tmp_path):
    page.choose("styled")
    page.give("picture-file", picture)
    for width, height in ((1280, 900), (390, 844)):
        page.browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600},
        )
        page.browser.save_screenshot(str(tmp_path / f"{width}.png"))
        with Image.open(tmp_path / f"{width}.png") as shot:
            assert shot.size == (width, height) and len(shot.convert("RGB").getcolors(2**24)) > 500
        assert page.js("return document.documentElement.scrollWidth") == width  # nothing sticks out
    page.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_everything_comes_from_the_site(page, address):
    names = page.js("return performance.getEntriesByType('resource').map(({ name }) => name)")
    assert names and all(name.startswith(address) for name in names)
    assert page.js("return self.crossOriginIsolated")


class _Plain(SimpleHTTPRequestHandler):
    """A static host that knows nothing of the headers for threads, and may have lost the runtime."""

    def log_message(self, *_):
        pass


@pytest.fixture
def hosted(browser, site, tmp_path):
    """The page on such a host, without some of its files."""

    def hosted(*without):
        folder = shutil.copytree(site, tmp_path / "site", ignore=shutil.ignore_patterns(*without))
        httpd = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Plain, directory=str(folder)))
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        servers.append(httpd)
        return Page(browser, f"http://localhost:{httpd.server_port}/")

    servers = []
    yield hosted
    for httpd in servers:
        httpd.shutdown()
        httpd.server_close()


def test_a_host_without_the_headers(hosted, models, picture):
    page = hosted()
    assert not page.js("return self.crossOriginIsolated")
    page.choose("plain")
    page.give("picture-file", picture)
    assert np.abs(page.pixels() - as_pixels(models["plain"](as_tensor(picture)))).max() <= 2


@pytest.mark.parametrize(
    "lost, message",
    [("runtime", "LiteRT runtime did not start"), ("worker.js", "worker.js is missing"), ("*.wasm", "runtime")],
)
def test_a_lost_runtime_is_named(hosted, lost, message):
    page = hosted(lost)
    assert message in page.alert
    assert page.browser.find_element("id", "name").text == "No model"


@pytest.mark.parametrize("lost", ["models.json", "*.tflite"])
def test_a_site_without_models_opens_those_of_the_visitor(hosted, site, lost):
    page = hosted(lost)
    assert "models" in page.alert
    page.give("model-file", site / "models" / "noisy.float32.tflite")
    assert not page.alert and page.pixels().shape == (HEIGHT, WIDTH, 3)
