"""How the numbers of NVlabs/MUNIT are fed to our MUNIT, and what of ours they are compared with."""

import keras
import numpy as np

MODEL = "munit"


def options(facts):
    """The hyper-parameters of the case as options of our Config."""
    given = facts["step"]["hyper_parameters"]
    weights = ("gan_w", "recon_x_w", "recon_s_w", "recon_c_w", "recon_x_cyc_w")
    return {name: given[name] for name in ("lr", "beta1", "beta2", "weight_decay", *weights)}


def forward(translator, arrays):
    """Yields (key of forward.npz, our array) for every stored output."""
    t = translator
    images = {"a": arrays["input_a"], "b": arrays["input_b"]}
    content = {"a": t.E_c_A(images["a"]), "b": t.E_c_B(images["b"])}
    style = {"a": t.E_s_A(images["a"]), "b": t.E_s_B(images["b"])}
    noise = {domain: arrays[f"style_noise_{domain}"][:, 0, 0] for domain in "ab"}
    decoder = {"a": t.G_A, "b": t.G_B}
    for domain in "ab":
        G = decoder[domain]
        yield f"gen_{domain}/content", content[domain]
        yield f"gen_{domain}/style", np.asarray(style[domain])[:, None, None]
        yield f"gen_{domain}/recon", G([content[domain], style[domain]])
        mlp = keras.Model(G.get_layer("style").output, G.get_layer("mlp3").output)
        yield f"gen_{domain}/adain_params_for_style_noise_{domain}", mlp(noise[domain])
    yield "x_ab", t.generators()["AtoB"]([images["a"], noise["b"]])
    yield "x_ba", t.generators()["BtoA"]([images["b"], noise["a"]])
    yield "layer/decoder_layernorm/output", t.G_A.get_layer("up1_norm")(arrays["layer/decoder_layernorm/input"])
    for domain, D in (("a", t.D_A), ("b", t.D_B)):
        for scale, logits in enumerate(D(images[domain])):
            yield f"dis_{domain}/output/{scale}", logits


def feed(translator, arrays):
    """The batch and the random draws of step.npz."""
    names = ("dis/s_a", "dis/s_b", "gen/s_a", "gen/s_b")
    batch = {"x": arrays["input/x_a"], "y": arrays["input/x_b"]}
    return batch, {name: arrays[f"noise/{name}"][:, 0, 0] for name in names}


def losses(translator, logs):
    """{official name: value as the official program stores it}: each term without its weight, the totals with."""
    c = translator.config
    weights = {"dis": c.gan_w, "gen_adv": c.gan_w, "gen_recon_x": c.recon_x_w, "gen_recon_s": c.recon_s_w}
    weights |= {"gen_recon_c": c.recon_c_w, "gen_cycrecon_x": c.recon_x_cyc_w}
    terms = {name: float(value) / weights[name[:-2]] for name, value in logs.items()}
    totals = {
        f"{player}_total": sum(float(value) for name, value in logs.items() if name.startswith(player))
        for player in ("dis", "gen")
    }
    return terms | totals
