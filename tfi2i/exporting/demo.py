"""An export as a page that runs it in the browser: the folder of a static site, and a server for it on this machine.

make_site("exports/facades", "site")     # page, models and LiteRT's runtime; any static host can serve it
with server("site", port=8000) as httpd: httpd.serve_forever()
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
from site import getuserbase

import numpy as np

from tfi2i.data import images
from tfi2i.data.prepared import to_pixels
from tfi2i.errors import UserError
from tfi2i.exporting.artefact import number_of
from tfi2i.exporting.examples import RANDOM
from tfi2i.exporting.litert import metadata_of

PAGE = (
    "index.html",
    "page.css",
    "icon.svg",
    "app.js",
    "camera.js",
    "controls.js",
    "codes.js",
    "model.js",
    "picture.js",
    "worker.js",
)
# Of the runtime's four builds; the page doesn't use the one for JavaScript promises in WebAssembly.
BUILDS = ("litert_wasm_internal", "litert_wasm_compat_internal", "litert_wasm_threaded_internal")
PICTURES = {".png", ".jpg", ".jpeg", ".webp"}  # what every browser shows
ADVICE = "export with `tfi2i export RUN --format=litert`"


def make_site(export, site, runtime=None, samples=None) -> Path:
    """Writes a static site that runs an export's LiteRT files, whole or not at all, and returns its folder.

    Args:
        export: the folder of an export's versions, of which the highest counts, one version, or a .tflite file.
        site: the folder to write; one that holds such a site is replaced.
        runtime: a node_modules folder with @litertjs/core; default: a cache that npm fills when it is first needed.
        samples: a folder of pictures, or one picture, that the page offers to try; default: those that the export was
            compared on.

    Raises: `UserError` where there is no model, npm is needed and absent, or `site` is another folder.
    """
    site = Path(site)
    models = [(path, description(path)) for path in model_files(export)]
    pictures = _pictures(samples) if samples else []
    if site.exists() and not _is_site(site):
        raise UserError(f"--out={site} exists and is not a site of tfi2i (expected a new folder); name another")
    packages = _packages(runtime)
    site.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".site-", dir=site.parent) as aside:
        made = Path(aside) / "new"
        for folder in ("models", "samples"):
            (made / folder).mkdir(parents=True)
        for name in PAGE:
            shutil.copy(page_folder() / name, made)
        for path, _ in models:
            shutil.copy(path, made / "models")
            if path.with_suffix(".json").exists():
                shutil.copy(path.with_suffix(".json"), made / "models")
        for path in pictures:
            shutil.copy(path, made / "samples")
        if not pictures:
            _write_own_samples(models[0][0].parent, made / "samples")
        _copy_runtime(packages, made / "runtime")
        listed = {
            "tfi2i": version("tfi2i"),
            "models": [{"file": f"models/{path.name}", "metadata": metadata} for path, metadata in models],
            "samples": sorted(f"samples/{path.name}" for path in (made / "samples").iterdir()),
        }
        (made / "models.json").write_text(json.dumps(listed, indent=1) + "\n", encoding="utf-8")
        if site.exists():
            os.rename(site, Path(aside) / "old")
        os.rename(made, site)
    return site


def model_files(export) -> list[Path]:
    """The .tflite files of an export, by name. Raises `UserError` where there are none."""
    export = Path(export)
    if export.is_file() and export.suffix == ".tflite":
        return [export]
    versions = [path for path in export.glob("*/") if number_of(path.name)]
    folders = [export, *sorted(versions, key=lambda path: number_of(path.name), reverse=True)]
    found = next((files for folder in folders if (files := sorted(folder.glob("*.tflite")))), None)
    if not found:
        raise UserError(
            f"no LiteRT files: {export} (expected exports/NAME, one of its versions, or a .tflite file); {ADVICE}"
        )
    return found


def description(path) -> dict:
    """The metadata inside a .tflite file, or else of the .json beside it. Raises `UserError` where there is neither."""
    beside = path.with_suffix(".json")
    try:
        metadata = metadata_of(path) or json.loads(beside.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(
            f"nothing says what {path} is (expected metadata in it, or {beside.name} beside); {ADVICE}"
        ) from None
    except (ValueError, OSError) as error:
        raise UserError(f"damaged description: {beside} ({error}); {ADVICE}") from error
    if not (isinstance(metadata, dict) and {"name", "inputs", "outputs"} <= metadata.keys()):
        raise UserError(f"damaged description: {path} (no inputs and outputs in it); {ADVICE}")
    return metadata


def page_folder() -> Path:
    """Where the page's files are: beside the package in the source tree, or where the wheel has put them."""
    installed = [Path(base, "share", "tfi2i", "browser") for base in (sys.prefix, getuserbase())]
    for folder in (Path(__file__).parents[2] / "export" / "browser", *installed):
        if (folder / "index.html").exists():
            return folder
    raise UserError(f"the page's files are missing (expected in {installed[0]}); install tfi2i again")


