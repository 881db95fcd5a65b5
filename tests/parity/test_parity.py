"""Every case of --parity_dir: our networks and our step against numbers produced by the official code.

A case is a folder with case.json, the official checkpoint files, forward.npz and step.npz; a new one needs no code here
unless its model is new, which then gets a line in ADAPTERS and a module beside this file:

    MODEL                        our name
    options(facts)               the hyper-parameters of case.json as fields of our Config
    forward(translator, arrays)  yields (key of forward.npz, our array) for every output stored there; the arrays are
                                 those of forward.npz and the inputs of step.npz, which some cases share
    feed(translator, arrays)     (batch, {name of a draw: array}) of step.npz
    losses(translator, logs)     {official name of a loss: our number}, for every loss stored in step.npz
    SECOND                       optional, {network: prefix}: networks that step twice, and where step.npz has it
    gradient_scale(network, arrays)   optional: by what the stored gradient was clipped
    WITHOUT                      optional: a pattern of keys that our networks have no counterpart of
    REPEATED, HELD               optional: losses of a forward pass that our step repeats after an update, and players
                                 to hold so that it changes nothing
"""

import importlib
import json
import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfi2i import interop
from tfi2i.training.optimizers import StepDecay

# First word of case.json's "model" -> adapter.
ADAPTERS = {
    "pix2pix": "pix2pix_case",
    "cyclegan": "cyclegan_case",
    "munit": "munit_case",
    "drit": "drit_case",
    "ugatit": "ugatit_case",
    "stargan": "stargan_case",
    "srgan": "srgan_case",
}


class Case:
    def __init__(self, folder):
        self.folder = folder
        self.facts = json.loads((folder / "case.json").read_text())
        word = re.match(r"[\w-]*", self.facts["model"])[0].lower().replace("-", "")
        if word not in ADAPTERS:
            pytest.fail(f"{folder}: no adapter for {self.facts['model']!r} (expected one of {', '.join(ADAPTERS)})")
        self.adapter = importlib.import_module(f"parity.{ADAPTERS[word]}")

    def translator(self):
        files = [self.folder / name for name in self.facts["weights"]]
        return interop.from_pytorch(self.adapter.MODEL, *files, **self.adapter.options(self.facts))

    def arrays(self, name):
        without = getattr(self.adapter, "WITHOUT", "$^")
        with np.load(self.folder / name) as arrays:
            known = [key for key in arrays if arrays[key].dtype.kind == "f" and not re.search(without, key)]
            return {key: arrays[key].astype(keras.config.floatx()) for key in known}


@pytest.fixture(params=["float32", "float64"])
def floatx(request):
    before = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx(request.param)
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_floatx(before[0])
    keras.config.set_dtype_policy(before[1])


def is_an_output(key):
    """Neither an input nor a buffer."""
    return not re.search(r"(^|/)(input|label|style_noise|z_random)|after_train_forward", key)


def test_forward(forward_case, floatx):
    case = Case(forward_case)
    arrays, translator = case.arrays("forward.npz"), case.translator()
    compared = set()
    shared = case.arrays("step.npz") if (forward_case / "step.npz").exists() else {}
    inputs = {key: array for key, array in shared.items() if key.startswith("input/")}
    for key, output in case.adapter.forward(translator, inputs | arrays):
        wanted = arrays[key]
        error = np.abs(np.asarray(output) - wanted).max()
        # A float64 run is compared with numbers that were rounded to, and partly computed in, float32.
        bound = 1e-4 if floatx == "float32" else 1e-5 + 2 * reference_noise(case.facts)
        assert error <= bound * max(1.0, np.abs(wanted).max()), f"{key}: {error:.2e}"
        compared.add(key)
    assert {key for key in compared if is_an_output(key)} == {key for key in arrays if is_an_output(key)}
    known = interop.parameters(translator)
    for key in (k for k in arrays if "/after_train_forward/" in k):
        network, name = key.split("/after_train_forward/")
        (value,) = (p.to_official(p.variable.numpy()) for p in known[network] if p.key == name)
        np.testing.assert_allclose(value, arrays[key], rtol=1e-4, atol=1e-5, err_msg=key)


def reference_noise(facts):
    return facts.get("forward_noise_of_the_reference", {}).get("max_abs_float32_minus_float64", 0.0)


def test_step(step_case, floatx):
    case = Case(step_case)
    wanted, translator = case.arrays("step.npz"), case.translator()
    batch, draws = case.adapter.feed(translator, wanted)
    translator.compile(run_eagerly=True)
    feed_draws(translator, draws)
    gradients = record_gradients(translator)
    before = official_values(translator)
    logs = translator.train_step(batch)
    after = official_values(translator)
    exact = floatx == "float64"
    check_losses(case.adapter.losses(translator, logs), wanted, exact, getattr(case.adapter, "REPEATED", ()))
    for network, lists in case.facts["step"]["parameters"].items():
        check_gradients(case, network, lists, gradients[network], wanted, exact)
        check_movement(case, network, lists, before[network], after[network], wanted, exact)
        for key in (k for k in wanted if k.startswith(f"buffer_after/{network}/")):
            value = after[network][key.split("/", 2)[2]]
            np.testing.assert_allclose(value, wanted[key], rtol=1e-4, atol=1e-5, err_msg=key)
    if hasattr(case.adapter, "REPEATED"):
        check_losses_with_players_held(case, wanted, exact)


