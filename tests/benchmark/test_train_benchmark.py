"""`tfi2i benchmark train`: its peers make the same steps; its times are nobody's business here."""

import json
import sys
from contextlib import nullcontext
from importlib.util import find_spec

import keras
import pytest
from sizes import options

from tfi2i.benchmark import interleaved, train
from tfi2i.benchmark.interleaved import Timed
from tfi2i.cli import main

# PyTorch for CUDA brings it, and its optimizers import it; it and TensorFlow abort in one process, as both register the
# options of LLVM. (What is timed has processes of its own.)
sys.modules.setdefault("triton", None)

TINY = {name: options(name) for name in train.CASES} | {
    "cyclegan": options("cyclegan") | {"pool_size": 50},  # not full yet, it draws nothing
    # A batch norm, and dropout after one layer.
    "pix2pix": {"netG": "unet_64", "ngf": 4, "netD": "n_layers", "n_layers_D": 1, "ndf": 4, "crop_size": 64},
    "srgan": {"n_blocks": 1, "ngf": 4, "ndf": 2, "content": "vgg22", "vgg": "random", "crop_size": 32, "batch_size": 2},
}
needs_torch = pytest.mark.skipif(not find_spec("torch"), reason="PyTorch, of the extra `benchmark`, isn't installed")


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    monkeypatch.setattr(train, "CASES", TINY)


@pytest.fixture
def started(tmp_path):
    """A function: a model's name -> its `Start`, and {subject: losses of the first steps}."""

    def of_all(name):
        start = train.Start(name, tmp_path)
        return start, ours(start, "float32") | theirs(start, train.EAGER, train.LAST, train.LAST_BFLOAT16)

    return of_all


def ours(start, policy):
    """The losses of the first steps, of which no graph is made: tracing takes longer than they do."""
    before = keras.config.floatx(), keras.config.dtype_policy()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "compiled", without_graph)
        answer = train._tfi2i_step(start.name, TINY[start.name], start.folder / "start.npz", policy, True)()
    keras.config.set_floatx(before[0])
    keras.config.set_dtype_policy(before[1])
    return {f"tfi2i {policy}": answer}


def without_graph(model):
    model.compile(steps_per_epoch=1000)
    return model.train_step


def theirs(start, *subjects):
    return {s: train.pytorch_step(start.folder / "peer.pt", 1, *train.THEIRS[s], True)() for s in subjects}


def exactly(start, channels_last=False):
    """As `Start.prove`, in this process."""
    import torch

    (expected,) = ours(start, "float64").values()
    losses = train.pytorch_step(start.folder / "peer.pt", 1, channels_last, "float64", True)()
    torch.set_default_dtype(torch.float32)
    start.compare("PyTorch", losses, expected, "float64")


@needs_torch
@pytest.mark.parametrize("name", train.CASES)
def test_the_peer_makes_the_same_steps(name, started):
    start, losses = started(name)
    start.check(losses)
    exactly(start)
    exactly(start, channels_last=True)
    assert all(answer.shape == (train.CHECKED, len(start.loss_names)) for answer in losses.values())


@needs_torch
def test_a_peer_that_does_something_else_is_refused(started, monkeypatch):
    from tfi2i.benchmark import torch_steps

    start, losses = started("pix2pix")
    with monkeypatch.context() as patch:
        patch.setattr(torch_steps, "l1", lambda x, y: (x - y).square().mean())
        with pytest.raises(RuntimeError, match=r"pix2pix: G_L1 of step 1 is .* in PyTorch eager \(expected"):
            start.check(losses | theirs(start, train.EAGER))
    adam = torch_steps.Step.adam
    with monkeypatch.context() as patch:
        patch.setattr(torch_steps.Step, "adam", lambda self, names, lr, *rest: adam(self, names, 1.01 * lr, *rest))
        with pytest.raises(RuntimeError, match=r"pix2pix: G_GAN of step 1 is .* within 1e-06"):
            exactly(start)
    losses[train.LAST_BFLOAT16][1, 3] = float("nan")
    with pytest.raises(RuntimeError, match="losses of PyTorch bfloat16 channels-last are not finite"):
        start.check(losses)


