"""Two processes on this machine, introduced by TF_CONFIG, against one: MultiWorkerMirroredStrategy for real."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from sizes import options
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

from tfi2i import loop, run, zoo

SCRIPT = Path(__file__).parent.parent / "docs" / "cluster" / "train.sh"
PROGRAM = "import sys; from tfi2i.cli import main; sys.exit(main(sys.argv[1:]))"
# In float64, where the order of a sum doesn't show. In float32 Adam divides gradients that are rounding noise by their
# own size, and after three steps of CycleGAN two workers and one process part by more than 1e-6.
EXACT = """
import contextlib, keras, tensorflow as tf
from tfi2i import loop
tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})  # half of the time of a first step
keras.config.set_floatx("float64")
keras.config.set_dtype_policy("float64")
loop._dtype_policy = lambda name: contextlib.nullcontext()
stream = loop.stream
cast = lambda batch: {name: tf.cast(part, tf.float64) for name, part in batch.items()}
loop.stream = lambda *args, **shares: stream(*args, **shares).map(cast)
"""


def free_port():
    """One that ends in 0, and the one after it is free, too."""
    for port in range(23_100, 32_000, 10):
        try:
            for number in (port, port + 1):
                socket.create_server(("127.0.0.1", number)).close()
        except OSError:
            continue
        return port
    raise OSError("no two ports are free")


class Team:
    """The processes of a run, begun and gone on with by the script that a cluster calls.

    Args:
        folder: for what they need besides `runs`.
        runs: the run's folder as each of them sees it.
        arguments: of `tfi2i train`, for a run that is to begin.
        setup: what Python runs before the program.
    """

    def __init__(self, folder, runs, arguments, setup=""):
        self.folder, self.runs, self.arguments = folder, runs, arguments
        self.command = folder / "bin" / "tfi2i"
        self.command.parent.mkdir(parents=True, exist_ok=True)
        (folder / "program.py").write_text(setup + PROGRAM)
        self.command.write_text(f'#!/bin/sh\nexec {sys.executable} {folder}/program.py "$@"\n')
        self.command.chmod(0o755)

    def start(self):
        port, processes = free_port(), []
        for index, run_ in enumerate(self.runs):
            (self.folder / f"tmp{index}").mkdir(exist_ok=True)
            environment = os.environ | {
                "PATH": f"{self.command.parent}:{os.environ['PATH']}",
                "TMPDIR": str(self.folder / f"tmp{index}"),
                "WORKERS": str(len(self.runs)),
                "ADDRESS": f"127.0.0.1:{port // 10}%d",
                "INDEX": str(index),
            }
            command = ["sh", str(SCRIPT), str(run_), *self.arguments]
            processes.append(subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True))
        return processes

    def left_behind(self):
        return [path.name for path in self.folder.glob("tmp*/*") if "autograph" not in path.name]


def ended(processes):
    """The exit status of each, and the last line that it wrote."""
    said = [process.communicate(timeout=300)[1].splitlines() for process in processes]
    return [process.returncode for process in processes], [(lines or [""])[-1] for lines in said]


def given(options):
    return [f"--{name}={value}" for name, value in options.items()]


def wait_for(path, processes):
    while not path.exists():
        assert all(process.poll() is None for process in processes), "a worker ended too early"
        time.sleep(0.001)


def losses_of(folder):
    """{(step, name): loss} with all digits, from TensorBoard's events."""
    return {
        (event.step, value.tag): float(tf.make_ndarray(value.tensor))
        for file in sorted((folder / "logs").glob("events.*"))
        for event in EventFileLoader(str(file)).Load()
        for value in event.summary.value
        if value.tag not in ("images_per_second", "data_share", "samples")
    }


def assert_equal(alone, together, steps, atol, *networks):
    losses = losses_of(alone)
    assert {step for step, _ in losses} == set(range(1, steps + 1))
    assert losses_of(together) == pytest.approx(losses, rel=1e-6)
    for name in networks:
        ours, theirs = (
            tf.keras.models.load_model(f / "networks" / f"{name}.keras").get_weights() for f in (alone, together)
        )
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(a, b, atol=atol)


