"""tfi2i.beam gives what `tfi2i translate` gives, on whatever file system."""

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tfi2i.data import images
from tfi2i.translation import translate

beam = pytest.importorskip("apache_beam", reason="needs the extra beam")

from apache_beam.io import localfilesystem  # noqa: E402
from apache_beam.io.filesystem import FileMetadata  # noqa: E402

from tfi2i import beam as on_beam  # noqa: E402


class Elsewhere(localfilesystem.LocalFileSystem):
    """elsewhere://...: what isn't on a local path, though it lies in a folder."""

    root = None
    renamed = ()

    @classmethod
    def scheme(cls):
        return "elsewhere"

    def _at(self, url):
        return str(self.root / url.removeprefix("elsewhere://"))

    def join(self, base, *paths):
        return "/".join([base, *paths])

    def split(self, path):
        return path.rpartition("/")[::2]

    def _list(self, url):
        for path in Path(self._at(url)).rglob("*"):
            if path.is_file():
                yield FileMetadata(f"elsewhere://{path.relative_to(self.root)}", path.stat().st_size)

    def metadata(self, url):
        return FileMetadata(url, os.path.getsize(self._at(url)))

    def create(self, url, *args, **kwargs):
        return super().create(self._at(url), *args, **kwargs)

    def open(self, url, *args, **kwargs):
        return super().open(self._at(url), *args, **kwargs)

    def exists(self, url):
        return os.path.exists(self._at(url))

    def rename(self, sources, destinations):
        Elsewhere.renamed += tuple(destinations)
        super().rename([self._at(url) for url in sources], [self._at(url) for url in destinations])

    def delete(self, urls):
        super().delete([self._at(url) for url in urls])


@pytest.fixture
def elsewhere(tmp_path):
    """A folder with pictures of two subfolders, one of them broken; what is in it is elsewhere://..., too."""
    Elsewhere.root, Elsewhere.renamed = tmp_path, ()
    random = np.random.default_rng(0)
    for k, name in enumerate(("a/1.png", "b/1.png", "a/2.jpg", "b/3.gif")):
        place = tmp_path / "in" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 255, (20 + k, 31, 3), np.uint8)
        place.write_bytes(images.encoded(place.with_suffix(".png") if place.suffix == ".gif" else place, pixels))
    (tmp_path / "in" / "a" / "broken.png").write_bytes(b"no picture")
    (tmp_path / "in" / "a" / "notes.txt").write_text("not a picture either")
    return tmp_path


def files_in(folder):
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name != "failed.csv"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def run(capsys, source, pictures, output, *options):
    status = on_beam.run([f"--source={source}", f"--input={pictures}", f"--output={output}", *options])
    return status, capsys.readouterr().out


def test_it_is_what_translate_makes_byte_for_byte(trained_run, elsewhere, capsys):
    summary = translate(trained_run, elsewhere / "in" / "*" / "*", elsewhere / "alone", progress=False)
    wanted = files_in(elsewhere / "alone")
    assert summary.done == 4 and sorted(wanted) == ["a/1.png", "a/2.jpg", "b/1.png", "b/3.png"]
    status, out = run(capsys, trained_run, elsewhere / "in" / "*" / "*", elsewhere / "out")
    assert status == 1 and out.startswith("4 done, 0 skipped, 1 failed")
    assert files_in(elsewhere / "out") == wanted
    tables = [csv.DictReader((elsewhere / name / "failed.csv").read_text().splitlines()) for name in ("alone", "out")]
    assert list(tables[0]) == list(tables[1])

    (elsewhere / "in" / "a" / "broken.png").unlink()
    (elsewhere / "out" / "a" / "1.png").unlink()
    status, out = run(capsys, trained_run, elsewhere / "in" / "*" / "*", elsewhere / "out")
    assert status == 0 and out.startswith("1 done, 3 skipped, 0 failed")
    assert (elsewhere / "out" / "failed.csv").read_text() == "path,reason\n"
    assert files_in(elsewhere / "out") == wanted


def test_run_pictures_and_results_may_lie_on_any_file_system(trained_run, elsewhere, capsys):
    shutil.copytree(trained_run, elsewhere / "bucket" / "run")
    translate(trained_run, elsewhere / "in" / "a", elsewhere / "alone", progress=False)
    places = "elsewhere://bucket/run", "elsewhere://in/a/", "elsewhere://out"
    status, out = run(capsys, *places, "--direct_running_mode=in_memory")
    assert status == 1 and out.startswith("2 done, 0 skipped, 1 failed")
    assert files_in(elsewhere / "out") == files_in(elsewhere / "alone")
    assert {"elsewhere://out/1.png", "elsewhere://out/2.jpg"} <= set(Elsewhere.renamed)  # written aside first


def test_as_a_program(trained_run, elsewhere):
    def program(*options):
        command = [sys.executable, "-m", "tfi2i.beam", f"--source={trained_run}", *options]
        return subprocess.run(command, capture_output=True, text=True, cwd=elsewhere)

    wrong = program("--input=nowhere/*.png", "--output=out")
    assert wrong.returncode == 2 and "tfi2i: error: " in wrong.stderr and "no files here" in wrong.stderr
    done = program("--input=in/b", "--output=out", "--direct_num_workers=2", "--direct_running_mode=multi_processing")
    assert (done.returncode, done.stdout) == (0, "2 done, 0 skipped, 0 failed: out\n"), done.stderr
    assert sorted(files_in(elsewhere / "out")) == ["1.png", "3.png"]
