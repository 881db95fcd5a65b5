"""Making a study: what is published, what it tells and what it doesn't, and what can't be asked."""

import json
import re
import shutil
from itertools import chain

import numpy as np
import pytest
from sizes import options
from study.participants import published

from tfi2i import zoo
from tfi2i.cli import main
from tfi2i.data import images
from tfi2i.data.prepared import prepared, to_float, to_pixels
from tfi2i.data.sources import open_source
from tfi2i.directions import directions_of
from tfi2i.errors import UserError
from tfi2i.run import Job, Recipe, load, write_networks
from tfi2i.study.material import of_runs

SMALL = {
    "real_or_fake": ["--practice=2", "--checks=1"],
    "preference": ["--checks=2"],
    "mos": ["--practice=2", "--checks=1"],
}


def pictures_of(study):
    """{name: (way, scene)} of the pictures in trials, from the key."""
    key = json.loads((study / "key.json").read_text())
    return {name: (way, trial["scene"]) for trial in key["trials"].values() for name, way in trial["pictures"].items()}


@pytest.mark.parametrize("kind", SMALL)
def test_each_name_stands_for_the_picture_that_the_key_says(made, pictures, kind):
    study = made(kind, *SMALL[kind])
    found = pictures_of(study)
    assert {way for way, _ in found.values()} - {"noise"} == {"plain", "fancy"} | (
        set() if kind == "preference" else {"real"}
    )
    for name, (way, scene) in found.items():
        pixels = images.read(study / "site" / "pictures" / f"{name}.png")
        if way != "noise":
            np.testing.assert_array_equal(pixels, images.read(pictures / way / f"{scene}.png"))
    for group in published(study)["groups"]:
        for trial in [*group["practice"], *group["checks"], *chain(*group["trials"])]:
            assert "ask" in trial or len(trial["pictures"]) == (1 if kind == "mos" else 2)
            if "input" in trial:
                scene = {found[name][1] for name in trial["pictures"]}.pop()
                shown = images.read(study / "site" / "pictures" / f"{trial['input']}.png")
                np.testing.assert_array_equal(shown, images.read(pictures / "in" / f"{scene}.png"))


@pytest.mark.parametrize("kind", SMALL)
def test_what_is_published_holds_no_key(made, kind):
    study = made(kind, *SMALL[kind])
    files = [path for path in (study / "site").rglob("*") if path.is_file()]
    assert {path.name for path in study.iterdir()} == {"site", "results", "key.json"}
    assert all(re.fullmatch(r"[0-9a-f]{16}\.png", path.name) for path in files if path.parent.name == "pictures")
    assert len({path.stat().st_mtime for path in files if path.suffix == ".png"}) == 1
    told = published(study)
    assert not re.search("plain|fancy|noise", json.dumps(told))
    for group in told["groups"]:
        trials = [*group["checks"], *chain(*group["trials"])]
        assert all(trial.keys() <= {"id", "pictures", "input", "ask"} for trial in trials)
        assert all(trial["pictures"] == sorted(trial["pictures"]) for trial in trials)


def test_no_picture_is_named_twice_and_places_tell_nothing(made):
    found = pictures_of(made("mos", *SMALL["mos"]))
    told = published(made("mos", *SMALL["mos"]))["groups"][0]["trials"]
    orders = {tuple(found[trial["pictures"][0]][0] for trial in scene) for scene in told}
    assert len(orders) > 1
    study = made("real_or_fake", *SMALL["real_or_fake"])
    found, trials = pictures_of(study), [group["trials"] for group in published(study)["groups"]]
    groups = [{name for scene in group for trial in scene for name in trial["pictures"]} for group in trials]
    assert not groups[0] & groups[1]  # reals that two groups share would be known by that
    first = [found[trial["pictures"][0]][0] for group in trials for (trial,) in group]
    assert 0 < first.count("real") < len(first)


def test_reals_of_practice_and_checks_are_no_trials(made):
    study = made("real_or_fake", "--practice=2", "--checks=3")
    key = json.loads((study / "key.json").read_text())
    scenes = {role: {t["scene"] for t in key["trials"].values() if t["role"] == role} for role in key["session"]}
    assert scenes["practice"] < scenes["check"] and not scenes["check"] & scenes["trial"]
    assert key["session"] == {"practice": 2, "check": 3, "trial": 5}


def test_the_real_picture_of_another_scene(made, pictures):
    study = made("real_or_fake", "--practice=2", "--checks=0", "--other_scene")
    for trial in json.loads((study / "key.json").read_text())["trials"].values():
        name = next(name for name, way in trial["pictures"].items() if way == "real")
        pixels = images.read(study / "site" / "pictures" / f"{name}.png")
        assert not np.array_equal(pixels, images.read(pictures / "real" / f"{trial['scene']}.png"))
        assert any(np.array_equal(pixels, images.read(path)) for path in (pictures / "real").iterdir())


