"""The files of weights of the networks that judge, found or downloaded, and always verified.

A number is comparable only if the network behind it is the one that everybody uses, so a file is known by its SHA-256
and nothing else is taken under its name.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from tfi2i.data.download import fetch, sha256_of
from tfi2i.errors import UserError


@dataclass(frozen=True)
class WeightFile:
    """file: its usual name; sha256: of it, its first digits if no more are known, or "" where none is published."""

    file: str
    url: str
    sha256: str

    def verify(self, path):
        """Raises `UserError` if the file at `path` isn't this one."""
        received = sha256_of(Path(path))
        if not received.startswith(self.sha256):
            raise UserError(
                f"{path}: not the weights that go by the name of {self.file} (expected SHA-256 {self.sha256}..., "
                f"received {received}); get them from {self.url}"
            )


_LPIPS = "https://raw.githubusercontent.com/richzhang/PerceptualSimilarity/master/lpips/weights/v0.1"
_TORCH = "https://download.pytorch.org/models"
_FID = "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights"
FILES = {
    "inception_pt": WeightFile(
        "pt_inception-2015-12-05-6726825d.pth",
        f"{_FID}/pt_inception-2015-12-05-6726825d.pth",
        "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
    ),
    "inception_tf": WeightFile(  # holds classify_image_graph_def.pb; its makers publish no hash
        "inception-2015-12-05.tgz",
        "http://download.tensorflow.org/models/image/imagenet/inception-2015-12-05.tgz",
        "",
    ),
    "alexnet": WeightFile("alexnet-owt-7be5be79.pth", f"{_TORCH}/alexnet-owt-7be5be79.pth", "7be5be79"),
    "vgg16": WeightFile(
        "vgg16-397923af.pth",
        f"{_TORCH}/vgg16-397923af.pth",
        "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
    ),
    "squeezenet1_1": WeightFile(
        "squeezenet1_1-b8a52dc0.pth",
        f"{_TORCH}/squeezenet1_1-b8a52dc0.pth",
        "b8a52dc049b60e4b6ab68ad0df457362afab8b6304b2febdc1650a5dab4d7e7b",
    ),
    "lpips_alex": WeightFile(
        "alex.pth", f"{_LPIPS}/alex.pth", "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0"
    ),
    "lpips_vgg": WeightFile(
        "vgg.pth", f"{_LPIPS}/vgg.pth", "a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868"
    ),
    "lpips_squeeze": WeightFile(
        "squeeze.pth", f"{_LPIPS}/squeeze.pth", "4a5350f23600cb79923ce65bb07cbf57dca461329894153e05a1346bd531cf76"
    ),
}


def weight_file(name, folder=None):
    """The verified file of the weights `name`, a key of `FILES`.

    Args:
        folder: where it lies, by its usual name, directly or in a subfolder; None: the cache, $TFI2I_DATA_DIR/weights
            or ~/.cache/tfi2i/weights, into which it is downloaded at need.

    Returns: its path. Raises: `UserError` where it is missing, or another file.
    """
    known = FILES[name]
    if folder is not None:
        found = sorted(Path(folder).rglob(known.file)) if Path(folder).is_dir() else []
        if not found:
            raise UserError(f"{folder}: no {known.file} in it (expected the file of {known.url}); put it there")
        known.verify(found[0])
        return found[0]
    path = cache("weights") / known.file
    whole = known.sha256 if len(known.sha256) == 64 else None
    fetch([known.url], whole, path, by_hand=known.url)
    if whole is None:
        known.verify(path)
    return path


def cache(kind):
    """The folder of the "weights" or the "features" that `tfi2i evaluate` keeps."""
    return Path(os.environ.get("TFI2I_DATA_DIR") or "~/.cache/tfi2i").expanduser() / kind
