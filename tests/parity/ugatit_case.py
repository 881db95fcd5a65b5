"""How the U-GAT-IT cases name what the model computes."""

import numpy as np

from tfi2i import interop

MODEL = "ugatit"
_OUTPUTS = {"gen": {"output": "image"}, "dis": {"output": "logits"}}
_BOTH = {"cam_logit": "cam_logit", "heatmap": "heatmap"}


def options(facts):
    given = facts["step"]["hyper_parameters"]
    names = ("lr", "weight_decay", "adv_weight", "cycle_weight", "identity_weight", "cam_weight")
    return {name: given[name] for name in names}


def forward(translator, arrays):
    known = interop.parameters(translator)
    for name, network in interop.official_networks(translator).items():
        # Both discriminators of a domain look at the images that the generator of its other direction starts from.
        seen = arrays[f"{name}/input" if name.startswith("gen") else f"gen{'A2B' if name[-1] == 'A' else 'B2A'}/input"]
        for suffix, training in (("", False), ("_train", True)):
            if f"{name}/output{suffix}" not in arrays:
                continue
            answer = network(seen, training=training)
            for key, ours in (_OUTPUTS[name[:3]] | _BOTH).items():
                yield f"{name}/{key}{suffix}", np.asarray(answer[ours])
        for parameter in known[name]:
            key = f"{name}/after_train_forward/{parameter.key}"
            if key in arrays:
                yield key, parameter.to_official(parameter.variable.numpy())


def feed(translator, arrays):
    return {"x": arrays["input/real_A"], "y": arrays["input/real_B"]}, {}


def losses(translator, logs):
    """The terms unweighted, and the program's weighted totals."""
    config, logs = translator.config, {name: float(value) for name, value in logs.items()}
    weights = {
        "ad": config.adv_weight,
        "recon": config.cycle_weight,
        "identity": config.identity_weight,
        "cam": config.cam_weight,
    }
    totals = {
        f"{player}_loss_{domain}": sum(
            value for name, value in logs.items() if name.startswith(player) and name.endswith(domain)
        )
        for player in "DG"
        for domain in "AB"
    }
    totals["Discriminator_loss"] = totals["D_loss_A"] + totals["D_loss_B"]
    totals["Generator_loss"] = totals["G_loss_A"] + totals["G_loss_B"]
    return {name: value / weights[name.split("_")[1]] for name, value in logs.items()} | totals
