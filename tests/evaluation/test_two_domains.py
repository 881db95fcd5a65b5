"""What `evaluate` counts of domains that have the same labels, and of domains that an attribute parts."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

from tfi2i.data.attributes import WithAndWithout
from tfi2i.data.prepared import prepared, to_float
from tfi2i.data.sources import open_source
from tfi2i.data.synthetic import SyntheticFaces
from tfi2i.errors import UserError
from tfi2i.evaluation import classifier, two_domains
from tfi2i.zoo import diat, dtn, unit


class AddOne(SimpleNamespace):
    """A translation of images that are numbers."""

    def __call__(self, image, style):
        return image + 1

    def random_styles(self, count, seed):
        return [None]


class Reader:
    """A judge that sees the number itself, and has been trained on the first image of its set."""

    unseen = (1,)

    def __call__(self, image):
        return np.eye(5)[image]


def test_accuracy_of_translations_inputs_and_real_images():
    """Image 2 of the source is there once, the target has but two images, of which the judge knows one."""
    one_hot = np.eye(5)
    labels = [one_hot[[3, 2, 4]], one_hot[[1, 1]]]
    seen = [two_domains._seen(Reader(), AddOne(source=0, target=1), (2, 1), labels, i) for i in range(4)]
    assert seen == [
        {"accuracy": 1.0, "accuracy_copy": 0.0},
        {"accuracy": 0.0, "accuracy_copy": 1.0, "accuracy_real": 1.0},
        {"accuracy": 0.0, "accuracy_copy": 0.0},
        {},
    ]


def network(answer, channels):
    """A generator that answers with a function of the images."""
    image = keras.Input((None, None, channels), name="image")
    return keras.Model(image, answer(image))


def files_of_digits(folder):
    """Two files of three classes: a bar on the left, in the middle, on the right; white on black, and the negative.

    The second has fewer images, of another size.
    """
    paths = []
    for name, size, count, negative in (("a", 16, 96, False), ("b", 20, 60, True)):
        y = np.arange(count) % 3
        x = np.random.default_rng(count).integers(0, 50, (count, size, size), np.uint8)
        for image, k in zip(x, y, strict=True):
            image[:, k * size // 3 : (k + 1) * size // 3] = 255
        x = 255 - x if negative else x
        paths.append(str(folder / f"{name}.npz"))
        np.savez(paths[-1], x_train=x, y_train=y, x_test=x[: count // 4], y_test=y[: count // 4])
    return ",".join(paths)


@pytest.mark.parametrize("name", ["unit", "dtn"])
def test_digits_are_read_by_classifiers_in_every_way_a_model_translates(name, tmp_path, monkeypatch):
    """Of two files, both ways for UNIT: the negatives of all digits, then a first class for all, right for a third."""
    monkeypatch.setattr(classifier, "EPOCHS", 20)
    small = {"crop_size": 16, "input_nc": 1}
    config = (
        unit.Config(load_size=16, output_nc=1, n_layer=2, num_scales=2, **small)
        if name == "unit"
        else dtn.Config(**small)
    )
    job = SimpleNamespace(config=config, dataset=files_of_digits(tmp_path))
    examples = prepared(open_source(job.dataset, "test", config), config, training=False, multiple=config.stride)
    ways = ("AtoB", "BtoA") if name == "unit" else ("AtoB",)
    found = {}
    left = np.where(np.arange(16) < 5, 1.0, -0.8)[None, None, :, None].astype("float32")
    negatives = dict.fromkeys(ways, network(lambda x: -x, 1))
    firsts = {way: network(lambda x, of=of: 0.0 * x + of, 1) for way, of in zip(ways, (-left, left), strict=False)}
    for networks in (negatives, firsts):
        model = SimpleNamespace(
            config=config,
            statistics="image",
            style_encoders=dict,
            reconstructions=dict,
            generators=lambda stochastic, of=networks: of,
        )
        measure, protocol = two_domains.measurement(model, examples, job, tmp_path / "run", False)
        rows = [measure(i) for i in range(len(examples))]
        for way in ways:
            each = [row[way] for row in rows]
            found.setdefault(way, []).append(np.mean([row["accuracy"] for row in each if "accuracy" in row]))
            assert np.mean([row["accuracy_real"] for row in each if "accuracy_real" in row]) == 1.0
            assert sum("accuracy" in row for row in each) == {"AtoB": 24, "BtoA": 15}[way]
            assert sum("accuracy_real" in row for row in each) == {"AtoB": 15, "BtoA": 24}[way]
    assert found == {way: [1.0, pytest.approx(1 / 3)] for way in ways}
    assert protocol.count("0+1+2 100.0 %") == len(ways)
    assert len(list((tmp_path / "run" / "evaluation").iterdir())) == len(ways)


def test_an_attribute_is_seen_in_every_truth_and_in_no_copy(monkeypatch):
    """By a judge that knows the truths; of the real images it has not seen those of even indices."""
    faces = [SyntheticFaces(split, 16, 24) for split in ("train", "test")]
    config = diat.Config(attribute="glasses", crop_size=16, d_layers=3, batch_size=2, identity_layers="conv3")
    training, testing = (WithAndWithout(source, "glasses") for source in faces)
    examples = prepared(testing, config, training=False)
    pairs = [[to_float(image) for image in examples[i]] for i in range(len(examples))]
    truth_of = {image.tobytes(): truth for image, truth in pairs}
    truths = {truth.tobytes() for _, truth in pairs}
    unseen = range(0, 24, 2)

    def judge(image):
        return [float(image.tobytes() in truths)]

    judge.unseen = unseen
    monkeypatch.setattr(two_domains, "open_source", lambda *_: training)
    monkeypatch.setattr(two_domains, "independent", lambda *_: judge)
    judged, judges = two_domains._by_attribute(examples, SimpleNamespace(config=config, dataset="faces"), "run")
    assert judges == [judge]
    for answer, error in ((lambda image: image, 1.0), (lambda image: truth_of[image.tobytes()], 0.0)):
        rows = [judged(answer, pair, i) for i, pair in enumerate(pairs)]
        assert {row["classification_error"] for row in rows} == {error}
        assert {row["accuracy"] for row in rows} == {1.0 - error}
        for name in ("accuracy_A", "accuracy_B"):
            known = [int(testing.a.indices[i]) for i, row in enumerate(rows) if name in row]
            assert known == [k for k in testing.a.indices if k in unseen] and 0 < len(known) < len(rows)
            assert all(row[name] == 1.0 for row in rows if name in row)
        assert all((row["l1_edit"] == 0.0) == (error == 0.0) and row["l1_rest"] == 0.0 for row in rows)


def test_sets_with_other_labels_than_the_training(tmp_path):
    """A run's classifiers can't judge digits of other classes."""
    config = dtn.Config(crop_size=16, input_nc=1)
    one, other = tmp_path / "one", tmp_path / "other"
    for folder, classes in ((one, 3), (other, 2)):
        folder.mkdir()
        y = np.arange(30) % classes
        x = np.zeros((30, 16, 16), np.uint8)
        for name in "ab":
            np.savez(folder / f"{name}.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    trained_on, asked = (f"{folder}/a.npz,{folder}/b.npz" for folder in (one, other))
    examples = prepared(open_source(asked, "test", config), config, training=False)
    model = SimpleNamespace(
        config=config, style_encoders=dict, reconstructions=dict, generators=lambda _: {"AtoB": network(lambda x: x, 1)}
    )
    job = SimpleNamespace(config=config, dataset=trained_on)
    with pytest.raises(UserError, match=r"classifier of 0, 1, 2, .* labelled by 0, 1; evaluate on"):
        two_domains.measurement(model, examples, job, tmp_path, False)
