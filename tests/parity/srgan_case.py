"""How a case's numbers are fed to SRGAN; the program's images are in [0, 1]."""

import numpy as np

MODEL = "srgan"


def options(facts):
    return {}


def forward(translator, arrays):
    G, D = translator.G, translator.D
    for suffix, training in (("", False), ("_train", True)):
        answer = (np.asarray(G(2 * arrays["G/input"] - 1, training=training)) + 1) / 2
        yield f"G/output{suffix}_before_clamp", answer
        yield f"G/output{suffix}", answer.clip(0, 1)
        yield f"D/output{suffix}", D(2 * arrays["D/input"] - 1, training=training)