@needs_torch
@pytest.mark.parametrize("name", train.CASES)
def test_the_peers_optimizers_have_the_same_numbers(name, tmp_path):
    """Two steps tell neither the momenta nor a small weight decay."""
    import torch

    from tfi2i import zoo
    from tfi2i.benchmark.torch_steps import STEPS

    train.Start(name, tmp_path)
    saved = torch.load(tmp_path / "peer.pt", weights_only=False)
    step = STEPS[name](saved["networks"], train.SimpleNamespace(**saved["config"]))
    model = zoo.create(name, **TINY[name])
    model.compile()

    def weights(optimizer):
        return sum(p.numel() for group in optimizer.param_groups for p in group["params"])

    found = sorted(
        (weights(o), *(o.defaults[key] for key in ("lr", "betas", "eps", "weight_decay")))
        for o in vars(step).values()
        if isinstance(o, torch.optim.Adam)
    )
    wanted = []
    for player, guarded in model.optimizers.items():
        ours = guarded.inner_optimizer
        count = sum(w.shape.num_elements() for w in model._weights_of(player))
        wanted.append((count, float(ours.learning_rate), (ours.beta_1, ours.beta_2), ours.epsilon, ours.l2))
    for a, b in zip(found, sorted(wanted), strict=True):
        assert (a[0], a[2]) == (b[0], b[2]) and a[1:2] + a[3:] == pytest.approx(b[1:2] + b[3:])


@needs_torch
@pytest.mark.parametrize("name", train.CASES)
def test_the_graph_has_as_many_operations_as_pytorch_counts(name, tmp_path):
    from torch.utils.flop_counter import FlopCounterMode

    class Nowhere(nullcontext):
        """In the place of the counter's book on modules, which fails at a gradient within a loss, StarGAN's."""

        parents = frozenset({"Global"})

    start = train.Start(name, tmp_path)
    step = train.pytorch_step(tmp_path / "peer.pt", 1, *train.THEIRS[train.EAGER])
    counter = FlopCounterMode(display=False)
    counter.mod_tracker = Nowhere()
    with counter:
        step()
    # Ours has the power iterations of spectral norm, too.
    assert start.flops() == pytest.approx(counter.get_total_flops(), rel=0.02)


def test_ratios_are_to_the_faster_peer():
    seconds = {
        train.FLOAT32: 2.0,
        train.BFLOAT16: 1.0,
        train.EAGER: 4.0,
        train.LAST: 3.0,
        train.EAGER_BFLOAT16: 0.5,
        train.LAST_BFLOAT16: 8.0,
    }
    timed = {name: Timed(None, [value, 2 * value]) for name, value in seconds.items()}
    memory = dict.fromkeys(timed, 2**30)
    peaks = {"float32": 10e9, "bfloat16": 20e9}
    measured = train.Measured("pix2pix", (4, 32, 32), timed, 9 * 10**9, memory, peaks, 0.0)
    assert measured.ratios() == [
        (train.FLOAT32, train.LAST, 1.5, 1.5),
        (train.BFLOAT16, train.LAST, 3.0, 3.0),
        (train.BFLOAT16, train.EAGER_BFLOAT16, 0.5, 0.5),
    ]
    assert measured.images_per_second(train.FLOAT32) == pytest.approx(4 / 3)
    assert measured.share_of_peak(train.FLOAT32) == pytest.approx(0.3)
    assert measured.share_of_peak(train.BFLOAT16) == pytest.approx(0.3)


@needs_torch
def test_the_command_writes_a_table_and_its_numbers(tmp_path, capsys, monkeypatch):
    for name, value in {"STARTS": 1, "QUIET": 1e9}.items():
        monkeypatch.setattr(interleaved, name, value)
    monkeypatch.setattr(train, "SIDE", 64)
    files = [f"--out={tmp_path / 'table.md'}", f"--json={tmp_path / 'numbers.json'}"]
    chosen = ["--models=pix2pix", "--rounds=1", "--precision=float32", "--apart"]
    assert main(["benchmark", "train", *chosen, *files]) == 0
    text = (tmp_path / "table.md").read_text()
    assert capsys.readouterr().out == text
    subjects = [train.FLOAT32, train.EAGER, train.LAST]
    rows = [line.split(" | ") for line in text.splitlines()[2 : 2 + len(subjects)]]
    assert rows[0][:2] == ["| `pix2pix`", "1 of 64x64"] and [row[2] for row in rows] == subjects

    (numbers,) = json.loads((tmp_path / "numbers.json").read_text())
    assert (numbers["model"], numbers["images"], list(numbers["subjects"])) == ("pix2pix", [1, 64, 64], subjects)
    for subject in numbers["subjects"].values():
        assert subject["images_per_second"] == pytest.approx(1 / subject["median_s"])
        assert subject["peak_bytes"] > 50e6


@pytest.mark.parametrize(
    "options, message",
    [
        (["--rounds=0"], "--rounds=0 (expected at least 1)"),
        (["--peer=jax"], "--peer=jax (expected one of pytorch, none)"),
        (["--precision=float16"], "--precision=float16 (expected one of both, float32, mixed_bfloat16)"),
        (["--models=cyclegam"], "did you mean cyclegan?"),
        (["--models=drit"], "--models=drit has no step in PyTorch (expected some of pix2pix, "),
    ],
)
def test_what_cannot_be_measured_is_said_at_once(options, message, capsys):
    assert main(["benchmark", "train", *options]) == 2
    assert message in capsys.readouterr().err
