"""A run and its folder: what is in it, stopping and going on, damage, divergence."""

import csv
import dataclasses
import hashlib
import json
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from sizes import options

from tfi2i import loop, run, zoo
from tfi2i.directions import direction_of
from tfi2i.errors import UserError


def job(tiny, **recipe):
    config = zoo.model_class("pix2pix").Config(**tiny)
    return run.Job("pix2pix", config, run.Recipe(**recipe), "synthetic_facades")


def state_of(folder):
    """{name: SHA-256} of every variable in the last checkpoint."""
    checkpoint = tf.train.load_checkpoint(str(folder / "checkpoints"))
    # How often was saved is not what was learned.
    names = [n for n in checkpoint.get_variable_to_shape_map() if not n.startswith(("_CHECKPOINTABLE", "save_counter"))]
    return {n: hashlib.sha256(np.ascontiguousarray(checkpoint.get_tensor(n)).tobytes()).hexdigest() for n in names}


def losses_of(folder):
    """metrics.csv without its timings."""
    rows = csv.DictReader((folder / "logs" / "metrics.csv").read_text().splitlines())
    return [{k: v for k, v in row.items() if k not in ("images_per_second", "data_share")} for row in rows]


def go_on_without(checkpoint, folder, job=None, strategy=None):
    """Takes its last checkpoint from a finished run, which then goes on from the one before, or from the start."""
    for file in (folder / "checkpoints").glob(f"{checkpoint}.*"):
        file.unlink()
    loop.train(job or run.Job.load(folder), folder, strategy, progress=False)


def interrupt_at(monkeypatch, step):
    """Ctrl-C while `step` is computed."""
    compiled = loop.compiled_step

    def interrupting(*args):
        inner, count = compiled(*args), [0]

        def step_function(batch):
            count[0] += 1
            if count[0] == step:
                signal.raise_signal(signal.SIGINT)
            return inner(batch)

        return step_function

    monkeypatch.setattr(loop, "compiled_step", interrupting)


def test_a_run_keeps_the_average(tiny, tmp_path):
    """networks/ holds the averaged weights; resumed, averages and weights go on to the same bits."""
    averaging = job(tiny, steps=4, checkpoint_every=2, sample_every=4, average=0.9)
    loop.train(averaging, tmp_path / "run", progress=False)
    plain = dataclasses.replace(averaging, recipe=dataclasses.replace(averaging.recipe, average=0.0))
    loop.train(plain, tmp_path / "plain", progress=False)
    assert losses_of(tmp_path / "run") == losses_of(tmp_path / "plain")  # training itself is the same
    kept, last = (run.load(tmp_path / name).G.get_weights() for name in ("run", "plain"))
    assert not np.array_equal(kept[0], last[0])
    state = state_of(tmp_path / "run")
    go_on_without("ckpt-4", tmp_path / "run")
    assert state_of(tmp_path / "run") == state


def test_the_folder_of_a_run(trained_run):
    record = json.loads((trained_run / "config.json").read_text())
    assert record["model"] == "pix2pix" and record["config"]["ngf"] == 4 and record["recipe"]["steps"] == 4
    assert record["versions"].keys() == {"tfi2i", "tensorflow", "keras", "python"}
    assert [row["step"] for row in losses_of(trained_run)] == ["2", "4"]
    assert sorted(p.name for p in (trained_run / "samples").iterdir()) == [
        "index.html",
        "step_00000000.png",
        "step_00000002.png",
        "step_00000004.png",
    ]
    assert {p.name for p in (trained_run / "checkpoints").iterdir()} == {
        "best",
        "checkpoint",
        *(f"ckpt-{step}.{kind}" for step in (2, 4) for kind in ("index", "data-00000-of-00001")),
    }
    page = (trained_run / "samples" / "index.html").read_text()
    assert "step_00000004.png" in page and "G_L1" in page and "{{" not in page


def test_a_run_loads_without_a_flag_and_without_checkpoints(trained_run, tmp_path):
    folder = tmp_path / "passed_on"
    shutil.copytree(trained_run, folder, ignore=shutil.ignore_patterns("checkpoints", "logs", "samples"))
    model = run.load(folder)
    x = np.random.default_rng(0).uniform(-1, 1, (1, 32, 48, 3)).astype("float32")
    kept = tf.keras.models.load_model(folder / "networks" / "G.keras")
    np.testing.assert_array_equal(direction_of(model).network(x), kept(x))


@pytest.mark.parametrize(
    "imports",
    [
        "import tfi2i, keras",
        "import keras, tfi2i",
        "import tensorflow, tfi2i, keras",
        "import tfi2i, tensorflow, keras",
    ],
)
def test_a_network_loads_with_nothing_but_the_package(trained_run, imports):
    program = f"{imports}; print(keras.models.load_model({str(trained_run / 'networks' / 'G.keras')!r}).count_params())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip().isdecimal(), done.stderr


def test_a_schedule_of_epochs_lasts_as_long_as_the_steps(capsys):
    """On few images, too: 8 epochs of 90 steps are laid over 3,200 steps; of a longer schedule nothing changes."""
    config = zoo.presets("cyclegan")["quick"].config
    assert (config.n_epochs, config.n_epochs_decay) == (4, 4)
    recipe = run.Recipe(steps=3200)
    assert loop._schedule(run.Job("cyclegan", config, recipe, "my"), 90) == (3200, 400)
    assert loop._schedule(run.Job("cyclegan", config, recipe, "my"), 900) == (3200, 900)
    assert capsys.readouterr().err == ""
    config = zoo.presets("ugatit")["quick"].config
    assert loop._schedule(run.Job("ugatit", config, recipe, "my"), 90)[0] == 3200
    assert f"laid out for {config.iteration}; lengthen it too" in capsys.readouterr().err


