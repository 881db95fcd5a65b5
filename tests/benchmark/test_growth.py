"""`tfi2i benchmark growth`: what it counts, what it fits and what it refuses; its times are nobody's business here."""

import json

import pytest
import tensorflow as tf

from tfi2i.benchmark import growth
from tfi2i.benchmark.flops import flops
from tfi2i.benchmark.interleaved import Alone
from tfi2i.cli import main


def test_operations_of_a_graph_are_counted_by_hand():
    """A 3x3 convolution from 2 to 5 channels at 4x4 of 3 images, its gradients, a transposed one, and two products."""

    @tf.function
    def f(image, kernel, matrix):
        with tf.GradientTape() as tape:
            tape.watch([image, kernel])
            y = tf.nn.conv2d(image, kernel, 2, "SAME")  # (3, 4, 4, 5)
        up = tf.nn.conv2d_transpose(y, kernel, [3, 8, 8, 2], 2)
        tf.nn.conv2d(image, kernel, 1, "SAME")  # nobody reads it
        return (
            tape.gradient(y, [image, kernel]),
            up,
            matrix @ matrix,
            tf.matmul(matrix, matrix[:, :7], transpose_a=True),
        )

    graph = f.get_concrete_function(
        tf.TensorSpec([None, 8, 8, 2]), tf.TensorSpec([3, 3, 2, 5]), tf.TensorSpec([11, 11])
    )
    convolution = 2 * (3 * 4 * 4 * 5) * (3 * 3 * 2)
    assert flops(graph, 3) == 4 * convolution + 2 * 11**3 + 2 * 11 * 7 * 11


def test_what_a_graph_doesnt_tell_is_an_error():
    graph = tf.function(lambda image: tf.nn.conv2d(image, tf.ones([3, 3, 2, 5]), 1, "SAME")).get_concrete_function(
        tf.TensorSpec([1, None, 8, 2])
    )
    with pytest.raises(ValueError, match=r"the shapes of .*, Conv2D, must be known. Received: \(1, None, 8, 5\)"):
        flops(graph, 1)


def point(size, seconds, data):
    return growth.Point(size, 1, 8, seconds, 1000 * size**2, 2**30, data)


def test_exponents_are_those_of_the_largest_points():
    points = [point(size, 1e-6 * size**2, 2**14 * size**2) for size in (64, 128, 256)]
    grown = growth.Grown("pix2pix", {"size": [point(32, 5.0, 1), *points]})
    for quantity in ("flops", "seconds", "bytes"):
        assert grown.exponent("size", quantity) == pytest.approx(2.0)
    assert grown.failures() == []


def test_a_cost_that_grows_faster_than_the_operations_is_said():
    points = [point(size, 1e-6 * size**3, 2**6 * size**2.5) for size in (64, 128, 256)]
    grown = growth.Grown("pix2pix", {"size": points})
    assert grown.exponent("size", "bytes") is None  # only the last has enough
    assert [failure.split(" (")[0] for failure in grown.failures()] == [
        "pix2pix: time grows as size^3.00, its operations as size^2.00"
    ]
    points = [point(size, 1e-6, 2**16 * size**2.5) for size in (64, 128, 256)]
    (failure,) = growth.Grown("munit", {"size": points}).failures()
    assert failure.startswith("munit: memory grows as size^2.50, its operations as size^2.00")


@pytest.fixture
def tiny(monkeypatch):
    """Two sizes, in this process; time as the operations say, to a power."""
    power, counts = [1.0], {}

    def alone(subject, turns):
        _, (name, options, _) = subject
        if (key := tuple(options.items())) not in counts:
            step = growth._step(name, options)
            counts[key] = int(step())
            step()
        count = counts[key]
        return Alone(count, [1e-9 * count ** power[0]] * turns, 2**28 + count)

    monkeypatch.setattr(growth, "alone", alone)
    for name, value in {
        "CASES": {"srgan": {"n_blocks": 1, "content": "mse"}},
        "AXES": {"size": (32, 64)},
        "BASE": {"size": 32, "batch": 1, "width": 2},
        "EMPTY": {"size": 32, "batch": 1, "width": 1},
    }.items():
        monkeypatch.setattr(growth, name, value)
    return power


def test_the_command_writes_table_numbers_and_plot(tiny, tmp_path, capsys):
    out = tmp_path / "new" / "growth"
    assert main(["benchmark", "growth", "--models=srgan", "--turns=1", f"--out={out}"]) == 0
    assert capsys.readouterr().out == (out / "growth.md").read_text()
    (numbers,) = json.loads((out / "growth.json").read_text())
    exponents = numbers["exponents"]["size"]
    assert exponents["flops"] == pytest.approx(2.0, abs=0.1) and exponents["bytes"] is None
    assert exponents["seconds"] == pytest.approx(exponents["flops"])
    assert [p["size"] for p in numbers["points"]["size"]] == [32, 64]
    svg = (out / "growth.svg").read_text()
    assert "srgan" in svg and "image size, pixels" in svg

    tiny[0] = 2.0
    assert main(["benchmark", "growth", "--models=srgan", "--turns=1", f"--out={out}"]) == 1
    assert "tfi2i: grows too fast: srgan: time grows as size^" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options, message",
    [
        (["--turns=0"], "--turns=0 (expected at least 1)"),
        (["--models=cyclegam"], "did you mean cyclegan?"),
        (["--models=drit"], "--models=drit has no case here (expected some of pix2pix, "),
    ],
)
def test_what_cannot_be_measured_is_said_at_once(options, message, capsys, tmp_path):
    assert main(["benchmark", "growth", f"--out={tmp_path}", *options]) == 2
    assert message in capsys.readouterr().err
