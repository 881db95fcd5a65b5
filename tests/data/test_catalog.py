"""Named sets, end to end: an archive like the authors', served on the loopback interface, to pixels."""

import dataclasses
import functools
import io
import pickle
import socket
import tarfile
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from PIL import Image

from tfi2i.data import catalog
from tfi2i.data.catalog import CATALOG
from tfi2i.data.download import sha256_of
from tfi2i.data.named import open_named
from tfi2i.data.synthetic import SyntheticFacades
from tfi2i.errors import UserError

SPLITS = {"train": 12, "val": 2, "test": 3}


def jpeg(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=95)
    return file.getvalue()


@pytest.fixture(scope="module")
def images():
    """{split: {name: JPEG of a pair side by side}}, as in the authors' archive."""
    made = {}
    for split, length in SPLITS.items():
        source = SyntheticFacades(split, size=32, length=length)
        pairs = [np.concatenate([source[i]["A"], source[i]["B"]], axis=1) for i in range(length)]
        made[split] = {str(i + 1): jpeg(pair) for i, pair in enumerate(pairs)}
    return made


@pytest.fixture
def mirror(images, tmp_path, monkeypatch):
    """A server of facades.tar.gz that the catalog takes for the authors'."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    with tarfile.open(folder / "facades.tar.gz", "w:gz") as tar:
        for split, files in images.items():
            for name, content in files.items():
                info = tarfile.TarInfo(f"facades/{split}/{name}.jpg")
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=folder))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}/"
    monkeypatch.setattr(catalog, "PIX2PIX_MIRRORS", (address + "moved/{name}.tar.gz", address + "{name}.tar.gz"))
    try:
        yield address
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def no_network(*_):
    raise AssertionError("the network was used")


def test_facades_from_archive_to_pixels(images, mirror, tmp_path, monkeypatch, capsys):
    data_dir = tmp_path / "data"
    monkeypatch.setenv("TFI2I_DATA_DIR", str(data_dir))
    for split, length in SPLITS.items():
        source = open_named("facades", split)
        assert [source.name(i) for i in range(len(source))] == [str(i + 1) for i in range(length)]
        for i in range(length):
            pair = source[i]
            with Image.open(io.BytesIO(images[split][source.name(i)])) as expected:
                both = np.concatenate([pair["A"], pair["B"]], axis=1)
                assert both.dtype == np.uint8
                np.testing.assert_array_equal(both, np.asarray(expected))
    assert (data_dir / "downloads" / "facades.tar.gz.sha256").exists()
    assert sorted(path.name for path in (data_dir / "pix2pix" / "facades").iterdir()) == ["1.0.0"]

    assert capsys.readouterr().out == ""  # standard output is for results

    monkeypatch.setattr(socket.socket, "connect", no_network)
    again = open_named("facades", "train", data_dir=data_dir)
    copy = pickle.loads(pickle.dumps(again))
    with ThreadPoolExecutor(8) as threads:
        for i, pair in enumerate(threads.map(again.__getitem__, range(len(again)))):
            np.testing.assert_array_equal(pair["A"], copy[i]["A"])
    with pytest.raises(IndexError):
        again[len(again)]


def test_what_stands_in_for_a_missing_split(mirror, tmp_path, monkeypatch):
    monkeypatch.setitem(CATALOG, "facades", dataclasses.replace(CATALOG["facades"], splits=("train", "val")))
    assert len(open_named("facades", "test", tmp_path)) == SPLITS["val"]


def test_a_dead_mirror_is_reported_with_the_way_out(mirror, tmp_path, monkeypatch):
    monkeypatch.setattr(catalog, "PIX2PIX_MIRRORS", (mirror + "moved/{name}.tar.gz",))
    with pytest.raises(UserError) as caught:
        open_named("night2day", "train", tmp_path)
    message = str(caught.value)
    for said in (mirror + "moved/night2day.tar.gz", "404", str(tmp_path / "downloads" / "night2day.tar.gz")):
        assert said in message


def test_an_archive_without_its_folders_is_reported(mirror, tmp_path, monkeypatch):
    monkeypatch.setattr(catalog, "PIX2PIX_MIRRORS", (mirror + "facades.tar.gz",))
    for _ in range(2):
        with pytest.raises(UserError, match="holds no folder maps/train"):
            open_named("maps", "train", tmp_path)
    assert not any((tmp_path / "pix2pix" / "maps").iterdir())


def test_unpaired_domains_of_different_length(tmp_path, mirror, monkeypatch):
    archive = tmp_path / "mirror" / "horse2zebra.zip"
    lengths = {"trainA": 3, "trainB": 5, "testA": 1, "testB": 1}
    with zipfile.ZipFile(archive, "w") as zipped:
        for split, length in lengths.items():
            for i in range(length):
                grey = np.full((4, 6, 3), 10 * i + 100 * (split[-1] == "B"), np.uint8)
                zipped.writestr(f"horse2zebra/{split}/n{i}.jpg", jpeg(grey))
    name = "cycle_gan/horse2zebra"
    monkeypatch.setattr(catalog, "CYCLE_GAN_MIRRORS", (mirror + "{name}.zip",))
    monkeypatch.setitem(CATALOG, name, dataclasses.replace(CATALOG[name], sha256=sha256_of(archive)))

    source = open_named(name, "train", tmp_path / "data")
    assert (len(source), source.len_a, source.len_b) == (5, 3, 5)
    assert sorted(int(source[i]["B"][0, 0, 0]) for i in range(5)) == [100, 110, 120, 130, 140]
    np.testing.assert_array_equal(source[4]["A"], source.a[1]["image"])
    assert len({source.name(i) for i in range(3)}) == 3
    assert len(open_named(name, "val", tmp_path / "data")) == 1
    assert len(pickle.loads(pickle.dumps(source))) == 5


def test_synthetic_facades_by_name():
    source = open_named("synthetic_facades", "val", size=48)
    np.testing.assert_array_equal(source[3]["A"], SyntheticFacades("val", size=48)[3]["A"])


@pytest.mark.parametrize(
    ("name", "split", "said"),
    [
        ("facade", "train", "did you mean facades?"),
        ("horse2zebra", "train", "did you mean cycle_gan/horse2zebra?"),
        ("zzz", "train", "expected one of synthetic_facades, facades"),
        ("maps", "tset", "expected one of train, val"),
    ],
)
def test_a_wrong_name_or_split(name, split, said):
    with pytest.raises(UserError) as caught:
        open_named(name, split)
    assert said in str(caught.value)


def test_every_hash_and_builder_is_as_tensorflow_datasets_knows_it():
    from tensorflow_datasets.image_classification import cycle_gan

    from tfi2i.data.builders import ORIGINS, CycleGAN, Pix2pix

    known = {f"{builder.name}/{config}" for builder in (CycleGAN, Pix2pix) for config in builder.builder_configs}
    known |= ORIGINS.keys()
    assert known == {entry.builder for entry in CATALOG.values()} - {None}
    hashes = {url.rsplit("/", 1)[1]: info.checksum for url, info in cycle_gan.CycleGAN.url_infos.items()}
    for entry in CATALOG.values():
        if entry.builder and entry.kind == "domains":
            assert entry.sha256 == hashes[entry.builder.removeprefix("cycle_gan/") + ".zip"]
