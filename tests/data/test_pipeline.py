"""The pipeline as a pure function of (seed, epoch, index), and what it does to an image."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfi2i.data.folders import Unpaired
from tfi2i.data.pipeline import load, stream
from tfi2i.data.prepared import DrawnApart, Prepared, Preprocess, to_float, to_pixels
from tfi2i.errors import UserError


class Numbered:
    """Images that say who they are: A is filled with its index, B too, and both carry the same ramp."""

    def __init__(self, count, height=20, width=24, dtype=np.uint8, broken=()):
        self.count, self.shape, self.dtype, self.broken = count, (height, width), dtype, broken

    def __len__(self):
        return self.count

    def name(self, index):
        return str(index)

    def __getitem__(self, index):
        if index in self.broken:
            raise UserError(f"broken image: {index}.png")
        ramp = np.arange(self.shape[0] * self.shape[1], dtype=self.dtype).reshape(*self.shape, 1) % 200
        image = np.concatenate([np.full_like(ramp, index), ramp, ramp], -1)
        return {"A": image, "B": image}


PLAIN = Preprocess(preprocess="crop", crop_size=16)


def indices(dataset, steps):
    """Which images came, by the number in their first channel."""
    return [round((v + 1) * 127.5) for batch in dataset.take(steps) for v in batch["x"].numpy()[:, 0, 0, 0]]


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 12), st.integers(0, 2**31), st.integers(1, 3))
def test_each_epoch_is_a_permutation_and_any_step_can_come_first(count, seed, batch_size):
    prepared = Prepared(Numbered(count), PLAIN, True)
    steps = 2 * count
    seen = indices(stream(prepared, batch_size, seed), steps)
    for epoch in range(len(seen) // count):
        assert sorted(seen[epoch * count : (epoch + 1) * count]) == list(range(count))
    start = count // 2
    assert indices(stream(prepared, batch_size, seed, start), steps - start) == seen[start * batch_size :]


def test_epochs_and_seeds_differ():
    prepared = Prepared(Numbered(50), PLAIN, True)
    seen = indices(stream(prepared, 1, seed=0), 100)
    assert seen[:50] != seen[50:]
    assert seen[:50] != indices(stream(prepared, 1, seed=1), 50)


class NumberedImages(Numbered):
    def __getitem__(self, index):
        return {"image": super().__getitem__(index)["A"]}


@pytest.mark.parametrize(
    "source", [Unpaired(NumberedImages(7), NumberedImages(5)), Numbered(7)], ids=["two", "aligned"]
)
def test_domains_without_pairs_are_drawn_apart(source):
    """Each in permutations of its own, cut on its own, from any step on, whether or not the source is aligned."""
    prepared = DrawnApart(source, PLAIN, True)
    batches = list(stream(prepared, 1, seed=4).take(70))
    seen = {key: [round((float(b[key][0, 0, 0, 0]) + 1) * 127.5) for b in batches] for key in "xy"}
    for key, count in (("x", 7), ("y", len(prepared.y))):
        for epoch in range(70 // count):
            assert sorted(seen[key][epoch * count : (epoch + 1) * count]) == list(range(count))
    assert len(set(zip(seen["x"], seen["y"], strict=True))) > 20  # every A meets many a B
    assert any((b["x"][0, :, :, 1] != b["y"][0, :, :, 1]).numpy().any() for b in batches)  # other crops
    later = next(iter(stream(prepared, 1, seed=4, start_step=33)))
    for key in "xy":
        np.testing.assert_array_equal(later[key], batches[33][key])


@pytest.mark.parametrize(("workers", "replicas", "each"), [(2, 1, 1), (1, 3, 1), (2, 2, 1), (3, 2, 2)])
def test_workers_and_replicas_together_see_every_image_once_an_epoch(workers, replicas, each):
    """In sets that no batch divides; in the order in which one device sees them."""
    counts = {"x": 7, "y": 5}
    prepared = DrawnApart(Unpaired(NumberedImages(7), NumberedImages(5)), PLAIN, True)
    batch_size = workers * replicas * each
    steps = -(-21 // batch_size)
    shares = [
        list(stream(prepared, batch_size, 3, 0, worker, workers, replicas).take(steps * replicas))
        for worker in range(workers)
    ]
    for key, count in counts.items():
        seen = [
            round((value + 1) * 127.5)
            for step in range(steps)
            for share in shares
            for replica in range(replicas)
            for value in share[step * replicas + replica][key].numpy()[:, 0, 0, 0]
        ]
        assert len(seen) == steps * batch_size
        for epoch in range(len(seen) // count):
            assert sorted(seen[epoch * count : (epoch + 1) * count]) == list(range(count)), (key, epoch)
        alone = stream(prepared, batch_size, 3).take(steps)
        assert seen == [round((v + 1) * 127.5) for b in alone for v in b[key].numpy()[:, 0, 0, 0]]


def test_what_cannot_be_read_is_told_for_either_domain():
    prepared = DrawnApart(Unpaired(NumberedImages(3), NumberedImages(3, broken=[1])), PLAIN, True, skip_bad=True)
    list(stream(prepared, 1, seed=0).take(3))
    assert prepared.bad == {("B", 1): "broken image: 1.png"}


def test_the_shorter_side_is_resized():
    preprocess = Preprocess(preprocess="scale_shortside_and_crop", load_size=40, crop_size=32)
    for training, size in ((True, (40, 48)), (False, (32, 32))):
        assert Prepared(Numbered(1), preprocess, training)[0][0].shape[:2] == size


def test_both_images_of_a_pair_are_cut_and_mirrored_alike():
    prepared = Prepared(Numbered(30), PLAIN, True)
    crops = set()
    for batch in stream(prepared, 1, seed=0).take(30):
        np.testing.assert_array_equal(batch["x"], batch["y"])
        crops.add(batch["x"].numpy()[0, :, :, 1].tobytes())
    assert len(crops) > 15  # places of a 20 x 24 image where 16 x 16 can be cut, and mirrored


def test_random_crops_reach_every_place():
    tops = {float(b["x"][0, 0, 0, 1]) for b in stream(Prepared(Numbered(3, 18, 16), PLAIN, True), 1, 0).take(60)}
    assert len(tops) == 6  # three rows to start from, seen from the left and, mirrored, from the right


def test_direction_and_range():
    class Constant(Numbered):
        def __getitem__(self, index):
            return {"A": np.zeros((16, 16, 3), np.uint8), "B": np.full((16, 16, 3), 255, np.uint8)}

    for direction, x in (("AtoB", -1.0), ("BtoA", 1.0)):
        p = Preprocess(direction=direction, load_size=16, crop_size=16)
        batch = next(iter(stream(Prepared(Constant(1), p, True), 1, 0)))
        assert (batch["x"].numpy() == x).all() and (batch["y"].numpy() == -x).all()


def test_sixteen_bits_and_channels():
    p = Preprocess(preprocess="none", input_nc=1, output_nc=3)
    prepared = Prepared(Numbered(2, 16, 16, np.uint16), p, False)
    x, y = prepared[1]
    assert x.shape == (16, 16, 1) and y.shape == (16, 16, 3) and prepared.dtype == np.uint16


@pytest.mark.parametrize(
    ("mode", "training", "shape"),
    [
        ("resize_and_crop", True, (40, 40)),
        ("resize_and_crop", False, (32, 32)),
        ("crop", True, (50, 80)),
        ("crop", False, (32, 32)),
        ("scale_width", True, (32, 40)),
        ("scale_width_and_crop", False, (32, 32)),
        ("none", True, (48, 80)),
    ],
)
def test_modes(mode, training, shape):
    p = Preprocess(preprocess=mode, load_size=40, crop_size=32)
    x, _ = Prepared(Numbered(1, 50, 80), p, training, multiple=8)[0]
    assert x.shape[:2] == shape


def test_a_broken_image_stops_training_by_name_or_is_skipped_and_counted(capsys):
    source = Numbered(5, broken={2})
    prepared = Prepared(source, PLAIN, True)
    with pytest.raises(Exception, match="broken image"):
        indices(stream(prepared, 1, seed=0), 5)
    assert "2.png" in str(prepared.error)
    prepared = Prepared(source, PLAIN, True, skip_bad=True)
    assert sorted(indices(stream(prepared, 1, seed=0), 5)) == [0, 1, 3, 3, 4]
    assert prepared.bad == {2: "broken image: 2.png"}
    assert capsys.readouterr().err.count("skipped") == 1
    with pytest.raises(UserError, match="no image of the data set can be read"):
        Prepared(Numbered(2, broken={0, 1}), PLAIN, True, skip_bad=True)


def test_the_cache_is_bounded():
    prepared = Prepared(Numbered(10), PLAIN, True, cache_bytes=3 * 2 * 20 * 24 * 3)
    for i in range(10):
        prepared[i]
    assert len(prepared._cache) == 3


def test_load_reshuffles_each_epoch():
    images = load("synthetic_facades", load_size=36, crop_size=32)
    assert images.cardinality() == 400
    first, second = ([b["x"].numpy().tobytes() for b in images.take(5)] for _ in range(2))
    assert first != second
    again = load("synthetic_facades", load_size=36, crop_size=32)
    assert [b["x"].numpy().tobytes() for b in again.take(5)] == first


def test_load_for_testing_is_fixed():
    images = load("synthetic_facades", "test", load_size=36, crop_size=32, batch_size=7)
    first, second = ([b["y"].numpy() for b in images.take(2)] for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert first[0].shape == (7, 32, 32, 3)


def test_pixels_round_trip():
    for dtype in (np.uint8, np.uint16):
        pixels = np.linspace(0, np.iinfo(dtype).max, 1000).astype(dtype).reshape(10, 100, 1)
        np.testing.assert_array_equal(to_pixels(to_float(pixels), dtype), pixels)
    assert to_pixels(np.array([[[-3.0]], [[3.0]]])).ravel().tolist() == [0, 255]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"load_size": 20, "crop_size": 32}, "--crop_size=32 is larger than --load_size=20"),
        ({"preprocess": "squeeze"}, "--preprocess=squeeze .expected one of resize_and_crop"),
        ({"dirction": "AtoB"}, "unknown option of data.load: dirction"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(UserError, match=message):
        load("synthetic_facades", **options)


def test_unknown_set():
    with pytest.raises(UserError, match="no such data set or folder: facadess"):
        load("facadess")


def test_image_smaller_than_the_crop():
    with pytest.raises(UserError, match="smaller than --crop_size=64"):
        Prepared(Numbered(1), Preprocess(preprocess="crop", crop_size=64), True)
