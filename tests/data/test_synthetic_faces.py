"""The drawn faces: labels that tell nothing of one another, and edits that change their own pixels and no others."""

import dataclasses
import hashlib
import itertools
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tfi2i.data.synthetic import SyntheticExpressions, SyntheticFaces
from tfi2i.data.synthetic.faces.portrait import paint
from tfi2i.errors import UserError

BOTH = pytest.mark.parametrize("drawn", [SyntheticFaces, SyntheticExpressions])

PLAIN = np.array([1, 0, 0, 0, 0, 0])
EDITS = {  # of the plain label
    "hair": np.array([0, 1, 0, 0, 0, 0]),
    "glasses": np.array([1, 0, 0, 1, 0, 0]),
    "smile": np.array([1, 0, 0, 0, 1, 0]),
    "age": np.array([1, 0, 0, 0, 0, 1]),
}


def digest(sample):
    return hashlib.sha256(sample["image"].tobytes() + sample["label"].tobytes()).hexdigest()


def differ(a, b):
    """Where two images are not the same."""
    return (a != b).any(-1)


def face_coordinates(source, i):
    """Each pixel's place in the frame of the head: the origin between eyes and nose, 1 is half its width."""
    person, centres = source.person(i), (np.arange(source.size) + 0.5) * 64 / source.size
    x, y = np.meshgrid((centres - person.x) / person.scale, (centres - person.y) / person.scale)
    cos, sin = np.cos(person.tilt), np.sin(person.tilt)
    return cos * x + sin * y, cos * y - sin * x


@BOTH
def test_another_process_draws_the_same_bits_in_any_order(drawn):
    program = (
        f"import hashlib; from tfi2i.data.synthetic import {drawn.__name__} as drawn; s = drawn('train', 64, seed=7)\n"
        "for i in (5, 0, 799): print(hashlib.sha256(s[i]['image'].tobytes() + s[i]['label'].tobytes()).hexdigest())"
    )
    elsewhere = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    source = pickle.loads(pickle.dumps(drawn("train", 64, seed=7)))
    with ThreadPoolExecutor(4) as threads:
        here = list(threads.map(lambda i: digest(source[i]), (5, 0, 799)))
    assert elsewhere.stdout.split() == here


@BOTH
def test_it_is_a_source_of_labelled_images(drawn):
    for split, length in {"train": 800, "val": 100, "test": 100}.items():
        source = drawn(split, 16)
        assert len(source) == length
        image, label = source[3]["image"], source[3]["label"]
        assert image.shape == (16, 16, 3) and image.dtype == np.uint8
        assert label.shape == (len(drawn.attributes),) and label.dtype == np.float32
        np.testing.assert_array_equal(label, source.label(3))
    assert [source.name(i) for i in (0, 99, -1)] == ["test_0000", "test_0099", "test_0099"]
    assert len(list(drawn("train", 16, length=3))) == 3
    np.testing.assert_array_equal(drawn("train", 16, length=3)[2]["image"], drawn("train", 16)[2]["image"])


@BOTH
def test_no_person_is_in_two_splits_or_seeds(drawn):
    sources = [drawn(split, seed=seed) for split, seed in itertools.product(("train", "val", "test"), (0, 1))]
    people = [source.person(i) for source in sources for i in range(len(source))]
    assert len(set(people)) == len(people) == 2 * (800 + 100 + 100)


@BOTH
def test_attributes_are_balanced_and_tell_nothing_of_one_another_nor_of_the_person(drawn):
    source = drawn("train")
    people = [source.person(i) for i in range(len(source))]
    looks = [dataclasses.asdict(source.look(i)) for i in range(len(source))]
    groups = {name: [look[name] for look in looks] for name in looks[0]}
    for name, values in groups.items():
        _, counts = np.unique(values, return_counts=True)
        assert len(counts) == {"hair": 3, "glasses": 2, "expression": len(drawn.expressions), "aged": 2}[name]
        assert (abs(counts - 800 / len(counts)) < 60).all()  # three standard deviations are 42 at most
    groups["hairstyle"] = [person.hairstyle for person in people]
    groups["deep"] = [person.skin > 0.5 for person in people]
    for first, second in itertools.combinations(groups.values(), 2):
        values = [np.unique(of, return_inverse=True)[1] for of in (first, second)]
        counts = np.zeros([of.max() + 1 for of in values])
        np.add.at(counts, tuple(values), 1)
        expected = counts.sum(1, keepdims=True) * counts.sum(0) / counts.sum()
        freedom = (counts.shape[0] - 1) * (counts.shape[1] - 1)
        assert ((counts - expected) ** 2 / expected).sum() < freedom + 4 * np.sqrt(2 * freedom)


@BOTH
def test_labels_say_what_is_seen_and_nothing_else_differs(drawn):
    source = drawn("val", 48)
    for i in range(8):
        image, label = source[i]["image"], source[i]["label"]
        np.testing.assert_array_equal(source.edited(i, label), image)
        assert all(label[[drawn.attributes.index(name) for name in group]].sum() == 1 for group in drawn.exclusive)
        shown = dict(zip(drawn.attributes, label, strict=True))
        look = source.look(i)
        if drawn is SyntheticExpressions:
            assert shown[look.expression] == 1
        else:
            assert shown[f"{look.hair}_hair"] == 1
            assert (shown["glasses"], shown["aged"]) == (look.glasses, look.aged)
            assert shown["smiling"] == (look.expression == "happy")


