"""The site that `tfi2i demo` makes of an export, and its server; test_browser.py looks at it in a browser."""

import http.client
import io
import json
import os
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest
from exporting.networks import inputs_of, unet
from PIL import Image

from tfi2i.cli import main
from tfi2i.data.prepared import to_pixels
from tfi2i.errors import UserError
from tfi2i.exporting import demo, export_networks
from tfi2i.exporting.about import About

IMAGE = {"name": "image", "kind": "image", "shape": [1, 8, 8, 3], "dtype": "float32", "range": [-1, 1]}


def metadata(way, version="1"):
    return {"tfi2i": "0.1.0", "name": "pets", "version": version, "way": way, "inputs": [IMAGE], "outputs": [IMAGE]}


def exported(folder, way, version="1", inside=True):
    """A .tflite file without a model in it, which the site doesn't mind, and its description in it or beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(metadata(way, version))
    archive = io.BytesIO()
    if inside:
        with zipfile.ZipFile(archive, "w") as members:
            members.writestr("metadata.json", text)
    path = folder / f"pets_{way}.float32.tflite"
    path.write_bytes(b"\x1c\0\0\0TFL3" + bytes(64) + archive.getvalue())
    path.with_suffix(".json").write_text(text)
    return path


@pytest.fixture
def export(tmp_path):
    """Two versions; a server's SavedModel and an unfinished export lie beside them."""
    folder = tmp_path / "exports" / "pets"
    for number, name in (("2", "2"), ("9", "9"), ("10", "10-devices")):
        for way in ("AtoB", "BtoA"):
            exported(folder / name, way, number)
    for other in ("11", "12-unfinished"):
        (folder / other).mkdir()
    (folder / "11" / "saved_model.pb").touch()
    exported(folder / "12-unfinished", "AtoB")
    return folder


@pytest.fixture
def runtime(tmp_path):
    """A node_modules folder with the files of the runtime, empty but for what the site reads."""
    pinned = json.loads((demo.page_folder() / "package.json").read_text())["dependencies"]["@litertjs/core"]
    for package in ("core", "wasm-utils"):
        folder = tmp_path / "node_modules" / "@litertjs" / package
        (folder / "dist").mkdir(parents=True)
        (folder / "package.json").write_text(json.dumps({"version": pinned}))
        (folder / "dist" / "index.js").write_text('import { createWasmLib } from "@litertjs/wasm-utils"\n')
    wasm = tmp_path / "node_modules" / "@litertjs" / "core" / "wasm"
    wasm.mkdir()
    for build in (*demo.BUILDS, "litert_wasm_jspi_internal"):
        for suffix in (".js", ".wasm"):
            (wasm / f"{build}{suffix}").write_bytes(b"\0asm")
    return tmp_path / "node_modules"


def test_the_site_holds_all_that_the_page_needs(export, runtime, tmp_path):
    for name in ("b.png", "a.jpg"):
        (tmp_path / "samples").mkdir(exist_ok=True)
        Image.new("RGB", (4, 4)).save(tmp_path / "samples" / name)
    (tmp_path / "samples" / "notes.txt").touch()
    site = demo.make_site(export, tmp_path / "site", runtime, tmp_path / "samples")
    listed = json.loads((site / "models.json").read_text())
    assert listed["models"] == [
        {"file": f"models/pets_{way}.float32.tflite", "metadata": metadata(way, "10")} for way in ("AtoB", "BtoA")
    ]
    assert listed["samples"] == ["samples/a.jpg", "samples/b.png"]
    for name in [*demo.PAGE, *listed["samples"], *(f"models/pets_{way}.float32.json" for way in ("AtoB", "BtoA"))]:
        assert (site / name).is_file(), name
    for file in ("core/index.js", "wasm-utils/index.js", *(f"wasm/{build}.wasm" for build in demo.BUILDS)):
        assert (site / "runtime" / file).is_file(), file
    assert not list(site.glob("runtime/wasm/*jspi*"))
    assert '"../wasm-utils/index.js"' in (site / "runtime" / "core" / "index.js").read_text()
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_the_page_names_no_other_host_and_all_of_its_files():
    page = demo.page_folder()
    assert {path.name for path in page.glob("*.*") if path.suffix in (".html", ".css", ".svg", ".js")} == {*demo.PAGE}
    for name in demo.PAGE:
        text = (page / name).read_text(encoding="utf-8").replace('xmlns="http://www.w3.org/2000/svg"', "")
        assert "http://" not in text.replace('"http://www.w3.org/2000/svg"', "") and "https://" not in text, name
    lock = (page / "package-lock.json").read_text()
    packages = [entry for name, entry in json.loads(lock)["packages"].items() if name]
    assert all(entry["integrity"].startswith("sha512-") for entry in packages) and "http" not in lock


