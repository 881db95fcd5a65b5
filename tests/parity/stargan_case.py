"""StarGAN: how a case's numbers are fed to our model, and its answers named as the official program names them."""

import numpy as np
import tensorflow as tf

MODEL = "stargan"

# Running statistics of the instance norms, and what comes out when they are used: the official program keeps them but
# never calls eval(), and our layers have none.
WITHOUT = r"^G/output$|running_(mean|var)$"


def options(facts):
    given = facts["step"]["hyper_parameters"]
    labels = facts["networks"]["D"]["class outputs"]
    sets = facts["networks"]["G"]["label channels"] - labels
    names = [f"label{k}" for k in range(labels)]
    first = facts["networks"]["G"].get("c_dim", 5) if sets else labels
    attributes = [",".join(names[:first])] + ([",".join(names[first:])] if sets else [])
    return {
        "attributes": "/".join(attributes),
        "exclusive": "+".join(names[first:]) if sets else "",
        "g_lr": given["lr"],
        "d_lr": given["lr"],
        "beta1": given["betas"][0],
        "beta2": given["betas"][1],
        "lambda_cls": given["lambda_cls"],
        "lambda_rec": given["lambda_rec"],
        "lambda_gp": given["lambda_gp"],
        "n_critic": 1,
        "batch_size": facts["batch"],
    }


def forward(translator, arrays):
    G, D = translator.networks(training=True)
    yield "G/output_train", G([arrays["G/input"], arrays["G/label"]])
    src, cls = D(arrays["G/input"])
    yield "D/output_src", src
    yield "D/output_cls", cls


def feed(translator, arrays):
    labels, own = len(translator.config.names), arrays["input/c_org"]
    batch = {"x": arrays["input/x_real"], "label": own[:, :labels]}
    if own.shape[1] > labels:
        batch["set"] = own[:, labels:]
    draws = {"target": arrays["input/c_trg"], "t": arrays["input/alpha"]}
    return {name: tf.constant(part) for name, part in batch.items()}, draws


def losses(translator, logs):
    """The terms unweighted, and the program's weighted totals."""
    c, logs = translator.config, {name: np.asarray(value) for name, value in logs.items()}
    return {
        "d_loss_real": logs["D_real"],
        "d_loss_fake": logs["D_fake"],
        "d_loss_cls": logs["D_cls"] / c.lambda_cls,
        "d_loss_gp": logs["D_gp"] / c.lambda_gp,
        "d_loss": sum(logs[name] for name in ("D_real", "D_fake", "D_cls", "D_gp")),
        "g_loss_fake": logs["G_fake"],
        "g_loss_rec": logs["G_rec"] / c.lambda_rec,
        "g_loss_cls": logs["G_cls"] / c.lambda_cls,
        "g_loss": sum(logs[name] for name in ("G_fake", "G_rec", "G_cls")),
    }
