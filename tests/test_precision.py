"""`--precision=auto`: what it settles on, and that it says so."""

import dataclasses

import pytest
import tensorflow as tf

from tfi2i import loop, precision, run, zoo


@pytest.fixture
def job(tiny, monkeypatch):
    """A small training whose preset was seen to learn in bfloat16."""
    config = zoo.model_class("pix2pix").Config(**tiny)
    monkeypatch.setitem(zoo.presets("pix2pix"), "small", zoo.Preset(config, bfloat16=True))
    return run.Job("pix2pix", config, run.Recipe(steps=1, precision="auto"), "synthetic_facades")


@pytest.mark.parametrize(
    ("hardware", "lr", "expected", "said"),
    [
        (True, 2e-4, "mixed_bfloat16", "preset small learns as well in it"),
        (False, 2e-4, "float32", "the hardware doesn't compute in bfloat16"),
        (True, 1e-3, "float32", "no preset of these numbers was seen to learn in bfloat16"),
    ],
)
def test_auto(job, hardware, lr, expected, said, monkeypatch, capsys):
    monkeypatch.setattr(precision, "computes_bfloat16", lambda: hardware)
    job = dataclasses.replace(job, config=dataclasses.replace(job.config, lr=lr))
    assert precision.settled(job).recipe.precision == expected
    told = capsys.readouterr().err
    assert told.startswith(f"tfi2i: --precision=auto is {expected} here: ") and said in told


def test_what_was_chosen_stays_as_it_is(job, capsys):
    job = dataclasses.replace(job, recipe=run.Recipe(precision="float32"))
    assert precision.settled(job) is job and not capsys.readouterr().err


def test_a_run_keeps_what_it_was_settled_on(job, tmp_path, monkeypatch):
    """So that it goes on in the same on another machine."""
    monkeypatch.setattr(precision, "computes_bfloat16", lambda: True)
    loop.train(job, tmp_path / "run", progress=False)
    assert run.Job.load(tmp_path / "run").recipe.precision == "mixed_bfloat16"


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("flags\t\t: fpu avx512f avx512_bf16 amx_tile", True),
        ("Features\t: fp asimd bf16 i8mm", True),
        ("flags\t\t: fpu avx2", False),
        ("", False),
    ],
)
def test_processors(flags, expected, monkeypatch):
    monkeypatch.setattr(precision.Path, "read_text", lambda path: f"processor\t: 0\n{flags}\n")
    assert precision.computes_bfloat16() == expected


def test_where_the_system_does_not_tell(monkeypatch):
    def missing(path):
        raise FileNotFoundError(path)

    monkeypatch.setattr(precision.Path, "read_text", missing)
    assert not precision.computes_bfloat16()


@pytest.mark.parametrize(
    ("capabilities", "expected"), [([(9, 0)], True), ([(8, 0), (7, 5)], False), ([(8, 6), None], False)]
)
def test_gpus(capabilities, expected, monkeypatch):
    details = [{} if known is None else {"compute_capability": known} for known in capabilities]
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: details if kind == "GPU" else [])
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda gpu: gpu)
    assert precision.computes_bfloat16() == expected
