"""What `--precision=auto` means for a training on this machine."""

import contextlib
import dataclasses
import sys
from pathlib import Path

from tfi2i import zoo

CPU_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}  # Intel and AMD; Arm
COMPUTE_CAPABILITY = (8, 0)  # of the first NVIDIA GPUs with bfloat16, Ampere


def settled(job):
    """`job` with another precision in the place of "auto", which is said on stderr.

    mixed_bfloat16 where the hardware computes in it and a preset of the same config was seen to learn as well in it
    (`Preset.bfloat16`), else float32.
    """
    if job.recipe.precision != "auto":
        return job
    shown = [name for name, preset in zoo.presets(job.model).items() if preset.bfloat16 and preset.config == job.config]
    if not shown:
        precision, why = "float32", "no preset of these numbers was seen to learn in bfloat16"
    elif not computes_bfloat16():
        precision, why = "float32", "the hardware doesn't compute in bfloat16"
    else:
        precision, why = "mixed_bfloat16", f"the hardware computes in it, and preset {shown[0]} learns as well in it"
    print(f"tfi2i: --precision=auto is {precision} here: {why}", file=sys.stderr)
    return dataclasses.replace(job, recipe=dataclasses.replace(job.recipe, precision=precision))


def computes_bfloat16():
    """Does what a training would run on, all GPUs or else the CPU, multiply bfloat16 in hardware? False if unknown."""
    import tensorflow as tf

    if gpus := tf.config.list_physical_devices("GPU"):
        details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
        return all(known.get("compute_capability", (0, 0)) >= COMPUTE_CAPABILITY for known in details)
    return bool(CPU_FLAGS & _cpu_flags())


def _cpu_flags():
    """The names of what the processor can do, as Linux knows them; elsewhere none."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith(("flags", "Features")):
                return set(line.partition(":")[2].split())
    return set()
