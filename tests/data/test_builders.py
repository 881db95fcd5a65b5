"""Labelled sets and photos in high resolution: files like the published ones, served on the loopback interface."""

import dataclasses
import functools
import gzip
import io
import pickle
import socket
import threading
import zipfile
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from PIL import Image
from tensorflow_datasets.datasets.celeb_a import celeb_a_dataset_builder as celeb_a
from tensorflow_datasets.datasets.div2k import div2k_dataset_builder as div2k
from tensorflow_datasets.datasets.svhn_cropped import svhn_cropped_dataset_builder as svhn_cropped
from tensorflow_datasets.image_classification import mnist

from tfi2i.data import builders
from tfi2i.data.array_records import TfdsHighResolution, TfdsLabelled
from tfi2i.data.builders import ORIGINS
from tfi2i.errors import UserError

DIGITS = tuple("0123456789")


class Handler(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def published(tmp_path, monkeypatch):
    """The folder of a server that the builders take for the authors', whatever the files' hashes."""
    folder = tmp_path / "published"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=folder))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}/"
    for name, origin in ORIGINS.items():
        mirrors = (address + "moved/", address) if origin.mirrors else ()
        replaced = dataclasses.replace(origin, mirrors=mirrors, files=dict.fromkeys(origin.files))
        monkeypatch.setitem(ORIGINS, name, replaced)
    try:
        yield folder
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def digits(length, *shape, seed=0):
    """Images, no two alike, and labels."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (length, *shape), np.uint8), rng.permutation(length) % 10


def in_any_order(source, images, labels):
    """Whether a labelled source holds these, each image with its label."""
    known = {image.tobytes(): label for image, label in zip(images, labels, strict=True)}
    for example in (source[i] for i in range(len(source))):
        assert example["image"].dtype == np.uint8 and example["image"].shape == images.shape[1:]
        assert example["label"].dtype == np.float32
        np.testing.assert_array_equal(example["label"], np.eye(10)[known.pop(example["image"].tobytes())])
    return not known


def png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def test_usps(published, tmp_path, monkeypatch, capsys):
    parts = {"train": digits(23, 16, 16, 1), "test": digits(11, 16, 16, 1, seed=1)}
    for split, (images, labels) in parts.items():
        rows = [
            f"{label}.0000 " + " ".join(f"{grey / 127.5 - 1:.4f}" for grey in image.ravel()) + " \n"
            for image, label in zip(images, labels, strict=True)
        ]
        (published / f"zip.{split}.gz").write_bytes(gzip.compress("".join(rows).encode()))
    for split, (images, labels) in parts.items():
        source = TfdsLabelled("usps", split, tmp_path / "data")
        assert source.attributes == DIGITS and source.exclusive == (DIGITS,)
        np.testing.assert_array_equal([source.label(i).argmax() for i in range(len(source))], labels)  # in order
        assert in_any_order(source, images, labels)
    assert source.name(-1) == "test_00010"
    assert capsys.readouterr().out == ""

    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("the network was used"))
    again = pickle.loads(pickle.dumps(TfdsLabelled("usps", "train", tmp_path / "data")))
    np.testing.assert_array_equal(again[5]["image"], parts["train"][0][5])


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"<html>sorry</html>", "cannot be read"), (gzip.compress(b"1 2 3\n"), "expected 257 numbers")],
    ids=["a web page", "three numbers"],  # a gzip file holds the time: a name made of it differs between workers
)
def test_a_file_that_is_not_usps(published, tmp_path, content, said):
    for split in ("train", "test"):
        (published / f"zip.{split}.gz").write_bytes(content)
    with pytest.raises(UserError, match=rf"zip.train.gz.*{said}"):
        TfdsLabelled("usps", "train", tmp_path / "data")


def test_mnist(published, tmp_path, monkeypatch):
    parts = {"train": ("train", 23, 0), "test": ("t10k", 11, 1)}
    monkeypatch.setattr(mnist, "_TRAIN_EXAMPLES", 23)
    monkeypatch.setattr(mnist, "_TEST_EXAMPLES", 11)
    for file, length, seed in parts.values():
        images, labels = digits(length, 28, 28, 1, seed=seed)
        (published / f"{file}-images-idx3-ubyte.gz").write_bytes(gzip.compress(bytes(16) + images.tobytes()))
        (published / f"{file}-labels-idx1-ubyte.gz").write_bytes(
            gzip.compress(bytes(8) + labels.astype(np.uint8).tobytes())
        )
    for split, (_, length, seed) in parts.items():
        source = TfdsLabelled("mnist", split, tmp_path / "data")
        assert source.attributes == DIGITS and source.exclusive == (DIGITS,)
        assert in_any_order(source, *digits(length, 28, 28, 1, seed=seed))
    assert sorted(path.name for path in (tmp_path / "data" / "mnist").iterdir()) == ["3.0.1"]


def test_svhn(published, tmp_path):
    from scipy.io import savemat

    for seed, (split, length) in enumerate({"train": 23, "test": 11}.items()):
        images, labels = digits(length, 32, 32, 3, seed=seed)
        labels = np.where(labels == 0, 10, labels)  # as SVHN writes zero
        savemat(published / f"{split}_32x32.mat", {"X": np.moveaxis(images, 0, -1), "y": labels[:, None]})
    for seed, (split, length) in enumerate({"train": 23, "test": 11}.items()):
        source = TfdsLabelled("svhn_cropped", split, tmp_path / "data")
        assert source.attributes == DIGITS
        assert in_any_order(source, *digits(length, 32, 32, 3, seed=seed))


def test_celeb_a_from_files_placed_by_hand(published, tmp_path):
    folder = tmp_path / "data" / "downloads" / "celeb_a"
    with pytest.raises(UserError) as caught:
        TfdsLabelled("celeb_a", "train", tmp_path / "data")
    message = str(caught.value)
    for said in (str(folder / "img_align_celeba.zip"), "by hand", "list_eval_partition.txt", "mmlab.ie.cuhk.edu.hk"):
        assert said in message
    assert "\n" not in message

    names = celeb_a.ATTR_HEADINGS
    signs = np.where(np.random.default_rng(0).uniform(size=(6, 40)) < 0.5, -1, 1)
    with zipfile.ZipFile(folder / "img_align_celeba.zip", "w") as archive:
        for i in range(6):
            archive.writestr(f"img_align_celeba/{i + 1:06d}.jpg", png(np.full((218, 178, 3), 10 * i, np.uint8)))
    rows = [f"{i + 1:06d}.jpg  " + "  ".join(map(str, row)) for i, row in enumerate(signs)]
    (folder / "list_attr_celeba.txt").write_text("\n".join(["6", " ".join(names) + " ", *rows, ""]))
    parts = "".join(f"{i + 1:06d}.jpg {part}\n" for i, part in enumerate((0, 0, 0, 1, 2, 2)))
    (folder / "list_eval_partition.txt").write_text(parts)

    for split, members in {"train": (0, 1, 2), "val": (3,), "test": (4, 5)}.items():
        source = TfdsLabelled("celeb_a", split, tmp_path / "data")
        assert source.attributes == tuple(names) and source.exclusive == ()
        assert len(source) == len(members)
        for i, member in enumerate(members):
            example = source[i]
            assert example["image"].shape == (218, 178, 3) and (example["image"] == 10 * member).all()
            assert example["label"].dtype == np.float32
            np.testing.assert_array_equal(example["label"], (signs[member] + 1) / 2)


def test_photos_in_high_resolution(published, tmp_path):
    photos = digits(3, 20, 31, 3)[0]
    for folder, members in {"DIV2K_train_HR": (0, 1), "DIV2K_valid_HR": (2,)}.items():
        with zipfile.ZipFile(published / f"{folder}.zip", "w") as archive:
            for i in members:
                archive.writestr(f"{folder}/{i + 1:04d}.png", png(photos[i]))
    train, val = (TfdsHighResolution("div2k_hr", split, tmp_path / "data") for split in ("train", "val"))
    assert [train.name(i) for i in range(len(train))] == ["0001", "0002"] and val.name(0) == "0003"
    for image, photo in zip((train[0], train[1], val[0]), photos, strict=True):
        np.testing.assert_array_equal(image["image"], photo)
    assert sorted(path.name for path in (tmp_path / "data" / "div2k_hr").iterdir()) == ["1.0.0"]


@pytest.mark.parametrize("name", ["mnist", "svhn_cropped", "usps", "div2k_hr"])
def test_without_a_network_one_line_says_what_to_do(name, tmp_path, monkeypatch):
    def refused(*_):
        refused.asked += 1
        raise OSError("no network here")

    refused.asked = 0
    monkeypatch.setattr(socket, "create_connection", refused)
    with pytest.raises(UserError) as caught:
        (TfdsHighResolution if name == "div2k_hr" else TfdsLabelled)(name, "train", tmp_path)
    message, file = str(caught.value), next(iter(ORIGINS[name].files))
    for said in ("no network here", str(tmp_path / "downloads" / name / file), ORIGINS[name].page):
        assert said in message
    assert "\n" not in message and refused.asked == len(ORIGINS[name].mirrors)


def test_every_file_and_hash_is_as_tensorflow_datasets_knows_it():
    known = {}
    for official in (mnist.MNIST, svhn_cropped.Builder, celeb_a.Builder, div2k.Builder):
        known |= {info.filename: info.checksum for info in official.url_infos.values()}
    for name, origin in ORIGINS.items():
        if name != "usps":
            assert {file: known[file] for file in origin.files} == origin.files
    assert builders.BUILDERS.keys() - {"pix2pix", "cycle_gan"} == ORIGINS.keys()