@pytest.mark.slow
def test_two_workers_equal_one_process_and_stop_together(tiny, tmp_path):
    """In float32, and although one of them is asked to stop in between, by SIGTERM: both do, and go on."""
    # A batch norm's statistics are those of a replica's own share, so there is none.
    plain = tiny | {"batch_size": 4, "norm": "none", "no_dropout": True}
    recipe = {"steps": 6, "log_every": 1, "checkpoint_every": 4, "sample_every": 100}
    alone, together = tmp_path / "alone", tmp_path / "together"
    job = run.Job("pix2pix", zoo.model_class("pix2pix").Config(**plain), run.Recipe(**recipe), "synthetic_facades")
    loop.train(job, alone, progress=False)

    arguments = ["--model=pix2pix", "--preset=quick", "--direction=AtoB", *given(plain | recipe)]
    team = Team(tmp_path, [together] * 2, arguments)
    processes = team.start()
    wait_for(together / "samples" / "step_00000000.png", processes)
    processes[0].send_signal(signal.SIGTERM)
    assert ended(processes)[0] == [130, 130]
    assert not (together / "checkpoints" / "ckpt-6.index").exists(), "it was not stopped"
    assert ended(team.start())[0] == [0, 0]
    assert_equal(alone, together, 6, 2e-6, "G")


@pytest.mark.slow
def test_a_killed_worker_comes_back_and_all_go_on_to_what_one_process_gives(tmp_path):
    """With a pool and random draws. The other one doesn't wait for ever; the first worker writes, and nobody else."""
    small = options("cyclegan") | {"batch_size": 4, "lambda_identity": 0}
    recipe = {"steps": 20, "log_every": 1, "checkpoint_every": 4, "sample_every": 100, "worker_timeout": 15}
    alone, together = tmp_path / "alone", tmp_path / "together"
    arguments = ["--model=cyclegan", "--preset=quick", *given(small | recipe)]
    assert ended(Team(tmp_path / "one", [alone], arguments, EXACT).start())[0] == [0]

    team = Team(tmp_path / "two", [together] * 2, arguments, EXACT)
    processes = team.start()
    wait_for(together / "checkpoints" / "ckpt-4.index", processes)
    processes[1].kill()
    codes, lines = ended(processes)
    assert codes == [1, -9], "the run ended before it was killed: raise --steps"
    assert lines[0].startswith("tfi2i: failed: WorkerLost: another worker ended or is out of reach; start all of them")
    assert team.left_behind()

    assert ended(team.start())[0] == [0, 0]
    assert not team.left_behind()
    assert {path.name for path in together.iterdir()} == {"config.json", "checkpoints", "logs", "networks", "samples"}
    assert len(list((together / "logs").glob("events.*"))) == 2
    assert_equal(alone, together, 20, 1e-7, *zoo.model_class("cyclegan").kept)

    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "config.json").write_bytes((together / "config.json").read_bytes())
    codes, lines = ended(Team(tmp_path / "two", [together, tmp_path / "elsewhere"], arguments, EXACT).start())
    assert codes == [2, 2] and all("checkpoints of steps 20, 0" in line for line in lines)


def test_the_script_makes_tf_config_of_an_index(tmp_path):
    """And begins a run, or goes on with it."""
    command = tmp_path / "tfi2i"
    command.write_text('#!/bin/sh\necho "$TF_CONFIG"\necho "$@"\n')
    command.chmod(0o755)

    def said(**environment):
        environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "WORKERS": "3", **environment}
        script = ["sh", str(SCRIPT), "runs/a b", "--model=cyclegan", "--data_dir=my data"]
        config, arguments = subprocess.run(
            script, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
        ).stdout.splitlines()
        return json.loads(config), arguments

    hosts = [f"train-{k}.train:2222" for k in range(3)]
    for way in ({"INDEX": "2"}, {"JOB_COMPLETION_INDEX": "2"}, {"HOSTNAME": "train-2"}):
        config, arguments = said(ADDRESS="train-%d.train:2222", **way)
        assert config == {"cluster": {"worker": hosts}, "task": {"type": "worker", "index": 2}}
        assert arguments == "train --run=runs/a b --quiet --model=cyclegan --data_dir=my data"
    (tmp_path / "runs" / "a b").mkdir(parents=True)
    (tmp_path / "runs" / "a b" / "config.json").write_text("{}")
    assert said(ADDRESS="h%d:1", INDEX="0")[1] == "train --resume=runs/a b --quiet"
