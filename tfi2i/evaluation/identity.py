"""Whether a translated face is still the same person: the distance between what a face network makes of the picture and
of its translation.

DIAT (Li et al. 2016) keeps identity by the features of VGG-Face; the network, how it takes pictures and which layers
count are given as for its training, `--face_network`, `--face_input` and `--identity_layers`.
"""

from pathlib import Path

import numpy as np

from tfi2i.data.download import sha256_of
from tfi2i.errors import UserError
from tfi2i.zoo.diat import face_features

KINDS = ("cosine", "l2")


class FaceNetwork:
    """Images float (B, H, W, 1 or 3) in [-1, 1] -> [features float64 (B, N), one array a layer].

    Args:
        file: a Keras file of a network of colour images; those of another size are resized to what it takes.
        face_input: "-1..1", "0..255" or "vgg_face", what the network takes; see `tfi2i train --model=diat --help`.
        layers: names of layers whose features count, with commas; "": what the network answers.

    Attributes:
        identity: which network it is, for a report.

    Raises: `UserError` for a file that holds no such network or not these layers; when called, for answers that are not
        finite or the same for all images.
    """

    def __init__(self, file, face_input="vgg_face", layers=""):
        self.file = file
        self._features = face_features(file, layers.split(",") if layers else [], face_input)
        self.identity = f"{Path(file).name}, SHA-256 {sha256_of(Path(file))}, {layers or 'its answer'}, {face_input}"
        noise = np.random.default_rng(0).uniform(-1, 1, (2, 64, 64, 3)).astype(np.float32)
        for name, features in zip(layers.split(","), self(noise), strict=True):
            if np.array_equal(*features):
                raise UserError(
                    f"--face_network={file}: {name or 'its answer'} is the same for all images (expected features that "
                    "tell faces apart); give a trained network, or other layers"
                )

    def __call__(self, images):
        images = np.asarray(images, np.float32)
        if images.ndim != 4 or images.shape[-1] not in (1, 3) or not np.isfinite(images).all():
            raise UserError(
                f"--face_network={self.file}: expected finite images (B, H, W, 1 or 3) in [-1, 1], received "
                f"{images.shape}{'' if np.isfinite(images).all() else ' with numbers that are not finite'}"
            )
        if images.shape[-1] == 1:
            images = np.repeat(images, 3, -1)
        found = [np.reshape(of, (len(images), -1)).astype(np.float64) for of in self._features(images).values()]
        if not all(np.isfinite(of).all() for of in found):
            raise UserError(
                f"--face_network={self.file} answers numbers that are not finite (expected features of images); is "
                "--face_input what it was trained with?"
            )
        return found


def identity_distance(network, x, y, kind="cosine"):
    """float64 (B,): how far `network` sees each image of `x` from that of `y`, 0 for the same features.

    Args:
        network: `FaceNetwork`; of several layers the distance is the mean of theirs.
        x, y: images (B, H, W, C), of one size.
        kind: "cosine", 1 - cos of the angle between the features, in [0, 2]; or "l2", the length of their difference.
    """
    if kind not in KINDS:
        raise UserError(f"identity distance (expected one of {', '.join(KINDS)}, received {kind})")
    if np.shape(x) != np.shape(y):
        raise UserError(
            f"identity distance: expected a translation for each image and of its size, received {np.shape(x)} and "
            f"{np.shape(y)}"
        )
    distance = {"cosine": _cosine, "l2": lambda a, b: np.linalg.norm(a - b, axis=-1)}[kind]
    return np.mean([distance(a, b) for a, b in zip(network(x), network(y), strict=True)], axis=0)


def _cosine(a, b):
    lengths = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    if not lengths.all():
        raise UserError(
            "identity distance: the face network answers nought for an image, which has no angle to anything; give "
            "other layers, or the distance l2"
        )
    return np.clip(1.0 - np.sum(a * b, axis=-1) / lengths, 0.0, 2.0)
