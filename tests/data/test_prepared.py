"""Kinds of data besides pairs: single images, labelled ones, and images that are made smaller."""

import types

import numpy as np
import pytest

from tfi2i.data import resampling
from tfi2i.data.attributes import Joined
from tfi2i.data.pipeline import load, stream
from tfi2i.data.prepared import PreparedHighResolution, PreparedImages, PreparedLabelled, Preprocess, to_float
from tfi2i.data.sources import open_source
from tfi2i.data.synthetic import SyntheticExpressions, SyntheticFaces, SyntheticTextures
from tfi2i.errors import UserError


class Ramp:
    """Images whose columns are numbered, wider than high."""

    def __len__(self):
        return 3

    def __getitem__(self, index):
        return {"image": np.tile(np.arange(40, dtype=np.uint8)[None, :, None], (20, 1, 3))}


def test_the_central_square():
    prepared = PreparedImages(Ramp(), Preprocess(preprocess="square", crop_size=20, no_flip=True), True)
    (image,) = prepared[0]
    np.testing.assert_array_equal(image[0, :, 0], np.arange(10, 30))
    batch = next(iter(stream(prepared, 2, seed=0)))
    assert batch.keys() == {"x"} and batch["x"].shape == (2, 20, 20, 3)


def test_labels_stay_with_their_images():
    source = SyntheticFaces("train", 32, length=5)
    prepared = PreparedLabelled(source, Preprocess(preprocess="square", crop_size=32, no_flip=True), True)
    drawn = {to_float(source[i]["image"]).tobytes(): source[i]["label"].tolist() for i in range(5)}
    batches = list(stream(prepared, 5, seed=3).take(2))
    for batch in batches:
        assert batch.keys() == {"x", "label"}
        found = {
            x.tobytes(): label.tolist() for x, label in zip(batch["x"].numpy(), batch["label"].numpy(), strict=True)
        }
        assert found == drawn
    assert not np.array_equal(batches[0]["label"], batches[1]["label"])  # another order


def test_joined_sets_say_which():
    source = Joined([SyntheticFaces("train", 16, length=3), SyntheticExpressions("train", 16, length=3)])
    prepared = PreparedLabelled(source, Preprocess(preprocess="square", crop_size=16), True)
    batch = next(iter(stream(prepared, 6, seed=0)))
    assert batch["label"].shape == (6, 10) and batch["set"].numpy().sum(0).tolist() == [3, 3]
    of_first = batch["set"].numpy()[:, 0] > 0
    assert not batch["label"].numpy()[of_first, 6:].any() and not batch["label"].numpy()[~of_first, :6].any()


@pytest.mark.parametrize("scale", [2, 4])
def test_small_images_are_those_of_their_crop_as_matlab_makes_them(scale):
    """In training by TensorFlow, of the crop; equal to `shrink`, which is NumPy's, but for ties of float32."""
    preprocess = Preprocess(preprocess="crop", crop_size=32, scale=scale)
    prepared = PreparedHighResolution(SyntheticTextures("train", 48, length=4), preprocess, True)
    batch = next(iter(stream(prepared, 4, seed=1)))
    for x, y in zip(batch["x"].numpy(), batch["y"].numpy(), strict=True):
        pixels = np.round((y + 1.0) * 127.5).astype(np.uint8)
        differences = np.abs(np.round((x + 1.0) * 127.5) - resampling.shrink(pixels, scale))
        assert differences.max() <= 1 and (differences > 0).mean() < 0.01


def test_test_images_are_whole_but_for_what_does_not_divide():
    class Odd(Ramp):
        def __getitem__(self, index):
            return {"image": super().__getitem__(index)["image"][:19]}

    small, large = PreparedHighResolution(Odd(), Preprocess(preprocess="crop", crop_size=8, scale=4), False)[0]
    assert small.shape == (4, 10, 3) and large.shape == (16, 40, 3)


def config(kind, **more):
    return types.SimpleNamespace(kind=kind, preprocess="square", crop_size=16, batch_size=2, **more)


def test_sets_of_another_kind_are_refused():
    for kind, name, said in (
        (
            "labelled",
            "synthetic_seasons",
            "holds two domains without pairs, and this model learns from labelled images",
        ),
        ("images", "synthetic_facades", "holds pairs, and this model learns from single images"),
        ("high_resolution", "synthetic_faces", "holds labelled images, and this model learns from single images"),
    ):
        with pytest.raises(UserError, match=said):
            open_source(name, "train", config(kind, attribute_sets=[None]))


def test_as_many_attribute_sets_as_data_sets():
    with pytest.raises(UserError, match=r"--attributes names those of 1 data sets, and --dataset 2"):
        open_source("synthetic_faces,synthetic_expressions", "train", config("labelled", attribute_sets=[None]))


def test_two_names_are_two_domains():
    pair = open_source("synthetic_written_digits,synthetic_faces", "train", config("domains"))
    assert pair.a.attributes[0] == "0" and pair.b.attributes[0] == "black_hair"
    batch = next(iter(load("synthetic_written_digits,synthetic_faces", "train", config("domains", input_nc=1))))
    assert batch["x"].shape == (2, 16, 16, 1) and batch["y"].shape == (2, 16, 16, 3)
