"""The files of a folder in a few bytes each."""

import os
import pickle
import re
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfi2i.data import images
from tfi2i.data.folders import ImageFolder, PairedFolders, UnpairedFolders
from tfi2i.data.labelled import ClassFolders
from tfi2i.data.paths import Paths, joined, natural_order
from tfi2i.data.prepared import PreparedImages, Preprocess


def numbers_as_numbers(name):
    return [int(part) if k % 2 else part for k, part in enumerate(re.split("([0-9]+)", name))]


@given(st.lists(st.text(st.sampled_from("019ab._- é\x01"), max_size=12), max_size=12))
def test_natural_order_compares_numbers_as_numbers(names):
    expected = sorted(sorted(names), key=numbers_as_numbers)
    assert sorted(sorted(names), key=lambda name: natural_order(os.fsencode(name))) == expected


def test_as_a_list():
    paths = Paths("in", [b"a.jpg", b"b/c.tar.png", "é.jpg".encode()])
    whole = [Path("in/a.jpg"), Path("in/b/c.tar.png"), Path("in/é.jpg")]
    assert paths == whole and list(paths) == whole and paths[-1] == whole[-1] and paths[1:] == whole[1:]
    assert paths != whole[:2] and paths != whole[::-1]
    assert paths.take(np.array([True, False, True])) == [whole[0], whole[2]] == paths.take(np.array([0, 2]))
    assert [os.fsdecode(stem) for stem in paths.stems()] == [path.stem for path in whole]
    assert pickle.loads(pickle.dumps(paths)) == paths
    assert joined([Paths("in/x", [b"1"]), Paths("in/y/z", [b"2", b"3"])]) == [
        Path("in/x/1"),
        Path("in/y/z/2"),
        Path("in/y/z/3"),
    ]
    with pytest.raises(IndexError):
        paths[3]
    none = Paths("in", [])
    assert list(none) == list(none.names()) == none.stems() == none[1:] == []


COUNT = 5_000


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """A folder as pairs, domains, classes and single images, of links to one picture."""
    root = tmp_path_factory.mktemp("many")
    images.write(root / "one.png", np.arange(300, dtype=np.uint8).reshape(10, 10, 3))
    for folder in ("pairs/A", "pairs/B"):
        (root / folder).mkdir(parents=True)
        for k in range(COUNT):
            (root / folder / f"img_{k}.png").symlink_to(root / "one.png")
    return root


@pytest.mark.parametrize(
    ("opened", "names"),
    [
        (lambda root: ImageFolder(root / "pairs/A", "train"), 1),
        (lambda root: PairedFolders(root / "pairs", "train"), 2),
        (lambda root: UnpairedFolders(root / "pairs", "train"), 2),
        (lambda root: ClassFolders(root / "pairs", "train"), 2),
    ],
    ids=["images", "pairs", "domains", "classes"],
)
def test_a_name_takes_its_bytes_and_few_more_and_the_start_reads_one_image(many, monkeypatch, opened, names):
    read, asked = images.read_picture, []
    monkeypatch.setattr(images, "read_picture", lambda path: asked.append(path) or read(path))
    tracemalloc.start()
    source = opened(many)
    kept, highest = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 32 * COUNT * names  # "img_1234.png" and two numbers; a Path alone takes ten times that
    assert highest < 500 * COUNT * names
    assert not asked
    if hasattr(source, "paths"):
        PreparedImages(source, Preprocess(load_size=10, crop_size=8), True)
        assert len(asked) == 1