def test_the_seed_decides_everything(made):
    one, same, other = (made("real_or_fake", *SMALL["real_or_fake"], f"--seed={seed}") for seed in (3, 3, 4))

    def content(study):
        files = sorted(path for path in study.rglob("*") if path.is_file())
        return {str(path.relative_to(study)): path.read_bytes() for path in files}

    assert content(one) == content(same)
    assert published(one)["id"] != published(other)["id"]
    assert not content(one).keys() & {name for name in content(other) if "pictures" in name}


def test_a_study_of_other_pictures_is_another_study(made, pictures):
    before = published(made("mos", *SMALL["mos"]))["id"]
    path = pictures / "plain" / "7.png"
    kept = path.read_bytes()
    images.write(path, 255 - images.read(path))
    after = published(made("mos", *SMALL["mos"]))["id"]
    path.write_bytes(kept)
    assert after != before


BAD = {
    "unknown": (["--kind=best"], "--kind=best (expected one of real_or_fake, preference, mos)"),
    "exposure": (["--kind=mos", "--exposure=2"], "--exposure is an option of --kind=real_or_fake"),
    "practice": (["--kind=preference", "--practice=2"], "--practice=2: a preference is never wrong"),
    "negative": (["--checks=-1"], "--checks=-1 (expected at least 0)"),
    "nan": (["--exposure=nan"], "--exposure=nan (expected at least 0)"),
    "few": (["--count=5"], "5 pictures are too few (expected at least 11"),
    "post": (["--post=somewhere"], "--post=somewhere (expected a URL"),
    "no pictures": (["--fake"], "--fake"),
    "twice": (["--fake=plain=elsewhere"], "(expected NAME=DIR, each name once)"),
    "no folder": (["--fake=none=nowhere"], "no such folder: nowhere"),
    "runs too": (["runs/A"], "runs and folders both name the pictures"),
    "consent": (["--consent=nowhere.txt"], "--consent=nowhere.txt can't be read"),
}


@pytest.mark.parametrize("options, message", BAD.values(), ids=BAD)
def test_what_cannot_be_asked(pictures, tmp_path, capsys, options, message):
    out = tmp_path / "study"
    given = [f"--fake=plain={pictures / 'plain'}", f"--real={pictures / 'real'}", f"--out={out}", "--quiet"]
    assert main(["study", "new", *options, *given]) == 2
    assert message in capsys.readouterr().err
    assert not out.exists()


def test_pictures_that_do_not_fit(pictures, tmp_path, capsys):
    real, wide = tmp_path / "real", tmp_path / "wide"
    shutil.copytree(pictures / "real", real)
    (real / "5.png").unlink()
    shutil.copytree(pictures / "real", wide)
    images.write(wide / "5.png", np.zeros((16, 20, 3), np.uint8))
    out = [f"--out={tmp_path / 'study'}", "--practice=1", "--checks=1", "--quiet"]
    fake = f"--fake=plain={pictures / 'plain'}"
    assert main(["study", "new", fake, f"--real={real}", *out]) == 2
    assert f"{real}: no picture named 5 (expected one for each of the 8" in capsys.readouterr().err
    assert main(["study", "new", fake, f"--real={wide}", *out]) == 2
    assert "the pictures of 5 differ in size" in capsys.readouterr().err
    assert main(["study", "new", fake, *out]) == 2
    assert "--kind=real_or_fake needs reals (none received); give --real=FOLDER" in capsys.readouterr().err
    assert main(["study", "new", f"--fake=real={pictures / 'plain'}", f"--real={pictures / 'in'}", *out]) == 2
    assert "a method is called real" in capsys.readouterr().err
    assert main(["study", "new", fake, f"--input={real}", "--kind=preference", "--checks=1", *out[:1]]) == 2
    assert not (tmp_path / "study").exists()


def test_a_folder_that_is_there_is_kept(made, pictures, capsys):
    study = made("real_or_fake", *SMALL["real_or_fake"])
    given = [f"--fake=plain={pictures / 'plain'}", f"--real={pictures / 'real'}"]
    assert main(["study", "new", *given, f"--out={study}", *SMALL["real_or_fake"]]) == 2
    assert "is there already (expected a new or empty folder)" in capsys.readouterr().err


def untrained(name, folder, dataset, **more):
    """A small run whose networks are as they begin."""
    folder.mkdir()
    config = zoo.model_class(name).Config(**options(name) | more)
    Job(name, config, Recipe(), dataset).save(folder)
    write_networks(zoo.model_class(name)(config), folder / "networks")
    return folder


@pytest.fixture(scope="module")
def pix2pix(tmp_path_factory):
    return untrained("pix2pix", tmp_path_factory.mktemp("runs") / "tiny", "synthetic_facades", direction="BtoA")


