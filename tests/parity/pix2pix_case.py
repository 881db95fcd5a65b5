"""pix2pix: how a case's numbers are fed to our model, and its answers named as the official program names them."""

import numpy as np

MODEL = "pix2pix"


def options(facts):
    given = facts["step"]["hyper_parameters"]
    return {
        "no_dropout": True,
        "lr": given["lr"],
        "beta1": given["betas"][0],
        "lambda_L1": given["lambda_L1"],
        "gan_mode": given["gan_mode"].split()[0],
    }


def forward(translator, arrays):
    inputs = {"G": arrays["G/input"]}
    inputs["D"] = (
        np.concatenate([arrays["D/input_a"], arrays["D/input_b"]], -1) if "D/input_a" in arrays else arrays["D/input"]
    )
    for name, x in inputs.items():
        network = getattr(translator, name)
        yield f"{name}/output", network(x, training=False)
        yield f"{name}/output_train", network(x, training=True)


def feed(translator, arrays):
    return {"x": arrays["input/real_A"], "y": arrays["input/real_B"]}, {}


def losses(translator, logs):
    return {name: logs[name] for name in ("G_GAN", "G_L1", "D_real", "D_fake")} | {
        "D": logs["D"],
        "G": logs["G_GAN"] + logs["G_L1"],
    }
