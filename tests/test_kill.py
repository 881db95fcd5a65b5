"""SIGKILL at any instant, saving included: what goes on from there ends with the same bits."""

import os
import random
import subprocess
import sys
import time

import pytest
from test_run import losses_of, state_of

PROGRAM = """
import sys
from tfi2i.cli import entry
from tfi2i.evaluation import two_domains
two_domains.VALIDATION = 2  # of 48 checkpoints each scores as many pictures
sys.argv[0] = "tfi2i"
entry()
"""
COMMAND = [sys.executable, "-c", PROGRAM, "train"]
ENVIRONMENT = os.environ | {"TF_NUM_INTRAOP_THREADS": "2"}  # the same bits on several threads, too
OPTIONS = [
    "--model=pix2pix",
    "--preset=quick",
    "--ngf=4",
    "--ndf=4",
    "--steps=240",
    "--seed=7",
    "--log_every=5",
    "--checkpoint_every=5",
    "--sample_every=100",
    "--quiet",
]
KILLS = 8


def newest(checkpoints):
    """The line that names the last whole checkpoint."""
    index = checkpoints / "checkpoint"
    return index.read_text().splitlines()[0] if index.exists() else ""


def saving(run):
    """Is a file being written that has not got its name yet?"""
    patterns = ("checkpoints/*temp*", "checkpoints/*.tmp*", "networks/.*", "logs/*.tmp", "samples/*.tmp")
    return any(next(run.glob(pattern), None) for pattern in patterns)


@pytest.mark.slow
def test_killed_at_random_moments_a_run_ends_with_the_same_bits(tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    subprocess.run([*COMMAND, *OPTIONS, f"--run={whole}"], env=ENVIRONMENT, check=True)
    chance, while_saving = random.Random(0), 0
    for kill in range(KILLS):
        begin = [f"--resume={parts}", "--quiet"] if (parts / "config.json").exists() else [*OPTIONS, f"--run={parts}"]
        before = newest(parts / "checkpoints")
        process = subprocess.Popen([*COMMAND, *begin], env=ENVIRONMENT)
        try:
            if kill == 0:
                time.sleep(chance.uniform(1, 8))  # before the first checkpoint, perhaps before the first step
            else:
                wait_for(process, lambda before=before: newest(parts / "checkpoints") != before)
                time.sleep(chance.uniform(0, 0.5))
            if kill % 2:
                wait_for(process, lambda: saving(parts))
            while_saving += saving(parts)
        finally:
            process.kill()
        assert process.wait() == -9, "the run ended before it was killed: raise --steps"
    assert while_saving >= 3
    subprocess.run([*COMMAND, f"--resume={parts}", "--quiet"], env=ENVIRONMENT, check=True)

    assert state_of(parts) == state_of(whole)
    assert losses_of(parts) == losses_of(whole)
    assert (parts / "samples" / "index.html").exists()
    names = {path.name for path in (parts / "checkpoints").iterdir()}
    assert names == {path.name for path in (whole / "checkpoints").iterdir()}, "strays are left"
    assert newest(parts / "checkpoints" / "best") == newest(whole / "checkpoints" / "best")


def wait_for(process, condition):
    while not condition():
        assert process.poll() is None, "the run ended before it was killed: raise --steps"
        time.sleep(0.001)
