"""What `evaluate` counts of edits, by a classifier that was really trained: of a model that answers with the truth, of
one that copies, and of two sets at once."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

from tfi2i.data.attributes import Joined
from tfi2i.data.prepared import prepared
from tfi2i.evaluation import attributes, classifier
from tfi2i.zoo import stargan

COLOURS = {"red": (1, 0, 0), "green": (0, 1, 0), "blue": (0, 0, 1)}


def drawn(label):
    """Of the labels red, green, blue, striped; float (16, 16, 3) in [-1, 1]."""
    image = np.full((16, 16, 3), -0.8, np.float32)
    image[4:] += 1.6 * np.array(list(COLOURS.values())).T @ label[:3]
    image[:4, ::2] += 1.6 * label[3]
    return image


class Squares:
    """Coloured squares, striped or not, no two alike."""

    attributes, exclusive, split = (*COLOURS, "striped"), (tuple(COLOURS),), "test"

    def __init__(self, labels, seed):
        self._labels, self._seed = np.array(labels, np.float32), seed

    def __len__(self):
        return len(self._labels)

    def __getitem__(self, index):
        noise = np.random.default_rng([self._seed, index]).normal(0, 0.05, (16, 16, 3))
        image = np.clip(127.5 * (drawn(self._labels[index]) + noise + 1), 0, 255).astype(np.uint8)
        return {"image": image, "label": self._labels[index]}

    def labels(self):
        return self._labels


class Tones:
    """As Squares, of one attribute that names none of theirs: the striped ones are zebras."""

    attributes, exclusive = ("zebra",), ()

    def __init__(self, labels, seed):
        self.squares = Squares(labels, seed)

    def __len__(self):
        return len(self.squares)

    def __getitem__(self, index):
        sample = self.squares[index]
        return {**sample, "label": sample["label"][3:]}

    def labels(self):
        return self.squares.labels()[:, 3:]


def labels_of(count):
    return [[*np.eye(3)[i % 3], i // 3 % 2] for i in range(count)]


def model_of(answer, **options):
    """A StarGAN whose G is a function of one image and one label."""

    def generator(inputs, training):
        return np.stack([answer(image, label) for image, label in zip(*inputs, strict=True)])

    config = stargan.Config(crop_size=16, d_repeat_num=2, **options)
    return SimpleNamespace(config=config, trained=(), generators=lambda: {"edit": generator})


ONE_SET = {"attributes": "red,green,blue,striped", "exclusive": "red+green+blue"}
TESTING = [[1, 0, 0, 0]] * 5 + [[0, 1, 0, 1]] * 3 + [[0, 0, 1, 0]] * 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("run")


@pytest.fixture
def measured(folder, monkeypatch):
    """A function: of a model's edits of the images of a set, the images' numbers and the protocol."""

    def measured(model, training, testing):
        monkeypatch.setattr(attributes, "open_source", lambda *_: training)
        examples = prepared(testing, model.config, training=False)
        job = SimpleNamespace(config=model.config, dataset="squares")
        measure, protocol = attributes.measurement(model, examples, job, folder, False)
        return [measure(i) for i in range(len(examples))], protocol

    return measured


def mean(found, way, name):
    return np.mean([row[way][name] for row in found if name in row.get(way, {})])


def test_the_truth_has_no_error_and_a_copy_the_rate_of_what_is_there_already(measured):
    """Of ten images five are red, three green, two blue; stripes are turned over."""
    training, testing = Squares(labels_of(96), 1), Squares(TESTING, 2)
    truth, protocol = measured(model_of(lambda _, label: drawn(label), **ONE_SET), training, testing)
    ways = (*COLOURS, "striped", "all")
    assert all(row.keys() == set(ways) for row in truth)
    for way in ways:
        assert mean(truth, way, "classification_error") == 0.0
        assert mean(truth, way, "accuracy") == mean(truth, way, "kept") == mean(truth, way, "accuracy_real") == 1.0
    assert "red+green+blue 100.0 % (100.0 to 100.0, n = 10), striped 100.0 %" in protocol

    copied, _ = measured(model_of(lambda image, _: image, **ONE_SET), training, testing)
    wanted = {"red": 0.5, "green": 0.7, "blue": 0.8, "striped": 1.0, "all": (0.5 + 0.7 + 0.8 + 1.0) / 4}
    assert {way: mean(copied, way, "classification_error") for way in ways} == pytest.approx(wanted)
    assert [row["red"]["classification_error"] for row in copied] == [0.0] * 5 + [1.0] * 5
    assert mean(copied, "striped", "kept") == 1.0


def test_of_two_sets_an_image_is_held_to_the_labels_of_its_own(measured, monkeypatch):
    """The shorter set's images are there twice, and counted once."""
    options = {"attributes": "red,green,blue,striped/zebra", "exclusive": "red+green+blue"}

    def answer(_, label):
        """G is told the labels of the set that the edit belongs to, and which set that is."""
        return drawn(label[:4] if label[5] else np.array([0, 0, 1, label[4]]))

    model = model_of(answer, **options)
    # What D would see in an image of the other set.
    monkeypatch.setattr(attributes.Edits, "label_of", lambda self, image: np.array([1, 0, 0, 1, 1], np.float32))
    training = Joined([Squares(labels_of(96), 1), Tones(labels_of(96), 1)])
    found, _ = measured(model, training, Joined([Squares(TESTING[:4], 2), Tones(TESTING[5:7], 3)]))
    assert [bool(row) for row in found] == [True, True, True, True, True, False, True, False]
    assert all(("all_1" in row) != ("all_2" in row) for row in found if row)
    for row in found[::2]:
        assert row["all_1"]["classification_error"] == 0.0 and "accuracy_real" not in row["zebra"]
    for row in found[1:4:2]:
        assert row["zebra"]["accuracy_real"] == 1.0 and not {"accuracy_real", "kept"} & row["red"].keys()


def test_on_its_own_training_images_the_classifier_is_held_to_a_tenth(measured, monkeypatch):
    image = keras.Input((16, 16, 3))
    untrained = keras.Model(image, keras.layers.Dense(4)(keras.layers.Flatten()(image)))
    monkeypatch.setattr(classifier, "_fitted", lambda examples: untrained)
    training = Squares(labels_of(60), 1)
    found, protocol = measured(model_of(lambda image, _: image, **ONE_SET), training, training)
    assert sum("accuracy_real" in row["red"] for row in found) == 6 and "n = 6" in protocol
    assert all("accuracy" in row["red"] for row in found)