def test_one_version_or_one_file_will_do(export, runtime, tmp_path):
    assert [path.parent.name for path in demo.model_files(export)] == ["10-devices"] * 2
    assert [path.parent.name for path in demo.model_files(export / "9")] == ["9"] * 2
    beside = exported(tmp_path / "one", "AtoB", inside=False)
    site = demo.make_site(beside, tmp_path / "site", runtime)
    assert [model["metadata"] for model in json.loads((site / "models.json").read_text())["models"]] == [
        metadata("AtoB")
    ]


def test_a_site_is_replaced_and_any_other_folder_is_not(export, runtime, tmp_path):
    site = tmp_path / "public" / "site"
    demo.make_site(export, site, runtime)
    (site / "index.html").write_text("old")
    demo.make_site(export, site, runtime)
    assert "tfi2i" in (site / "index.html").read_text()
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter.txt").write_text("dear")
    with pytest.raises(UserError, match="is not a site of tfi2i"):
        demo.make_site(export, tmp_path / "home", runtime)
    assert (tmp_path / "home" / "letter.txt").read_text() == "dear"


@pytest.mark.parametrize(
    "spoil, message",
    [
        (lambda path: path.with_suffix(".json").unlink() or path.write_bytes(b"TFL3"), "nothing says what"),
        (lambda path: path.with_suffix(".json").write_text("{") and path.write_bytes(b"TFL3"), "damaged description"),
        (lambda path: path.with_suffix(".json").write_text("[]") and path.write_bytes(b"TFL3"), "damaged description"),
        (lambda path: path.unlink(), "no LiteRT files"),
    ],
)
def test_an_export_that_cannot_be_shown(runtime, tmp_path, spoil, message):
    path = exported(tmp_path / "pets" / "1", "AtoB")
    spoil(path)
    with pytest.raises(UserError, match=message):
        demo.make_site(tmp_path / "pets", tmp_path / "site", runtime)
    assert not (tmp_path / "site").exists()


def test_the_runtime_is_the_pinned_one(export, runtime, tmp_path):
    (runtime / "@litertjs" / "core" / "package.json").write_text('{"version": "1.0.0"}')
    with pytest.raises(UserError, match=r"expected @litertjs/core \d+\.\d+\.\d+, received 1\.0\.0"):
        demo.make_site(export, tmp_path / "site", runtime)
    with pytest.raises(UserError, match="received none"):
        demo.make_site(export, tmp_path / "site", tmp_path)


