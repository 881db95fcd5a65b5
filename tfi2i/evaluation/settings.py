"""The options of an evaluation, for the command line and for Python alike."""

from dataclasses import dataclass
from typing import Literal

from tfi2i.options import option, validate


@dataclass(frozen=True)
class Settings:
    """What is measured, and with which networks."""

    metrics: str = option(
        "basic",
        "names with commas; basic: what needs no network that was trained elsewhere; all: every one that can be had; "
        "fid, kid, is, cis, lpips, diversity, fcn, identity, or any that basic prints",
    )
    seed: int = option(0, "of the bootstrap, of subsets, and of what judges are trained with", least=0)
    weights: str | None = option(None, "folder with the weights of Inception and LPIPS; default: they are downloaded")
    inception: Literal["pt", "tf"] = option("pt", "which file of the 2015 Inception: PyTorch's or TensorFlow's")
    resize: Literal["clean", "legacy_pytorch", "legacy_tensorflow"] = option(
        "clean", "to Inception's size: as clean-fid, pytorch-fid, or the first FID program does it"
    )
    lpips: Literal["alex", "vgg", "squeeze"] = option("alex", "the network of LPIPS")
    crop: int = option(0, "pixels of border left out of distances of 8-bit pairs", least=0)
    segmenter: str = option("own", "of the FCN score: own, trained on the set's label maps; a Keras file; hub:PRESET")
    segmenter_input: Literal["-1..1", "0..1", "0..255"] = option("-1..1", "the range of RGB that a Keras file takes")
    palette: str = option("auto", "colours of label maps: auto, cityscapes, facades, synthetic_facades or a JSON file")
    face_network: str | None = option(None, "Keras file of a face network, for the distance between identities")
    face_input: Literal["-1..1", "0..255", "vgg_face"] = option(
        "vgg_face", "what face_network takes: RGB in a range, or BGR less the mean"
    )

    identity_layers: str = option("", "names of its layers whose features count, with commas; default: its answer")

    def __post_init__(self):
        validate(self)

    @property
    def words(self):
        """The metrics asked for, in small letters."""
        return [word_of(word.strip()) for word in self.metrics.split(",") if word.strip()]


def word_of(metric):
    """A metric's name as it is typed: ms_ssim for MS-SSIM."""
    return metric.lower().replace("-", "_")
