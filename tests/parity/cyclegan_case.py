"""CycleGAN: how a case's numbers are fed to our model, and its answers named as the official program names them."""

MODEL = "cyclegan"


def options(facts):
    given = facts["step"]["hyper_parameters"]
    return {
        "no_dropout": True,
        "lr": given["lr"],
        "beta1": given["betas"][0],
        "gan_mode": given["gan_mode"].split()[0],
        "lambda_A": given["lambda_A"],
        "lambda_B": given["lambda_B"],
        "lambda_identity": given["lambda_identity"],
        "load_size": 64,
        "crop_size": 64,
    }


def forward(translator, arrays):
    G, F, D_X, D_Y = translator.networks(training=False)
    a, b = arrays["G_A/input"], arrays["G_B/input"]
    yield "G_A/output", G(a)
    yield "G_B/output", F(b)
    yield "D_A/output", D_Y(b)
    yield "D_B/output", D_X(a)


def feed(translator, arrays):
    return {"x": arrays["input/real_A"], "y": arrays["input/real_B"]}, {}


def losses(translator, logs):
    generator = ("G_A", "G_B", "cycle_A", "cycle_B", "idt_A", "idt_B")
    return dict(logs) | {"G": sum(logs[name] for name in generator)}