@pytest.mark.parametrize("size", [16, 47, 64, 128])
def test_edits_change_pixels_of_their_own(size):
    """So edits commute: each one's region, taken from its image, makes up the image of all of them."""
    source = SyntheticFaces("test", size)
    for i in range(24):
        plain = source.edited(i, PLAIN)
        edited = {name: source.edited(i, label) for name, label in EDITS.items()}
        changed = {name: differ(image, plain) for name, image in edited.items()}
        assert np.sum(list(changed.values()), 0).max() == 1
        together = plain.copy()
        for name in ("glasses", "smile", "age", "hair"):
            together[changed[name]] = edited[name][changed[name]]
        np.testing.assert_array_equal(together, source.edited(i, [0, 1, 0, 1, 1, 1]))


def test_edits_change_the_region_that_they_are_about():
    source, expressions = SyntheticFaces("test", 64), SyntheticExpressions("test", 64)
    least = {"hair": 0.08, "glasses": 0.02, "smile": 0.015, "age": 0.025}
    most = {"hair": 0.4, "glasses": 0.06, "smile": 0.04, "age": 0.07}
    for i in range(40):
        x, y = face_coordinates(source, i)
        changed = {name: differ(source.edited(i, label), source.edited(i, PLAIN)) for name, label in EDITS.items()}
        for name, where in changed.items():
            assert least[name] < where.mean() < most[name], (i, name)
        mouth, eyes = (abs(x) < 0.4) & (y > 0.5) & (y < 0.9), (abs(y) < 0.4) & (abs(x) < 1.05)
        assert not changed["hair"][mouth | (abs(x) < 0.3) & (abs(y) < 0.4)].any()
        assert not changed["glasses"][~eyes].any()
        assert not changed["smile"][(y < 0.1) | (abs(x) > 0.85) | (y > 1)].any()
        assert not changed["age"][(abs(x) > 0.95) | (y > 1.1) | (y < -0.8)].any()
        shown = [expressions.edited(i, label) for label in np.eye(4)]
        assert not any(differ(a, b)[(y > 1.1) | (y < -0.6)].any() for a, b in itertools.combinations(shown, 2))


def test_edits_are_seen():
    """Within its region an edit is a strong one, whatever the skin, the hair before it and the light."""
    source = SyntheticFaces("test", 64)
    for name, label in EDITS.items():
        strengths = []
        for i in range(len(source)):
            before, after = source.edited(i, PLAIN).astype(np.float32), source.edited(i, label)
            strengths.append(np.abs(after - before).sum() / 255)
        assert min(strengths) > {"hair": 500, "glasses": 35, "smile": 28, "age": 23}[name], name


def test_both_sources_show_the_same_people_and_smiles():
    faces, expressions = SyntheticFaces("val", 48), SyntheticExpressions("val", 48)
    looks = [expressions.look(i) for i in range(12)]
    for i, look in enumerate(looks):
        assert faces.person(i) == expressions.person(i)
        hair = [look.hair == colour for colour in ("black", "blond", "brown")]
        for smiling, expression in ((0, [1, 0, 0, 0]), (1, [0, 1, 0, 0])):
            label = [*hair, look.glasses, smiling, look.aged]
            np.testing.assert_array_equal(faces.edited(i, label), expressions.edited(i, expression))
        for expression, label in zip(expressions.attributes, np.eye(4), strict=True):
            there = paint(expressions.person(i), dataclasses.replace(look, expression=expression), 48)
            np.testing.assert_array_equal(expressions.edited(i, label), there)
    assert looks != [faces.look(i) for i in range(12)]


@BOTH
def test_an_index_is_the_same_image_at_every_size(drawn):
    small, large = drawn("val", 64), drawn("val", 256)
    for i in range(6):
        shrunk = large[i]["image"].reshape(64, 4, 64, 4, 3).mean((1, 3))
        assert np.abs(small[i]["image"] - shrunk).mean() / 127.5 < 0.02
        assert np.abs(small[i + 1]["image"] - shrunk).mean() / 127.5 > 0.1


@BOTH
@pytest.mark.parametrize("wrong", [{"split": "dev"}, {"size": 8}, {"length": 0}, {"seed": -1}])
def test_what_cannot_be_drawn_is_refused(drawn, wrong):
    with pytest.raises(UserError, match=rf"{drawn.title} .*expected .*received"):
        drawn(**{"split": "train", **wrong})


@pytest.mark.parametrize(
    ("drawn", "label", "expected"),
    [
        (SyntheticFaces, [1, 0, 0, 1, 0], "6 values of 0 or 1: black_hair, .*aged"),
        (SyntheticFaces, [1, 0, 0, 0.5, 0, 0], "6 values of 0 or 1"),
        (SyntheticFaces, [1, 0, 1, 0, 0, 0], "exactly one of black_hair, blond_hair, brown_hair"),
        (SyntheticFaces, [0, 0, 0, 1, 1, 1], "exactly one of black_hair, blond_hair, brown_hair"),
        (SyntheticExpressions, [0, 0, 0, 0], "exactly one of neutral, happy, sad, surprised"),
        (SyntheticExpressions, [[0, 1, 0, 0]], "4 values of 0 or 1"),
    ],
)
def test_an_impossible_label_is_refused(drawn, label, expected):
    with pytest.raises(UserError, match=rf"{drawn.title} \(expected {expected}.*, received \["):
        drawn("val", 16).edited(0, label)
