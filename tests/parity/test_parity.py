"""Every case of --parity_dir: our networks and our step against numbers produced by the official code.

A case is a folder with case.json, the official checkpoint files, forward.npz and step.npz; a new one needs no code here
unless its model is new, which then gets a line in MODELS and how its step is fed in `batch_of`.
"""

import json

import keras
import numpy as np
import pytest

from tfi2i import interop

# First word of case.json's "model" -> our name and the options that no weight can show.
MODELS = {"pix2pix": ("pix2pix", {"no_dropout": True})}


def recipe_of(facts):
    """The hyper-parameters of a case's step as fields of our Config."""
    given = facts.get("step", {}).get("hyper_parameters", {})
    fields = {name: given[name] for name in ("lr", "lambda_L1") if name in given}
    if "betas" in given:
        fields["beta1"] = given["betas"][0]
    if "gan_mode" in given:
        fields["gan_mode"] = given["gan_mode"].split()[0]
    return fields


class Case:
    def __init__(self, folder):
        self.folder = folder
        self.facts = json.loads((folder / "case.json").read_text())
        word = self.facts.get("model", self.facts.get("what", "")).split(":")[0].lower()
        if word not in MODELS:
            pytest.skip(f"{folder.name}: tfi2i has no model for it yet")
        self.model, options = MODELS[word]
        self.options = options | recipe_of(self.facts)

    def translator(self):
        files = [self.folder / name for name in self.facts["weights"]]
        return interop.from_pytorch(self.model, *files, **self.options)

    def arrays(self, name):
        with np.load(self.folder / name) as arrays:
            return {key: arrays[key].astype(keras.config.floatx()) for key in arrays if arrays[key].dtype.kind == "f"}


@pytest.fixture(params=["float32", "float64"])
def floatx(request):
    before = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx(request.param)
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_floatx(before[0])
    keras.config.set_dtype_policy(before[1])


def network_input(arrays, name):
    if f"{name}/input" in arrays:
        return arrays[f"{name}/input"]
    return np.concatenate([arrays[f"{name}/input_a"], arrays[f"{name}/input_b"]], -1)


def test_forward(parity_case, floatx):
    case = Case(parity_case)
    arrays, translator = case.arrays("forward.npz"), case.translator()
    known = interop.parameters(translator)
    for name, network in interop.official_networks(translator).items():
        x = network_input(arrays, name)
        for key, training in ((f"{name}/output", False), (f"{name}/output_train", True)):
            wanted = arrays[key]
            error = np.abs(np.asarray(network(x, training=training)) - wanted).max()
            bound = (1e-4 if floatx == "float32" else 1e-5) * max(1.0, np.abs(wanted).max())
            assert error <= bound, f"{key}: {error:.2e}"
        values = {p.key: p.to_official(p.variable.numpy()) for p in known[name]}
        prefix = f"{name}/after_train_forward/"
        for key in (k for k in arrays if k.startswith(prefix)):
            np.testing.assert_allclose(values[key.removeprefix(prefix)], arrays[key], rtol=1e-4, atol=1e-5, err_msg=key)


def test_step(parity_case, floatx):
    case = Case(parity_case)
    wanted, translator = case.arrays("step.npz"), case.translator()
    facts, exact = case.facts["step"], floatx == "float64"
    translator.compile(run_eagerly=True)
    gradients = record_gradients(translator)
    before = official_values(translator)
    logs = translator.train_step({"x": wanted["input/real_A"], "y": wanted["input/real_B"]})
    after = official_values(translator)

    compared = [name for name in logs if f"loss/{name}" in wanted]
    assert compared, "no loss term under an official name"
    for name in compared:
        loss = float(wanted[f"loss/{name}"])
        # Computed after another network has moved, a loss carries that move's rounding too.
        assert float(logs[name]) == pytest.approx(loss, abs=(1e-5 if exact else 1e-3) * max(1.0, abs(loss))), name

    lr = facts["hyper_parameters"]["lr"]
    for network, lists in facts["parameters"].items():
        order, noise = lists["all_parameters_in_order"], set(lists["gradient_zero_or_rounding_noise"])
        assert set(order) == {k for k in after[network] if "running_" not in k}
        for key in order:
            if key in noise:
                continue
            norm = wanted[f"grad_l2/{network}"][order.index(key)]
            assert np.linalg.norm(gradients[network][key]) == pytest.approx(norm, rel=1e-5 if exact else 1e-3), key
            moved = np.linalg.norm(after[network][key] - before[network][key])
            assert moved == pytest.approx(wanted[f"delta_l2/{network}"][order.index(key)], rel=1e-2), key
        for key in set(lists["stored_parameters"]) - noise:
            gradient = wanted[f"grad/{network}/{key}"]
            error = np.abs(gradients[network][key] - gradient).max() / np.abs(gradient).max()
            assert error <= (1e-5 if exact else 1e-3), f"gradient of {network} {key}: {error:.2e}"
            error = np.abs(after[network][key] - wanted[f"after/{network}/{key}"])
            assert error.max() <= 2.1 * lr and error.mean() <= 0.05 * lr, f"{network} {key} after the step"
        for key in (k for k in wanted if k.startswith(f"buffer_after/{network}/")):
            np.testing.assert_allclose(
                after[network][key.split("/", 2)[2]], wanted[key], rtol=1e-4, atol=1e-5, err_msg=key
            )


