"""Two processes on this machine, introduced by TF_CONFIG, against one: MultiWorkerMirroredStrategy for real."""

import json
import os
import socket
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from test_run import losses_of

from tfi2i import loop, run, zoo

# A batch norm's statistics are those of a replica's own share, so there is none.
PLAIN = {"batch_size": 4, "norm": "none", "no_dropout": True}
RECIPE = {"steps": 6, "log_every": 2, "checkpoint_every": 3, "sample_every": 6}
PROGRAM = "import sys; from tfi2i.cli import main; sys.exit(main(sys.argv[1:]))"


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


@pytest.mark.slow
def test_two_workers_equal_one_process(tiny, tmp_path):
    options = tiny | PLAIN
    alone, together = tmp_path / "alone", tmp_path / "together"
    config, recipe = zoo.model_class("pix2pix").Config(**options), run.Recipe(**RECIPE)
    loop.train(run.Job("pix2pix", config, recipe, "synthetic_facades"), alone, progress=False)

    arguments = [f"--{name}={value}" for name, value in (options | RECIPE).items()]
    command = [
        sys.executable,
        "-c",
        PROGRAM,
        "train",
        "--model=pix2pix",
        "--preset=quick",
        "--direction=AtoB",
        "--quiet",
    ]
    addresses = [f"127.0.0.1:{port}" for port in free_ports(2)]
    workers = []
    for index in range(2):
        task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        environment = os.environ | {"TF_CONFIG": json.dumps(task)}
        workers.append(subprocess.Popen([*command, *arguments, f"--run={together}"], env=environment))
    assert [worker.wait(timeout=300) for worker in workers] == [0, 0]

    for a, b in zip(losses_of(alone), losses_of(together), strict=True):
        assert {k: float(v) for k, v in a.items()} == pytest.approx({k: float(v) for k, v in b.items()}, rel=1e-4)
    networks = [
        tf.keras.models.load_model(folder / "networks" / "G.keras").get_weights() for folder in (alone, together)
    ]
    for a, b in zip(*networks, strict=True):
        np.testing.assert_allclose(a, b, atol=2e-5)
