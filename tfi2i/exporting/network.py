"""What a network takes and gives, by name."""

SIGNATURE = "serving_default"  # the one that TF Serving, LiteRT and saved_model_cli take where none is named


def answers(network, inputs):
    """{name: output} of a network, called with a list of its inputs; a lone output is the image."""
    given = network(list(inputs) if len(inputs) > 1 else inputs[0], training=False)
    return dict(given) if isinstance(given, dict) else {"image": given}


def output_names(network):
    return list(network.output) if isinstance(network.output, dict) else ["image"]


def is_image(tensor):
    """Whether an input or output of a network is an image (B, H, W, C), not a vector (B, S)."""
    return len(tensor.shape) == 4
