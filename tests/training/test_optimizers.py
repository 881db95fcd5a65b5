"""Adam and the schedules against the official programs' numbers (parity/optimiser), and against themselves."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfi2i.training.optimizers import Adam, EpochSchedule, HalfLinear, StepDecay

CASE = Path(__file__).parent.parent / "parity" / "optimiser"
SETTINGS = json.loads((CASE / "case.json").read_text())["settings"]


@pytest.mark.parametrize("setting", SETTINGS)
def test_ten_steps_of_adam(setting):
    arrays, s = np.load(CASE / "optimiser.npz"), SETTINGS[setting]
    beta_1, beta_2 = s["betas"]
    optimizer = Adam(s["lr"], beta_1=beta_1, beta_2=beta_2, epsilon=s["eps"], l2=s["weight_decay"])
    start = arrays["p0"].astype("float64")
    variable = keras.Variable(start, dtype="float64")
    # Keras keeps the rate in float32; a schedule hands over the exact one.
    optimizer._learning_rate = s["lr"]
    optimizer.build([variable])
    for gradient, wanted in zip(arrays["gradients"], arrays[f"delta/{setting}"], strict=True):
        optimizer.apply([tf.constant(gradient, tf.float64)], [variable])
        np.testing.assert_allclose(variable.numpy() - start, wanted, rtol=1e-6, atol=1e-9)


def test_linear_policy_is_the_official_one():
    wanted = np.load(CASE / "optimiser.npz")["schedule/junyanz_linear_epochs_1_to_200"]
    schedule = EpochSchedule(2e-4, "linear", steps_per_epoch=3)
    np.testing.assert_allclose([schedule(3 * e + 2) for e in range(200)], wanted, rtol=1e-5, atol=1e-10)
    assert float(schedule(200 * 3)) == 0.0  # and not negative beyond


def test_the_schedules_of_the_two_domain_programs():
    wanted = np.load(CASE / "optimiser.npz")
    drit = EpochSchedule(1e-4, "linear", 7, n_epochs=600, n_epochs_decay=600, ahead=0)
    np.testing.assert_allclose([drit(7 * e) for e in range(1200)], wanted["schedule/drit_per_epoch"], rtol=1e-5)
    munit = [StepDecay(1e-4)(int(i)) for i in wanted["schedule/munit_iterations"]]
    np.testing.assert_allclose(munit, wanted["schedule/munit_lr"], rtol=1e-6)
    ugatit = [HalfLinear(1e-4, 1000)(i) for i in range(1000)]
    np.testing.assert_allclose(ugatit, wanted["schedule/ugatit_iteration_1000_total_1000"], rtol=1e-4, atol=1e-11)


def test_other_policies():
    step = EpochSchedule(1.0, "step", 10, lr_decay_iters=2)
    assert [round(float(step(10 * e)), 6) for e in range(6)] == [1.0, 1.0, 0.1, 0.1, 0.01, 0.01]
    cosine = EpochSchedule(1.0, "cosine", 1, n_epochs=4)
    np.testing.assert_allclose([cosine(e) for e in range(5)], [1, 0.853553, 0.5, 0.146447, 0], atol=1e-6)
    assert float(EpochSchedule(0.5, "constant", 1)(10**6)) == 0.5
    with pytest.raises(ValueError, match="lr_policy must be one of linear"):
        EpochSchedule(1.0, "plateau", 1)


@pytest.mark.parametrize("rate", [EpochSchedule(2e-4, "linear", 7, ahead=0), StepDecay(1e-4, 10), HalfLinear(1e-4, 10)])
def test_optimizer_round_trip(rate):
    optimizer = Adam(rate, l2=1e-4)
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert again.get_config() == optimizer.get_config()