def test_npm_fills_the_cache_once(export, runtime, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(UserError, match=r"npm, which fetches it, is not installed; install Node\.js.*--runtime"):
        demo.make_site(export, tmp_path / "site")

    npm = tmp_path / "bin" / "npm"
    npm.write_text("#!/bin/sh\necho 'npm error network is down' >&2\nexit 1\n")
    npm.chmod(0o755)
    with pytest.raises(UserError, match=r"could not fetch.*network is down.*--runtime"):
        demo.make_site(export, tmp_path / "site")
    assert not list((tmp_path / "cache" / "tfi2i").iterdir())

    npm.write_text(f"#!/bin/sh\n[ -f package-lock.json ] && /bin/cp -r {runtime} . && echo x >> {tmp_path}/called\n")
    for _ in range(2):
        demo.make_site(export, tmp_path / "site")
    assert (tmp_path / "called").read_text() == "x\n"


@pytest.fixture
def asked(export, runtime, tmp_path):
    """A served site: path to (status, headers, content)."""

    def asked(path):
        connection = http.client.HTTPConnection("127.0.0.1", httpd.server_port)
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.headers, response.read()

    with demo.server(demo.make_site(export, tmp_path / "site", runtime), 0) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield asked
        httpd.shutdown()


def test_served_with_the_headers_that_threads_need(asked):
    status, headers, content = asked("/")
    assert status == 200 and b"<!doctype html>" in content
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Embedder-Policy"] == "require-corp"
    assert headers["Cache-Control"] == "no-cache"
    assert asked("/runtime/wasm/litert_wasm_internal.wasm")[1]["Content-Type"] == "application/wasm"
    assert asked("/app.js")[1]["Content-Type"].startswith("text/javascript")


@pytest.mark.parametrize("path", ["/models/", "/runtime/wasm/", "/missing.js", "/../exports/", "/%2e%2e/node_modules/"])
def test_nothing_else_is_served(asked, path):
    assert asked(path)[0] == 404


def test_a_port_in_use(export, runtime, tmp_path, capsys):
    with demo.server(tmp_path, 0) as httpd:
        arguments = ["demo", str(export), f"--runtime={runtime}", "--no_open"]
        assert main([*arguments, f"--port={httpd.server_port}"]) == 2
        assert f"--port={httpd.server_port}" in capsys.readouterr().err
        assert main([*arguments, "--port=70000"]) == 2
        assert "expected a free port" in capsys.readouterr().err


def test_the_command_writes_a_site(export, runtime, tmp_path, capsys):
    assert main(["demo", str(export), f"--runtime={runtime}", f"--out={tmp_path / 'site'}"]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'site'}\n" and (tmp_path / "site" / "index.html").exists()
    assert main(["demo", str(tmp_path / "nothing"), f"--runtime={runtime}"]) == 2
    assert "no LiteRT files" in capsys.readouterr().err


SERVE = """
import signal, sys, webbrowser
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell's job in the background would ignore
webbrowser.open = lambda url: print("opened", url, flush=True)
from tfi2i.cli import main
status = main(sys.argv[1:])
assert "tensorflow" not in sys.modules and "keras" not in sys.modules
sys.exit(status)
"""


def test_the_command_serves_until_ctrl_c_and_needs_no_tensorflow(export, runtime, tmp_path):
    environment = os.environ | {"TMPDIR": str(tmp_path / "tmp"), "PYTHONPATH": str(Path(demo.__file__).parents[2])}
    (tmp_path / "tmp").mkdir()
    command = [sys.executable, "-c", SERVE, "demo", str(export), f"--runtime={runtime}", "--port=0"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True
    )
    try:
        url = process.stdout.readline().split()[0]
        assert process.stdout.readline() == f"opened {url}\n"
        connection = http.client.HTTPConnection(url.split("/")[2])
        connection.request("GET", "/models.json")
        assert len(json.loads(connection.getresponse().read())["models"]) == 2
        process.send_signal(2)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130 and errors == "tfi2i: interrupted\n"
    assert not list((tmp_path / "tmp").iterdir())


def test_the_exports_own_images_are_samples(runtime, tmp_path):
    network = {"AtoB": unet()}
    given = inputs_of(network["AtoB"], 2, (16, 16))
    for source, wanted in (("my pictures", ["samples/AtoB_1.png", "samples/AtoB_2.png"]), ("random numbers", [])):
        compared = ({"AtoB": given}, source)
        options = {"size": (16, 16), "out": tmp_path / source, "benchmark": False}
        path = export_networks(network, About("a"), compared, ("litert",), **options).path
        site = demo.make_site(path, tmp_path / f"site of {source}", runtime)
        assert json.loads((site / "models.json").read_text())["samples"] == wanted
    with Image.open(tmp_path / "site of my pictures" / "samples" / "AtoB_1.png") as image:
        np.testing.assert_array_equal(np.asarray(image), to_pixels(given["image"][0]))