def test_stopped_and_resumed_equals_not_stopped(tiny, tmp_path, monkeypatch):
    """Ctrl-C finishes the step, saves, and the run goes on to the same bits: all state, networks and logs."""
    the_job = job(tiny, steps=7, log_every=2, sample_every=100, checkpoint_every=5, seed=5)
    loop.train(the_job, tmp_path / "whole", progress=False)
    with monkeypatch.context() as patch:
        interrupt_at(patch, 3)  # between two lines of the log
        with pytest.raises(KeyboardInterrupt):
            loop.train(the_job, tmp_path / "parts", progress=False)
    assert losses_of(tmp_path / "parts")[-1]["step"] == "2"
    loop.train(run.Job.load(tmp_path / "parts"), tmp_path / "parts", progress=False)
    assert state_of(tmp_path / "parts") == state_of(tmp_path / "whole")
    assert losses_of(tmp_path / "parts") == losses_of(tmp_path / "whole")
    G = [
        tf.keras.models.load_model(tmp_path / name / "networks" / "G.keras").get_weights()
        for name in ("whole", "parts")
    ]
    for a, b in zip(*G, strict=True):
        np.testing.assert_array_equal(a, b)


def test_two_replicas_stopped_and_resumed_equal_not_stopped(mirrored, tmp_path):
    """With what each draws at random; to the same bits."""
    recipe = run.Recipe(steps=4, log_every=2, sample_every=100, checkpoint_every=2)
    the_job = run.Job("gan", zoo.model_class("gan").Config(**options("gan")), recipe, "synthetic_written_digits")
    loop.train(the_job, tmp_path / "whole", mirrored, progress=False)
    shutil.copytree(tmp_path / "whole", tmp_path / "parts")
    go_on_without("ckpt-4", tmp_path / "parts", strategy=mirrored)
    assert state_of(tmp_path / "parts") == state_of(tmp_path / "whole")
    assert losses_of(tmp_path / "parts") == losses_of(tmp_path / "whole")


def test_another_seed_is_another_run(tiny, tmp_path):
    for seed in (1, 2):
        loop.train(job(tiny, steps=1, seed=seed), tmp_path / str(seed), progress=False)
    assert state_of(tmp_path / "1") != state_of(tmp_path / "2")


def test_a_finished_run_stays_as_it_is(trained_run, tmp_path):
    shutil.copytree(trained_run, tmp_path / "again")
    loop.train(run.Job.load(tmp_path / "again"), tmp_path / "again", progress=False)
    assert state_of(tmp_path / "again") == state_of(trained_run)


def test_damage_is_noticed(trained_run, tmp_path):
    folder = tmp_path / "damaged"
    shutil.copytree(trained_run, folder)
    for file in (folder / "networks" / "G.keras", folder / "checkpoints" / "ckpt-4.data-00000-of-00001"):
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
    with pytest.raises(UserError, match=r"damaged file: .*G\.keras"):
        run.load(folder)
    with pytest.raises(UserError, match=r"the checkpoint can't be restored: .*ckpt-4"):
        loop.train(run.Job.load(folder), folder, progress=False)


def test_without_its_last_checkpoint_a_run_goes_on_from_the_one_before(trained_run, tmp_path):
    shutil.copytree(trained_run, tmp_path / "run")
    go_on_without("ckpt-4", tmp_path / "run")
    assert state_of(tmp_path / "run") == state_of(trained_run)
    assert losses_of(tmp_path / "run") == losses_of(trained_run)


def test_divergence_stops_and_keeps_the_last_good_checkpoint(tiny, tmp_path):
    the_job = job(tiny | {"lr": 1e30}, steps=30, log_every=1, checkpoint_every=1, max_skipped=4, sample_every=1000)
    with pytest.raises(loop.Diverged, match="updates in a row were not finite"):
        loop.train(the_job, tmp_path, progress=False)
    checkpoint = tf.train.load_checkpoint(str(tmp_path / "checkpoints"))
    for name in checkpoint.get_variable_to_shape_map():
        value = checkpoint.get_tensor(name)
        if getattr(value, "dtype", None) == np.float32:
            assert np.isfinite(value).all(), name


def test_more_devices_than_there_are():
    with pytest.raises(UserError, match="--devices=3: TensorFlow sees 0 GPUs here"):
        loop.choose_strategy(run.Recipe(devices=3))


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "not a run"), ("{", "can't be read"), ('{"model": "pix2pix", "config": {"ngg": 1}}', "unexpected keyword")],
)
def test_config_json_of_another_kind(tmp_path, content, message):
    if content:
        (tmp_path / "config.json").write_text(content)
    with pytest.raises(UserError, match=message):
        run.Job.load(tmp_path)


def test_two_replicas_see_the_images_that_one_device_sees(tiny):
    """Shares of workers and replicas, put together again, are the batches of one device."""
    from tfi2i.data.pipeline import stream
    from tfi2i.data.prepared import Prepared, Preprocess
    from tfi2i.data.sources import open_source

    preprocess = Preprocess.of(zoo.model_class("pix2pix").Config(**tiny))
    prepared = Prepared(open_source("synthetic_facades", "train", preprocess=preprocess), preprocess, True)
    whole = [batch["x"].numpy() for batch in stream(prepared, 4, seed=3, start_step=1).take(2)]
    shares = [
        [b["x"].numpy() for b in stream(prepared, 4, 3, 1, worker=w, workers=2, replicas=2).take(4)] for w in (0, 1)
    ]
    for step in (0, 1):
        pieces = [shares[w][2 * step + replica] for w in (0, 1) for replica in (0, 1)]
        np.testing.assert_array_equal(np.concatenate(pieces), whole[step])