def test_pictures_of_runs_are_what_their_models_make(pix2pix, tmp_path):
    shutil.copytree(pix2pix, tmp_path / "other")
    runs, out = [str(pix2pix), str(tmp_path / "other")], tmp_path / "study"
    options = ["--kind=preference", "--count=3", "--checks=1", "--quiet", f"--out={out}"]
    assert main(["study", "new", *runs, *options]) == 0
    job, model = Job.load(pix2pix), load(pix2pix)
    examples = prepared(open_source(job.dataset, "test", job.config), job.config, False, multiple=job.config.stride)
    numbers = {examples.name(k): k for k in range(len(examples))}
    (direction,) = directions_of(model).values()
    for name, (way, scene) in pictures_of(out).items():
        if way != "noise":
            fake = to_pixels(direction(to_float(examples[numbers[scene]][direction.source])))
            np.testing.assert_array_equal(images.read(out / "site" / "pictures" / f"{name}.png"), fake)


def test_runs_that_cannot_be_compared(pix2pix, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(pix2pix, other)
    record, pairs = json.loads((other / "config.json").read_text()), tmp_path / "pairs"
    pairs.joinpath("test").mkdir(parents=True)
    images.write(pairs / "test" / "1.png", np.zeros((32, 64, 3), np.uint8))
    for change, message in (
        ({"dataset": str(pairs)}, "the runs don't share their data"),
        ({"config": record["config"] | {"direction": "AtoB"}}, "the runs translate in different directions"),
        ({"dataset": None}, "was imported and knows no data"),
    ):
        (other / "config.json").write_text(json.dumps(record | change))
        with pytest.raises(UserError, match=message):
            of_runs([pix2pix, other])
    (other / "config.json").write_text(json.dumps(record | {"config": record["config"] | {"crop_size": 16}}))
    material = of_runs([pix2pix, other])
    with pytest.raises(UserError, match="sees picture 0 otherwise than tiny"):
        material.fakes["other"][0]
    with pytest.raises(UserError, match="two runs are called alike: tiny, tiny"):
        of_runs([pix2pix, pix2pix])
    with pytest.raises(UserError, match="--target=Young is for models of attributes"):
        of_runs([pix2pix], target="Young")


def test_super_resolution_is_rated_beside_interpolation_and_the_truth(pictures, tmp_path):
    run, out = untrained("srgan", tmp_path / "run", str(pictures / "real")), tmp_path / "study"
    options = ["--kind=mos", "--split=all", "--practice=1", "--count=3", "--quiet"]
    assert main(["study", "new", str(run), *options, f"--out={out}"]) == 0
    key = json.loads((out / "key.json").read_text())
    assert key["ways"] == ["run", "bicubic", "nearest", "real"]
    assert key["session"] == {"practice": 0, "check": 3, "trial": 8}
    found = {place: name for name, place in pictures_of(out).items()}
    assert len(found) == 8
    scene = next(iter(found))[1]
    pixels = {way: images.read(out / "site" / "pictures" / f"{found[way, scene]}.png") for way in key["ways"]}
    assert len({image.shape for image in pixels.values()}) == 1
    blocks = pixels["nearest"].reshape(pixels["nearest"].shape[0] // 4, 4, -1, 4, 3)
    assert (blocks == blocks[:, :1, :, :1]).all()
    material = of_runs([run], split="all")
    np.testing.assert_array_equal(material.worst(0), material.rated["nearest"][0])


def test_an_edit_is_shown_of_those_who_lack_it_beside_those_who_have_it(tmp_path):
    run = untrained("stargan", tmp_path / "run", "synthetic_faces")
    material = of_runs([run], target="smiling")
    examples = prepared(open_source("synthetic_faces", "test", Job.load(run).config), Job.load(run).config, False)
    smiles = {examples[k][0].tobytes(): examples[k][1][3] for k in range(12)}
    inputs = [material.inputs[k].tobytes() for k in range(12)]
    reals = [material.reals[k].tobytes() for k in range(12)]
    assert [smiles[image] for image in inputs if image in smiles].count(0) == 12 - sum(smiles.values())
    assert {smiles[image] for image in inputs if image in smiles} == {0}
    assert {smiles[image] for image in reals if image in smiles} == {1}
    assert material.fakes["run"][0].shape == material.inputs[0].shape
    with pytest.raises(UserError, match="which edit"):
        of_runs([run])
    with pytest.raises(UserError, match="--target=nothing"):
        of_runs([run], target="nothing")


def test_samples_of_noise_have_no_input(tmp_path, capsys):
    run = untrained("gan", tmp_path / "run", "synthetic_written_digits")
    material = of_runs([run])
    np.testing.assert_array_equal(material.fakes["run"][1], material.fakes["run"][1])
    assert not np.array_equal(material.fakes["run"][0], material.fakes["run"][1])
    assert material.reals[0].shape == material.fakes["run"][0].shape
    assert main(["study", "new", str(run), "--kind=preference", f"--out={tmp_path / 'study'}", "--quiet"]) == 2
    assert "--kind=preference needs inputs" in capsys.readouterr().err
