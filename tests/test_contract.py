"""The contract of `contract.py`, for every model."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tfi2i import zoo


@pytest.mark.parametrize("name", sorted(zoo.MODELS))
def test_contract(name):
    """In a process of its own: TensorFlow keeps what it has once taken for a graph, for all models more than 20 GB."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "contract.py", f"--model={name}"]
    environment = {key: value for key, value in os.environ.items() if key != "PYTEST_ADDOPTS"}
    done = subprocess.run(command, cwd=Path(__file__).parent, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-8000:]