def _is_site(folder):
    try:
        return "models" in json.loads((folder / "models.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return folder.is_dir() and not any(folder.iterdir())


def _pictures(samples):
    samples = Path(samples)
    paths = sorted(samples.iterdir()) if samples.is_dir() else [samples]
    pictures = [path for path in paths if path.is_file() and path.suffix.lower() in PICTURES]
    if not pictures:
        raise UserError(f"--samples={samples} (expected PNG, JPEG or WebP files); name a picture or a folder of them")
    return pictures


def _write_own_samples(version, folder):
    """The images that lie with an export for its proof, as PNG files; none where these are random numbers."""
    record, proof = version / "export.json", version / "proof.npz"
    if not (record.is_file() and proof.is_file()):
        return
    if json.loads(record.read_text(encoding="utf-8"))["compared_on"]["from"] == RANDOM:
        return
    with np.load(proof) as arrays:
        for key in arrays.files:
            kind, way, name = key.split("/")
            if (kind, name) == ("inputs", "image"):
                for k, image in enumerate(arrays[key]):
                    images.write(folder / f"{way}_{k + 1}.png", to_pixels(image))


def _packages(runtime):
    """The folder with the packages core and wasm-utils of @litertjs, of the version that package.json pins."""
    wanted = json.loads((page_folder() / "package.json").read_text())["dependencies"]["@litertjs/core"]
    if runtime:
        packages = Path(runtime) / "@litertjs"
    else:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tfi2i" / f"litertjs-{wanted}"
        packages = cache / "node_modules" / "@litertjs"
        if not packages.exists():
            _install(cache)
    try:
        found = json.loads((packages / "core" / "package.json").read_text())["version"]
    except (OSError, ValueError, LookupError):
        found = "none"
    if found != wanted:
        raise UserError(
            f"the LiteRT runtime in {packages.parent} (expected @litertjs/core {wanted}, received {found}); "
            "give a node_modules folder that has it with --runtime"
        )
    return packages


def _install(cache):
    npm = shutil.which("npm")
    if npm is None:
        raise UserError(
            "LiteRT's runtime for browsers is not here yet, and npm, which fetches it, is not installed; install "
            "Node.js, or give a node_modules folder that has @litertjs/core with --runtime"
        )
    cache.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".npm-", dir=cache.parent) as aside:
        made = Path(aside) / "new"
        made.mkdir()
        for name in ("package.json", "package-lock.json"):
            shutil.copy(page_folder() / name, made)
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=made, capture_output=True, text=True, check=False)
        if done.returncode:
            lines = [line for line in done.stderr.splitlines() if line.startswith("npm error")] or ["no reason given"]
            raise UserError(f"npm could not fetch LiteRT's runtime ({lines[0]}); try again, or give --runtime")
        if not cache.exists():  # another process may have been first
            os.rename(made, cache)


def _copy_runtime(packages, folder):
    for package in ("core", "wasm-utils"):
        (folder / package).mkdir(parents=True)
        shutil.copy(packages / package / "package.json", folder / package)  # has the licence
        # Package names mean nothing to a browser's worker, so the one import of them becomes a path.
        script = (packages / package / "dist" / "index.js").read_text(encoding="utf-8")
        script = script.replace('"@litertjs/wasm-utils"', '"../wasm-utils/index.js"')
        (folder / package / "index.js").write_text(script, encoding="utf-8")
    (folder / "wasm").mkdir()
    for build in BUILDS:
        for suffix in (".js", ".wasm"):
            shutil.copy(packages / "core" / "wasm" / f"{build}{suffix}", folder / "wasm")


class _Handler(SimpleHTTPRequestHandler):
    extensions_map = SimpleHTTPRequestHandler.extensions_map | {
        ".js": "text/javascript",
        ".wasm": "application/wasm",
        ".tflite": "application/octet-stream",
    }

    def end_headers(self):
        # The two that give a page shared memory, and so threads.
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def list_directory(self, path):
        self.send_error(404, "File not found")

    def log_message(self, *_):
        pass


def server(site, port=8000) -> ThreadingHTTPServer:
    """A server of a site to this machine alone, listening already. Port 0 takes any free one: see `server_port`.

    Raises: `UserError` where the port is in use or none.
    """
    try:
        return ThreadingHTTPServer(("127.0.0.1", port), partial(_Handler, directory=str(site)))
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"--port={port}: {reason} (expected a free port from 0 to 65535); choose another") from error