def record_gradients(translator):
    """{network: {official key: gradient in the official layout}}, filled by the optimizers as they are called."""
    known = {id(p.variable.value): (name, p) for name, ps in interop.parameters(translator).items() for p in ps}
    found = {name: {} for name in interop.parameters(translator)}

    def recording(apply):
        def call(gradients, variables):
            for gradient, variable in zip(gradients, variables, strict=True):
                network, parameter = known[id(variable)]
                found[network][parameter.key] = parameter.to_official(gradient.numpy())
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


@pytest.mark.parametrize(
    ("options", "network", "count"),
    [
        ({}, "G", 54_413_955),
        ({"netG": "resnet_9blocks", "norm": "instance", "no_dropout": True}, "G", 11_378_179),
        ({"netG": "resnet_6blocks", "norm": "instance", "no_dropout": True}, "G", 7_837_699),
        ({}, "D", 2_768_705),
        ({"netD": "pixel"}, "D", 9_024),  # 6*64+64 + 64*128 + 2*128 + 128
    ],
)
def test_parameter_counts_of_the_official_program(options, network, count):
    import tfi2i

    parameters = interop.parameters(tfi2i.create("pix2pix", **options))[network]
    assert sum(p.variable.numpy().size for p in parameters if "running_" not in p.key) == count


@pytest.mark.parametrize(
    "options",
    [
        {"netG": "resnet_2blocks", "norm": "instance", "no_dropout": True},
        {"netG": "resnet_3blocks", "norm": "batch"},
        {"netG": "unet_256", "norm": "none", "netD": "pixel"},
        {"netG": "unet_32", "norm": "instance", "netD": "n_layers", "n_layers_D": 2, "input_nc": 1},
    ],
    ids=str,
)
def test_sizes_are_inferred_from_shapes(options, monkeypatch, tmp_path):
    """A network written under the official names comes back with the same config and the same weights."""
    import tfi2i
    from tfi2i.interop import junyanz

    model = tfi2i.create("pix2pix", ngf=4, ndf=4, **options)
    states = {
        name: {p.key: p.to_official(p.variable.numpy()) for p in parameters}
        for name, parameters in interop.parameters(model).items()
    }
    monkeypatch.setattr(junyanz, "load", lambda file: states[file])
    again = interop.from_pytorch("pix2pix", "G", "D", no_dropout=options.get("no_dropout", False))
    for field in ("netG", "ngf", "ndf", "norm", "input_nc", "output_nc"):
        assert getattr(again.config, field) == getattr(model.config, field)
    for name in ("G", "D"):
        for p, q in zip(interop.parameters(model)[name], interop.parameters(again)[name], strict=True):
            np.testing.assert_array_equal(p.variable.numpy(), q.variable.numpy(), err_msg=p.key)


def test_a_key_that_does_not_fit_is_named(monkeypatch):
    import tfi2i
    from tfi2i.errors import UserError
    from tfi2i.interop import junyanz

    model = tfi2i.create("pix2pix", ngf=4, ndf=4, netG="unet_32")
    state = {p.key: p.to_official(p.variable.numpy()) for p in interop.parameters(model)["G"]}
    monkeypatch.setattr(junyanz, "load", lambda file: state)
    key = "model.model.1.model.1.weight"
    right = state.pop(key)
    with pytest.raises(UserError, match=f"G.pth lacks {key}"):
        interop.from_pytorch("pix2pix", "G.pth")
    state[key] = right[:, :-1]
    with pytest.raises(UserError, match=rf"G.pth: {key} \(expected shape"):
        interop.from_pytorch("pix2pix", "G.pth")
    state[key] = right
    state["extra.weight"] = right
    with pytest.raises(UserError, match=r"has besides extra\.weight"):
        interop.from_pytorch("pix2pix", "G.pth")
