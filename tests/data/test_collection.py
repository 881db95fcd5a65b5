"""Names of a collection, and its shards."""

import pytest

from tfi2i.data.collection import collection, fixed_part
from tfi2i.data.images import listing
from tfi2i.errors import UserError


def made(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")
    return folder


@pytest.mark.parametrize(("count", "shards"), [(0, 3), (1, 3), (10, 3), (12, 4), (5, 1)])
def test_shards_are_disjoint_and_complete(tmp_path, count, shards):
    made(tmp_path, "always.png", *(f"{k}.jpg" for k in range(count)))
    parts = [list(collection(tmp_path, (k, shards)).names()) for k in range(shards)]
    together = [name for part in parts for name in part]
    assert len(together) == count + 1 and set(together) == set(collection(tmp_path).names())
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert parts == [list(collection(tmp_path, (k, shards)).names()) for k in range(shards)]


@pytest.mark.parametrize("source", ["", "2.jpg", "*.jpg", "*/1.jpg", "s*/*", "s1/*.png"])
def test_it_is_what_the_listing_is(tmp_path, source):
    made(tmp_path, "2.jpg", "10.jpg", ".hidden.jpg", "notes.txt", "s1/1.jpg", "s1/2.png", "s2/1.jpg", "s2.jpg/1.png")
    paths = collection(tmp_path / source)
    assert sorted(paths) == sorted(listing(tmp_path / source))
    assert list(paths.names()) == sorted(paths.names())


def test_what_a_pattern_finds_keeps_its_folders(tmp_path, monkeypatch):
    made(tmp_path, "p/a/1.jpg", "p/b/1.jpg")
    monkeypatch.chdir(tmp_path)
    for pattern, root in (
        ("p/*/1.jpg", "p"),
        ("./p/*/1.jpg", "p"),
        ("*/*/1.jpg", "."),
        (f"{tmp_path}/*/*/*", tmp_path),
    ):
        found = collection(pattern)
        assert (str(found.folder), len(found)) == (str(root), 2), pattern
        assert all(path.is_file() for path in found)
    assert fixed_part("gs://bucket/a/*/b/*.jpg") == "gs://bucket/a" and fixed_part("/*.jpg") == "/"


def test_nothing(tmp_path):
    with pytest.raises(UserError, match="no images here"):
        collection(made(tmp_path, "notes.txt"))
