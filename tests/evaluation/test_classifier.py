"""The classifier that `evaluate` trains, and keeps: what it is trained on, what it isn't, and what it refuses."""

import json

import keras
import numpy as np
import pytest

from tfi2i.data.labelled import DigitFile
from tfi2i.data.prepared import Preprocess
from tfi2i.data.synthetic import SyntheticDigits
from tfi2i.errors import UserError
from tfi2i.evaluation import classifier

PREPROCESS = Preprocess(preprocess="square", crop_size=16, no_flip=True)


class Grey:
    """Images of one grey each, and whether it is the lighter one."""

    attributes, exclusive = ("light",), ()

    def __init__(self, labels):
        self._labels = np.array(labels, np.float32)[:, None]

    def __len__(self):
        return len(self._labels)

    def __getitem__(self, index):
        return {"image": np.full((16, 16, 3), 50 + index + 100 * self._labels[index, 0], np.uint8)} | {
            "label": self._labels[index]
        }

    def labels(self):
        return self._labels


def untrained(monkeypatch):
    """Classifiers are given as they come, and what they would be trained on is listed."""
    asked = []

    def fitted(examples):
        asked.append(examples)
        image = keras.Input((16, 16, 3))
        return keras.Model(image, keras.layers.GlobalAveragePooling2D()(image)[:, : len(examples.source.attributes)])

    monkeypatch.setattr(classifier, "_fitted", fitted)
    return asked


def test_a_second_call_reads_what_the_first_has_trained(tmp_path, monkeypatch):
    """And another one elsewhere trains the same."""
    monkeypatch.setattr(classifier, "EPOCHS", 1)
    training, testing = (SyntheticDigits(split, 16, length=100).b for split in ("train", "test"))
    folders = [tmp_path / "one", tmp_path / "one", tmp_path / "other"]
    judges = [classifier.independent(training, testing, PREPROCESS, folder, "digits") for folder in folders]
    image = np.random.default_rng(0).uniform(-1, 1, (1, 16, 16, 3)).astype("float32")
    first, again, elsewhere = (np.asarray(judge.network(image, training=False)) for judge in judges)
    np.testing.assert_array_equal(first, again)
    np.testing.assert_allclose(first, elsewhere, atol=1e-4)
    assert len(list(folders[0].iterdir())) == 1 and judges[1](image[0]).sum() == 1
    assert judges[0].unseen == set(range(100))


def test_of_a_set_that_it_is_to_judge_itself_a_tenth_is_held_out(tmp_path, monkeypatch):
    asked = untrained(monkeypatch)
    source = Grey([0, 1] * 30)
    judge = classifier.independent(source, source, PREPROCESS, tmp_path, "greys")
    (examples,) = asked
    assert len(judge.unseen) == 6 and len(examples) == 54
    trained_on = {int(examples[i][0][0, 0, 0]) for i in range(54)}
    held_out = {int(source[i]["image"][0, 0, 0]) for i in judge.unseen}
    assert not trained_on & held_out and len(trained_on | held_out) == 60
    assert judge.real["light"]["n"] == 6
    other = classifier.independent(source, Grey([0, 1] * 20), PREPROCESS, tmp_path, "greys")
    assert len(asked[1]) == 60 and other.unseen == set(range(40))
    assert len(list(tmp_path.iterdir())) == 2


def test_its_accuracy_on_real_images_is_told_with_an_interval(tmp_path, monkeypatch):
    """The light half is seen as light, and 5 of the dark 20, which are lighter than the middle."""
    untrained(monkeypatch)
    testing = Grey([0] * 20 + [1] * 20)
    lighter = [{**testing[i], "image": testing[i]["image"] + np.uint8(100 * (i < 5))} for i in range(40)]
    monkeypatch.setattr(Grey, "__getitem__", lambda self, index: lighter[index])
    judge = classifier.independent(Grey([0, 1] * 20), testing, PREPROCESS, tmp_path, "greys")
    real = judge.real["light"]
    assert (real["value"], real["n"]) == (35 / 40, 40)
    assert 0.7 < real["low"] < 35 / 40 < real["high"] < 1.0
    told = classifier.words([judge])
    assert "light 87.5 % (" in told and "n = 40" in told


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([1] * 30, "too few images for a classifier of light .expected .* received 30 and 0"),
        ([1] * 30 + [0] * 4, "greys: .* received 30 and 4.; add images"),
        ([0] * 30 + [1] * 4, "received 4 and 30"),
    ],
)
def test_too_few_images_of_a_kind(labels, said, tmp_path):
    with pytest.raises(UserError, match=said):
        classifier.independent(Grey(labels), Grey([0, 1]), PREPROCESS, tmp_path, "greys")


def digits(file, classes):
    x, y = np.zeros((40, 16, 16), np.uint8), np.arange(40) % classes
    np.savez(file, x_train=x, y_train=y, x_test=x, y_test=y)
    return [DigitFile(file, split) for split in ("train", "test")]


def test_a_single_class_and_other_classes(tmp_path):
    one, other = (digits(tmp_path / f"{count}.npz", count) for count in (1, 2))
    with pytest.raises(UserError, match=r"one\.npz: 0 is the only class .*expected at least two"):
        classifier.independent(*one, PREPROCESS, tmp_path, "one.npz")
    with pytest.raises(UserError, match=r"a classifier of 0, 1, .* can't judge images labelled by 0;"):
        classifier.independent(other[0], one[1], PREPROCESS, tmp_path, "other.npz")


def test_an_answer_that_is_not_finite(tmp_path, monkeypatch):
    untrained(monkeypatch)
    judge = classifier.independent(Grey([0, 1] * 20), Grey([0, 1]), PREPROCESS, tmp_path, "greys")
    image = np.zeros((16, 16, 3), np.float32)
    image[3, 4, 1] = np.nan
    with pytest.raises(UserError, match="not finite"):
        judge(image)
    assert json.dumps(judge.real)
