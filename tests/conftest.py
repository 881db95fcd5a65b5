"""Options and fixtures of the whole suite."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import tensorflow as tf

# Two CPU devices, before TensorFlow starts, so that MirroredStrategy has replicas to mirror.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)

HERE = Path(__file__).parent


def pytest_addoption(parser):
    parser.addoption("--model", help="of contract.py: the model whose contract is tested")
    parser.addoption("--slow", action="store_true", help="run the tests that take minutes, too")
    parser.addoption("--parity_dir", default=str(HERE / "parity"), help="folder of parity cases, one folder each")


def pytest_configure(config):
    # Grappler's passes take an eighth of the time of tests that call a graph a few times. Every process that a test
    # starts has them: killed trainings, workers, notebooks.
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


def pytest_collection_modifyitems(config, items):
    # The contracts take longest: begun last, one of them would run alone at the end while the other core waits.
    items.sort(key=lambda item: item.path.name != "test_contract.py")
    if not config.getoption("--slow"):
        for item in items:
            if "slow" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="slow; run with --slow"))


def pytest_generate_tests(metafunc):
    folder = Path(metafunc.config.getoption("--parity_dir"))
    for fixture, numbers in (("forward_case", "forward.npz"), ("step_case", "step.npz")):  # a case may hold one alone
        if fixture in metafunc.fixturenames:
            cases = sorted(path.parent for path in folder.glob("*/case.json") if (path.parent / numbers).exists())
            metafunc.parametrize(fixture, cases, ids=lambda path: path.name)


@pytest.fixture(scope="session")
def shared_data():
    """The real images that are not part of the project; tests that need them skip where they are absent."""
    folder = Path(os.environ.get("TFI2I_SHARED", HERE.parent.parent / "shared")) / "data"
    if not folder.is_dir():
        pytest.skip(f"no real images at {folder}; set TFI2I_SHARED")
    return folder


@pytest.fixture(scope="session", autouse=True)
def few_pictures():
    """A training in a test shows and scores few of them: each takes a call of the network without a graph."""
    from tfi2i.evaluation import attributes, two_domains

    with pytest.MonkeyPatch.context() as patch:
        for module in (attributes, two_domains):
            patch.setattr(module, "SAMPLES", 2)
            patch.setattr(module, "VALIDATION", 4)
        yield


@pytest.fixture(autouse=True)
def same_numbers_each_time():
    """Initial weights and random inputs of a test are the same in every run, alone or among others."""
    keras.utils.set_random_seed(0)


TINY = {
    "netG": "unet_16",
    "ngf": 4,
    "netD": "n_layers",
    "n_layers_D": 1,
    "ndf": 4,
    "load_size": 36,
    "crop_size": 32,
    "batch_size": 2,
}


@pytest.fixture
def tiny():
    """Options of pix2pix at 16 px, a step of which takes milliseconds."""
    return dict(TINY)


@pytest.fixture(scope="session")
def trained_run(tmp_path_factory):
    """A finished run of a few steps on the synthetic facades."""
    from tfi2i import loop, run, zoo

    folder = tmp_path_factory.mktemp("runs") / "tiny"
    config = zoo.model_class("pix2pix").Config(**TINY)
    recipe = run.Recipe(steps=4, log_every=2, sample_every=2, checkpoint_every=2)
    loop.train(run.Job("pix2pix", config, recipe, "synthetic_facades"), folder, progress=False)
    return folder


@pytest.fixture(scope="session")
def mirrored():
    """One for all tests: the collectives of a second strategy in the same process would meet the first one's keys."""
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
