"""The contract of `contract.py`, for every model."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sizes import options

import tfi2i
from tfi2i import zoo
from tfi2i.run import write_networks

# What XLA compiles runs three times: its own passes are what is tested, not how well LLVM does what is left.
# Without the emitters of fused loops, which make the same kernels in more passes, a third less is waited for.
QUICK_XLA = {
    "XLA_FLAGS": "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true "
    "--xla_cpu_use_fusion_emitters=false"
}


@pytest.mark.parametrize("name", sorted(zoo.MODELS))
def test_contract(name):
    """In a process of its own: TensorFlow keeps what it has once taken for a graph, for all models more than 20 GB."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "contract.py", f"--model={name}"]
    environment = {key: value for key, value in os.environ.items() if key != "PYTEST_ADDOPTS"} | QUICK_XLA
    done = subprocess.run(command, cwd=Path(__file__).parent, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-8000:]


def test_kept_networks_load_with_nothing_but_the_package(tmp_path):
    """Those of all models, in a process that has made none of them."""
    for name in zoo.MODELS:
        write_networks(tfi2i.create(name, **options(name)), tmp_path / name)
    files = [str(file) for file in sorted(tmp_path.glob("*/*.keras"))]
    program = f"import tfi2i, keras\nfor file in {files!r}: print(keras.models.load_model(file).count_params())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert len(done.stdout.split()) == len(files) >= len(zoo.MODELS), done.stderr