def check_losses_with_players_held(case, wanted, exact):
    """Where our step repeats a forward pass after an update, its losses are official if that update is held."""
    translator = case.translator()
    batch, draws = case.adapter.feed(translator, wanted)
    translator.compile(run_eagerly=True)
    feed_draws(translator, draws)
    for player in case.adapter.HELD:
        translator.optimizers[player].inner_optimizer.learning_rate = StepDecay(0.0)
    check_losses(case.adapter.losses(translator, translator.train_step(batch)), wanted, exact)


def feed_draws(translator, draws):
    """Gives the official program's random draws in the place of the model's own."""
    translator.normal = translator.uniform = lambda name, shape: given(draws[name], shape)
    translator.shuffled = lambda name, rows: given(draws[name], rows.shape)


def given(draw, shape):
    assert draw.size == np.prod([int(n) for n in shape])
    return tf.constant(draw.reshape([int(n) for n in shape]))


def check_losses(losses, wanted, exact, without=()):
    assert {f"loss/{name}" for name in losses} == {k for k in wanted if k.startswith("loss/") and "_norm_" not in k}
    for name, value in losses.items():
        if name in without:
            continue
        loss = float(wanted[f"loss/{name}"])
        # Computed after another network has moved, a loss carries that move's rounding too.
        assert float(value) == pytest.approx(loss, abs=(1e-5 if exact else 1e-3) * max(1.0, abs(loss))), name


def is_kinked(case):
    """Steps so large that some ReLU always lies within float32's rounding; see the case's "tolerance"."""
    return "relative L2" in case.facts["tolerance"]["gradient"]


def check_gradients(case, network, lists, gradients, wanted, exact):
    """Those stored, and the norm of every one."""
    order, noise = lists["all_parameters_in_order"], set(lists["gradient_zero_or_rounding_noise"])
    assert order == [key for key in order if key in gradients], f"{network}: no gradient"
    scale = getattr(case.adapter, "gradient_scale", lambda *_: 1.0)(network, wanted)
    second = getattr(case.adapter, "SECOND", {}).get(network)
    stages = [("grad", "grad_l2", 0)] + ([(second, None, 1)] if second else [])
    for grad, grad_l2, stage in stages:
        for key in (k for k in order if k not in noise):
            gradient = gradients[key][stage] * scale
            if grad_l2:
                norm = wanted[f"{grad_l2}/{network}"][order.index(key)]
                rel = (1e-4 if exact else 3e-2) if is_kinked(case) else (1e-5 if exact else 1e-3)
                assert np.linalg.norm(gradient) == pytest.approx(norm, rel=rel), f"{network} {key}"
            if f"{grad}/{network}/{key}" in wanted:
                stored = wanted[f"{grad}/{network}/{key}"]
                if is_kinked(case):
                    error, bound = np.linalg.norm(gradient - stored) / np.linalg.norm(stored), 1e-4 if exact else 5e-2
                else:
                    error, bound = np.abs(gradient - stored).max() / np.abs(stored).max(), 1e-5 if exact else 1e-3
                assert error <= bound, f"{grad} of {network} {key}: {error:.2e}"


def check_movement(case, network, lists, before, after, wanted, exact):
    """Values after the step, and how far every parameter went."""
    order, noise = lists["all_parameters_in_order"], set(lists["gradient_zero_or_rounding_noise"])
    given = case.facts["step"]["hyper_parameters"]
    lr = given.get(f"lr_{network}", given["lr"])
    second = getattr(case.adapter, "SECOND", {}).get(network)
    steps, prefix = (2, f"after_{second}") if second else (1, "after")
    if not second and not is_kinked(case):
        for key in (k for k in order if k not in noise):
            moved = np.linalg.norm(after[key] - before[key])
            assert moved == pytest.approx(wanted[f"delta_l2/{network}"][order.index(key)], rel=1e-2), key
    mean = (0.01 if exact else 0.1) if is_kinked(case) else 0.05
    stored = [k for k in wanted if k.startswith(f"{prefix}/{network}/") and k.split("/", 2)[2] not in noise]
    assert stored
    for path in stored:
        error = np.abs(after[path.split("/", 2)[2]] - wanted[path])
        assert error.max() <= 2.1 * lr * steps and error.mean() <= mean * lr * steps, path


def record_gradients(translator):
    """{network: {official key: [gradient in the official layout, one a step]}}, filled as the optimizers are called."""
    known = {id(p.variable.value): (name, p) for name, ps in interop.parameters(translator).items() for p in ps}
    found = {name: {} for name in interop.parameters(translator)}

    def recording(apply):
        def call(gradients, variables):
            for gradient, variable in zip(gradients, variables, strict=True):
                network, parameter = known[id(variable)]
                found[network].setdefault(parameter.key, []).append(parameter.to_official(gradient.numpy()))
            return apply(gradients, variables)

        return call

    for optimizer in translator.optimizers.values():
        optimizer.apply = recording(optimizer.apply)
    return found


def official_values(translator):
    return {
        name: {p.key: p.to_official(p.variable.numpy()) for p in parameters}
        for name, parameters in interop.parameters(translator).items()
    }
