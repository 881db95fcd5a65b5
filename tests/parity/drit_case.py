"""How the DRIT cases name what the model computes."""

import numpy as np

from tfi2i import interop

MODEL = "drit"
# E_c and G step twice; of the case's three conventions for the second gradient ours is the pass repeated.
SECOND = {"enc_c": "grad2_fresh_forward_pass", "gen": "grad2_fresh_forward_pass"}
# Losses of that repeated pass; the case's are from before the first update. With E_c, E_a and G held they are equal.
REPEATED = ("gan2_loss_a", "gan2_loss_b", "lz_AB", "lz_BA", "l1_recon_z_loss_a", "l1_recon_z_loss_b")
HELD = ("E_c", "E_a", "G")


def options(facts):
    given = facts["step"]["hyper_parameters"]
    return {
        "lr": given["lr"],
        "beta1": given["betas"][0],
        "weight_decay": given["weight_decay"],
        "crop_size": facts["image_size"],
        "batch_size": facts["batch"],
        "d_iter": 1,
    }


def forward(translator, arrays):
    nets = interop.official_networks(translator)
    a, b, z = arrays["input/image_a"][:1], arrays["input/image_b"][:1], arrays["z_random"]
    content_a, content_b = nets["enc_c"]([a, b])
    yield "enc_c/content_a", content_a
    yield "enc_c/content_b", content_b
    names = ("mu_a", "logvar_a", "mu_b", "logvar_b") if translator.config.concat else ("z_a", "z_b")
    for name, output in zip(names, nets["enc_a"]([a, b]), strict=True):
        yield f"enc_a/{name}", output
    b2a, a2b = nets["gen"]([np.asarray(content_a), np.asarray(content_b), z])
    yield "gen/a2b_random", a2b
    yield "gen/b2a_random", b2a
    for name, image in (("disA", a), ("disA2", a), ("disB", b), ("disB2", b)):
        for scale, logits in enumerate(nets[name](image)):
            yield f"{name}/output/{scale}", logits
    for domain, content in (("a", content_a), ("b", content_b)):
        yield f"disContent/output_{domain}", np.reshape(nets["disContent"](content), -1)
    if "layer/decoder_layernorm/input" in arrays:
        norm = translator.G.get_layer("X_up2_norm")
        yield "layer/decoder_layernorm/output", norm(arrays["layer/decoder_layernorm/input"])


def feed(translator, arrays):
    draws = {key.removeprefix("noise/"): value for key, value in arrays.items() if key.startswith("noise/")}
    return {"x": arrays["input/image_a"], "y": arrays["input/image_b"]}, draws


def gradient_scale(network, arrays):
    """The content discriminator's stored gradient is clipped, which here its optimizer does."""
    norm = float(arrays["loss/disContent_gradient_norm_before_clipping"])
    return min(1.0, 5.0 / norm) if network == "disContent" else 1.0


def losses(translator, logs):
    """As recorded, and the program's total of the first update."""
    first = [name for name in logs if not name.startswith("dis") and name not in REPEATED]
    return dict(logs) | {"G_loss": sum(logs[name] for name in first)}
