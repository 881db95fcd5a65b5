"""A StarGAN's edits: what is asked for, of one labelled set or several, and what comes of it as files."""

import numpy as np
import pytest
from PIL import Image
from sizes import options

import tfi2i
from tfi2i import loop, run, zoo
from tfi2i.cli import main
from tfi2i.edits import Edits
from tfi2i.errors import UserError

TWO_SETS = {"attributes": "a,b,c/d,e", "exclusive": "a+b", "crop_size": 16, "d_repeat_num": 2}


@pytest.fixture(scope="module")
def two_sets():
    return Edits(tfi2i.create("stargan", **(options("stargan") | TWO_SETS)))


def test_an_attribute_of_a_group_clears_the_others_and_one_alone_is_turned_over(two_sets):
    label = np.array([1, 0, 1, 0, 1], np.float32)
    targets = {name: target.tolist() for name, target in two_sets.targets(label).items()}
    assert targets == {
        "a": [1, 0, 1, 0, 1],
        "b": [0, 1, 1, 0, 1],
        "c": [1, 0, 0, 0, 1],
        "d": [1, 0, 1, 1, 1],
        "e": [1, 0, 1, 0, 0],
    }
    assert label.tolist() == [1, 0, 1, 0, 1]


def test_the_generator_is_told_the_labels_of_one_set_and_which(two_sets):
    label = np.array([1, 0, 1, 0, 1], np.float32)
    assert two_sets.condition(label, "c").tolist() == [1, 0, 1, 0, 0, 1, 0]
    assert two_sets.condition(label, "d").tolist() == [0, 0, 0, 0, 1, 0, 1]


def test_what_is_asked_for(two_sets):
    assert two_sets.asked("a,c=0") == [("a", True), ("c", False)]
    with pytest.raises(UserError, match=r"--target=x \(expected all, or NAME, NAME=1 or NAME=0 of a, b, c, d, e\)"):
        two_sets.asked("x")
    with pytest.raises(UserError, match="labels of one data set"):
        two_sets.asked("a,d")


def test_a_label_is_read_off_a_picture_of_any_size(two_sets):
    label = two_sets.label_of(np.zeros((20, 31, 3), np.float32))
    assert set(label) <= {0.0, 1.0} and label[0] + label[1] == 1.0


@pytest.fixture(scope="module")
def stargan_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stargan") / "run"
    config = zoo.model_class("stargan").Config(**options("stargan"))
    loop.train(run.Job("stargan", config, run.Recipe(steps=2), "synthetic_faces"), folder, progress=False)
    return folder


def test_translate_to_targets(stargan_run, tmp_path, capsys):
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (30, 41, 3), np.uint8)).save(tmp_path / "a.png")
    translate = ["translate", str(stargan_run), str(tmp_path / "a.png")]
    assert main([*translate, str(tmp_path / "one"), "--target=blond_hair,smiling=0", "--quiet"]) == 0
    assert main([*translate, str(tmp_path / "all"), "--target=all", "--quiet"]) == 0
    with Image.open(tmp_path / "one" / "a.png") as image, Image.open(tmp_path / "all" / "a_all.png") as sheet:
        assert image.size == (41, 30) and sheet.size == (5 * 41, 30)  # itself and four attributes
    capsys.readouterr()
    assert main([*translate, str(tmp_path / "none"), "--quiet"]) == 2
    assert "--target=NAME,NAME=0 or --target=all, of black_hair" in capsys.readouterr().err


def test_measured_against_the_truth_and_by_a_classifier(stargan_run, monkeypatch):
    from tfi2i.evaluation import classifier, evaluate

    monkeypatch.setattr(classifier, "EPOCHS", 1)
    result = evaluate(stargan_run, split="test", progress=False)
    assert set(result.values) == {"black_hair", "blond_hair", "brown_hair", "smiling", "all"}
    for measured in result.values.values():
        assert {"accuracy", "accuracy_real", "kept", "l1_cycle", "l1_edit", "l1_rest", "l1_copy"} <= measured.keys()
    smiling = result.values["smiling"]
    assert smiling["l1_copy"]["value"] > 0.1 and smiling["accuracy_real"]["value"] > 0.4
    assert len(list((stargan_run / "evaluation").glob("classifier_*.keras"))) == 1


def test_all_attributes_of_class_folders_are_known_with_the_data(tmp_path):
    for name, grey in (("dark", 20), ("light", 200)):
        (tmp_path / "data" / name).mkdir(parents=True)
        for k in range(4):
            Image.fromarray(np.full((40, 40, 3), grey + k, np.uint8)).save(tmp_path / "data" / name / f"{k}.png")
    config = zoo.model_class("stargan").Config(**(options("stargan") | {"attributes": "all"}))
    loop.train(
        run.Job("stargan", config, run.Recipe(steps=1), str(tmp_path / "data")), tmp_path / "run", progress=False
    )
    learned = run.Job.load(tmp_path / "run").config
    assert (learned.names, learned.groups) == (("dark", "light"), (("dark", "light"),))


def test_joint_training_on_two_sets(tmp_path):
    """Each image is classified by the labels of its own set; both sets' edits are shown."""
    more = {"attributes": "glasses,smiling/neutral,happy,sad,surprised", "exclusive": "neutral+happy+sad+surprised"}
    config = zoo.model_class("stargan").Config(**(options("stargan") | more))
    job = run.Job("stargan", config, run.Recipe(steps=2), "synthetic_faces,synthetic_expressions")
    logs = loop.train(job, tmp_path / "run", progress=False)
    assert np.isfinite([logs[name] for name in ("D_cls", "G_cls", "G_rec")]).all()
    with Image.open(tmp_path / "run" / "samples" / "step_00000002.png") as sheet:
        assert sheet.size[1] == 7 * (32 + 4) - 4  # inputs, and a row an attribute
