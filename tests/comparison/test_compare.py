"""What stands on the page of a comparison is what the runs answer to the same inputs."""

import json
import re
import shutil
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from tfi2i.cli import main
from tfi2i.comparison import compare
from tfi2i.comparison.album import difference_map
from tfi2i.comparison.super_resolution import most_detailed
from tfi2i.data import images
from tfi2i.data.prepared import to_float, to_pixels
from tfi2i.data.synthetic import SyntheticFacades, SyntheticFaces, SyntheticSeasons
from tfi2i.directions import random_styles
from tfi2i.edits import Edits
from tfi2i.errors import UserError
from tfi2i.evaluation.similarity import l1, psnr
from tfi2i.run import load


class Links(HTMLParser):
    """What a page links to, and its pictures' texts."""

    def __init__(self, page):
        super().__init__()
        self.links, self.texts = [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.links += [found[name] for name in ("href", "src") if name in found]
        if tag == "img" and "src" in found:
            self.texts.append(found["alt"])


def page_of(out):
    return (out / "index.html").read_text(encoding="utf-8")


def whole(out):
    """Asserts that all that a page links to is in its folder, and that every picture has a text of its own row."""
    found = Links(page_of(out))
    for link in found.links:
        assert link.startswith("#") or (out / link).is_file(), link
    assert found.texts and all(found.texts)
    return found


@pytest.fixture(scope="module")
def of_pair(pair, tmp_path_factory):
    out = tmp_path_factory.mktemp("reports") / "pair"
    return compare(pair, out, count=2, progress=False)


def test_the_same_inputs_through_both(pair, of_pair):
    whole(of_pair)
    source = SyntheticFacades("test", 32)
    p2p, cyclegan = map(load, pair)
    for k, i in enumerate((0, 50), 1):
        given, truth = source[i]["B"], source[i]["A"]
        answers = {
            "1_pix2pix": p2p.generators()["BtoA"](to_float(given)[None])[0],
            "2_cyclegan": cyclegan.generators()["BtoA"](to_float(given)[None])[0],
        }
        folder = of_pair / "pictures" / "BtoA"
        assert np.array_equal(images.read(folder / f"000{k}_input.png"), given)
        assert np.array_equal(images.read(folder / f"000{k}_truth.png"), truth)
        for name, answer in answers.items():
            assert np.array_equal(images.read(folder / f"000{k}_{name}.png"), to_pixels(answer))
            seen = images.read(folder / f"000{k}_{name}_difference.png")
            assert np.array_equal(seen, difference_map(np.asarray(answer), to_float(truth)))
    # pix2pix goes one way only, where A is given.
    given = images.read(of_pair / "pictures" / "AtoB" / "0001_input.png")
    assert np.array_equal(given, source[0]["A"])
    assert "pix2pix does not translate this way" in page_of(of_pair)


def test_the_numbers_are_of_the_pictures(pair, of_pair):
    source, model = SyntheticFacades("test", 32), load(pair[0])
    fakes = [np.asarray(model.generators()["BtoA"](to_float(source[i]["B"])[None])[0]) for i in (0, 50)]
    truths = [to_float(source[i]["A"]) for i in (0, 50)]
    record = json.loads((of_pair / "comparison.json").read_text())
    means = record["means"]["BtoA"]["pix2pix"]
    assert means["L1"] == pytest.approx(np.mean([l1(*of) for of in zip(fakes, truths, strict=True)]))
    assert means["PSNR"] == pytest.approx(np.mean([psnr(*of) for of in zip(fakes, truths, strict=True)]))
    assert f"L1 {l1(fakes[0], truths[0]):.3f}" in page_of(of_pair)
    assert record["inputs"]["BtoA"] == ["test_0000", "test_0050"]


def test_sheets_hold_all_rows(of_pair):
    with Image.open(of_pair / "sheet_BtoA.png") as sheet:
        pixels = np.asarray(sheet)
    given = SyntheticFacades("test", 32)[50]["B"].repeat(4, 0).repeat(4, 1)
    below = pixels[-6 - 128 : -6]  # the second row's input is its first picture
    left = next(k for k in range(200) if np.array_equal(below[:, k : k + 128, :3], given))
    assert (below[:, left - 6 : left, 3] == 0).all(), "the ground is transparent"
    assert pixels.shape[1] == left + 4 * 134  # input, two answers, truth
    assert not (of_pair / "sheet.png").exists()


def test_what_is_missing_is_said(pair, of_pair):
    page = page_of(of_pair)
    for run in pair:
        assert f"tfi2i evaluate {run}" in page
    assert re.search(r"time in steps</th><td>0\.1 min", page)  # 30 steps of batch 2 at 8 images a second
    assert "ngf</th>" in page and "n_layers_D</th>" not in page  # only settings that differ


def test_a_report_is_replaced_and_other_folders_are_not(pair, tmp_path):
    out = compare(pair[:1], tmp_path / "report", count=1, progress=False)
    (out / "old").touch()
    compare(pair[:1], out, count=1, progress=False)
    assert not (out / "old").exists() and (out / "sheet.png").exists()
    with pytest.raises(UserError, match="none of these runs"):
        compare(pair[:1], out, direction="AtoB", progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["report"], "what failed left something behind"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "comparison.json").write_text("[]")
    with pytest.raises(UserError, match="not a comparison"):
        compare(pair[:1], tmp_path / "mine", progress=False)


def test_refusals(pair, make_run, tmp_path):
    seasons = make_run("munit", "synthetic_seasons")
    digits = make_run("gan", "synthetic_written_digits")
    fixed = make_run("ugatit", "synthetic_facades", "of_one_size", light=False, crop_size=40, load_size=40)
    deep = make_run("pix2pix", "synthetic_facades", "deep", netG="unet_64", crop_size=64, load_size=64)
    unknown = make_run("pix2pix", None, "imported")
    for runs, given, words in (
        ([pair[0], pair[0]], {}, "is named twice"),
        ([pair[0], seasons], {}, "learned from synthetic_facades, .* from synthetic_seasons .*--dataset="),
        ([pair[0], digits], {}, r"\(pix2pix\) makes translations, .* \(gan\) images of noise"),
        ([pair[0], fixed], {}, "pictures of 40 x 40 px only, .* 32 x 32 px; name .*of_one_size first"),
        ([pair[0], deep], {}, "multiples of 64, .* at 32 px; name another run first"),
        ([unknown], {}, "which data"),
        ([tmp_path], {}, "not a run"),
        ([pair[0]], {"count": 0}, "--count=0"),
        ([pair[0]], {"styles": 0}, "--styles=0"),
    ):
        with pytest.raises(UserError, match=words):
            compare(runs, tmp_path / "out", progress=False, **given)
    assert not (tmp_path / "out").exists()


def test_runs_of_one_name_are_told_apart(make_run, tmp_path):
    runs = [make_run("pix2pix", "synthetic_facades", f"{of}/same", direction="BtoA") for of in "ab"]
    page = page_of(compare(runs, tmp_path / "out", count=1, progress=False))
    assert ">a/same<" in page and ">b/same<" in page


def test_rows_of_styles(make_run, tmp_path):
    run = make_run("munit", "synthetic_seasons")
    out = compare([run], tmp_path / "out", count=2, direction="BtoA", styles=2, progress=False)
    whole(out)
    network, source = load(run).generators()["BtoA"], SyntheticSeasons("test", 32)
    preprocessed = [images.read(out / "pictures" / "BtoA" / f"000{k}_input.png") for k in (1, 2)]
    assert abs(preprocessed[0].astype(int) - images.central_crop(images.resize(source[0]["B"], 36, 36), 32)).max() <= 1
    for number, style in enumerate(random_styles(2, 2), 1):
        for k, given in enumerate(preprocessed, 1):
            right = to_pixels(np.asarray(network([to_float(given)[None], style[None]]))[0])
            assert np.array_equal(images.read(out / f"pictures/styles_BtoA_munit/style_{number}_{k}.png"), right)
    assert (out / "styles_BtoA_munit.png").exists()


def test_attention(make_run, tmp_path):
    run = make_run("ugatit", "synthetic_seasons")
    out = compare([run], tmp_path / "out", count=1, direction="AtoB", progress=False)
    texts = whole(out).texts
    assert {"test_0000: G looks", "test_0000: global D looks", "test_0000: local D looks"} <= set(texts)


def test_edits_of_several_runs(make_run, tmp_path):
    runs = [make_run("stargan", "synthetic_faces")]
    runs.append(make_run("stargan", "synthetic_faces", "glasses", attributes="glasses,smiling", exclusive=""))
    out = compare(runs, tmp_path / "out", count=1, progress=False)
    whole(out)
    source, edits = SyntheticFaces("test", 32), Edits(load(runs[1]))
    label = source[0]["label"][[3, 4]]
    fake = edits(to_float(source[0]["image"]), np.array([1 - label[0], label[1]], np.float32), "glasses")
    assert np.array_equal(images.read(out / "pictures/edits/0001_2_glasses_glasses.png"), to_pixels(fake))
    edited = source[0]["label"].copy()
    edited[3] = 1 - edited[3]
    assert np.array_equal(images.read(out / "pictures/edits/0001_truth_glasses.png"), source.edited(0, edited))
    assert "not learned" in page_of(out)  # the second run knows no hair


def test_crops_of_enlargements(make_run, tmp_path):
    run = make_run("srgan", "synthetic_textures", crop_size=128)
    out = compare([run], tmp_path / "out", count=1, progress=False)
    texts = whole(out).texts
    assert {f"test_0000, {of}" for of in ("bicubic", "srgan", "the truth")} <= set(texts)
    with Image.open(out / "pictures/crops/0001_truth.png") as crop:
        assert max(crop.size) == 96


def test_the_part_with_most_detail_is_found_by_looking_at_all():
    pixels = np.random.default_rng(0).integers(0, 256, (23, 31, 1), np.uint8)
    pixels[:9] //= 8
    grey = pixels[..., 0].astype(float)
    change = np.abs(np.diff(grey, axis=0, prepend=grey[:1])) + np.abs(np.diff(grey, axis=1, prepend=grey[:, :1]))
    sums = {(t, l): change[t : t + 8, l : l + 8].sum() for t in range(16) for l in range(24)}  # noqa: E741
    assert most_detailed(pixels, 8) == max(sums, key=sums.get)
    assert most_detailed(pixels, 99) == (0, 0)


def test_samples_of_noise(make_run, tmp_path):
    runs = [
        make_run("gan", "synthetic_written_digits"),
        make_run("gan", "synthetic_written_digits", "wider", g_units=9),
    ]
    out = compare(runs, tmp_path / "out", count=5, progress=False)
    assert "The noise is the same for all runs" in page_of(out)
    assert {"5 real images", "5 images that gan makes of noise"} <= set(whole(out).texts)
    shown = images.read(out / "pictures/samples/1_gan.png")
    assert shown.shape == (16 * 2 + 2, 16 * 3 + 4, 3)  # five as two rows of three


def test_the_verb(pair, tmp_path, capsys):
    out = tmp_path / "report"
    assert main(["compare", *map(str, pair), f"--out={out}", "--count=1", "--direction=BtoA", "--quiet"]) == 0
    assert capsys.readouterr().out.strip() == str(out / "index.html")
    assert main(["compare", "nowhere", f"--out={tmp_path / 'no'}"]) == 2
    assert "not a run: nowhere" in capsys.readouterr().err


def test_names_break_out_of_nothing(pair, tmp_path):
    run = tmp_path / "<b>&{{foot}}"
    shutil.copytree(pair[0], run)
    out = compare([run], tmp_path / "out", count=1, progress=False)
    page = page_of(out)
    assert "&lt;b&gt;&amp;{{foot}}" in page and "<b><b>" not in page
    whole(out)


def test_options_are_said_again(pair, of_pair):
    assert f"tfi2i compare {pair[0]} {pair[1]} --count=2<" in page_of(of_pair)
    assert "{{" not in page_of(of_pair)
