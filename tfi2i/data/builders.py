"""Sets that tensorflow-datasets keeps: builders of the pix2pix and CycleGAN sets, and sources over what they prepare.

Records are kept in ArrayRecord files, which can be read in any order. Importing this module imports
tensorflow_datasets; it is left to `catalog.open_named` to do so when a set is asked for that needs it.
"""

import contextlib
import io
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image
from tensorflow_datasets.image_classification import cycle_gan

from tfi2i.data import catalog
from tfi2i.data.download import fetch, unpack
from tfi2i.data.folders import Unpaired
from tfi2i.errors import UserError

_CITATION = """\
@inproceedings{isola2017image,
  title     = {Image-to-Image Translation with Conditional Adversarial Networks},
  author    = {Isola, Phillip and Zhu, Jun-Yan and Zhou, Tinghui and Efros, Alexei A.},
  booktitle = {CVPR},
  year      = {2017},
}
"""


class _OwnDownload:
    """Lets a builder get its archive by `download.fetch`: from mirrors, resumed, with a way out when all fail."""

    def download_and_prepare(self, **options):
        self._remove_unpacked()  # what a killed process has left
        try:
            super().download_and_prepare(**options)
        finally:
            self._remove_unpacked()

    def _remove_unpacked(self):
        shutil.rmtree(self._unpacked, ignore_errors=True)

    @property
    def _unpacked(self) -> Path:
        """Where the archive lies unpacked until its examples are written."""
        return Path(self.data_dir).parent / "unpacked"

    def _fetch_and_unpack(self, dl_manager, mirrors: Sequence[str], page: str) -> Path:
        config = self.builder_config.name
        urls = [mirror.format(name=config) for mirror in mirrors]
        archive = fetch(
            urls,
            next(entry.sha256 for entry in catalog.CATALOG.values() if entry.builder == f"{self.name}/{config}"),
            Path(dl_manager.download_dir) / urls[0].rsplit("/", 1)[1],
            by_hand=f"the sets are linked from {page}",
        )
        return unpack(archive, self._unpacked)


class Pix2pix(_OwnDownload, tfds.core.GeneratorBasedBuilder):
    """The paired sets of pix2pix, one configuration each, from the authors' archives.

    An archive is NAME.tar.gz and holds NAME/{train,val,test}/*.jpg, A in the left half of an image and B in the right.
    Features: "A" and "B", uint8 (H, W, 3), stored without loss; "name", the file's name without its extension. Examples
    keep the order of the files' names.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}  # noqa: RUF012
    BUILDER_CONFIGS = [  # noqa: RUF012
        tfds.core.BuilderConfig(name=name, description=entry.description)
        for name, entry in catalog.CATALOG.items()
        if entry.builder == f"pix2pix/{name}"
    ]

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            description=self.builder_config.description,
            features=tfds.features.FeaturesDict(
                {
                    "A": tfds.features.Image(shape=(None, None, 3)),
                    "B": tfds.features.Image(shape=(None, None, 3)),
                    "name": tfds.features.Text(),
                }
            ),
            disable_shuffling=True,
            homepage=catalog.PIX2PIX_PAGE,
            citation=_CITATION,
        )

    def _split_generators(self, dl_manager):
        name = self.builder_config.name
        folder = self._fetch_and_unpack(dl_manager, catalog.PIX2PIX_MIRRORS, catalog.PIX2PIX_PAGE) / name
        splits = catalog.CATALOG[name].splits
        for split in splits:
            if not (folder / split).is_dir():
                raise UserError(f"{name}.tar.gz in {dl_manager.download_dir}: holds no folder {name}/{split}")
        return {split: self._generate_examples(folder / split) for split in splits}

    def _generate_examples(self, folder: Path):
        paths = sorted(folder.glob("*.jpg"), key=lambda path: (len(path.stem), path.stem))
        for index, path in enumerate(paths):
            with Image.open(path) as image:
                both = np.asarray(image.convert("RGB"))
            half = both.shape[1] // 2
            yield index, {"A": both[:, :half], "B": both[:, half : 2 * half], "name": path.stem}


class CycleGAN(_OwnDownload, cycle_gan.CycleGAN, skip_registration=True):
    """The builder that tensorflow-datasets has, which by itself retries for minutes without a network."""

    name = "cycle_gan"

    def _split_generators(self, dl_manager):
        def download_and_extract(_):
            return self._fetch_and_unpack(dl_manager, catalog.CYCLE_GAN_MIRRORS, catalog.CYCLE_GAN_PAGE)

        return super()._split_generators(SimpleNamespace(download_and_extract=download_and_extract))


_BUILDERS = {"pix2pix": Pix2pix, "cycle_gan": CycleGAN}


class TfdsPairs:
    """Source of the pairs that `Pix2pix` prepares.

    Downloads and prepares the set where that hasn't been done.

    Args:
        builder_name: as tensorflow-datasets writes it, such as "pix2pix/facades".
        split: of the builder.
        data_dir: where prepared sets and downloads are kept.

    Raises:
        UserError: the set can't be downloaded or prepared.
    """

    def __init__(self, builder_name: str, split: str, data_dir: str | os.PathLike):
        self._arguments = (builder_name, split, data_dir)
        self._records = _records(builder_name, split, data_dir, images=("A", "B"))

    def __reduce__(self):
        return type(self), self._arguments

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        record = self._records[range(len(self))[index]]
        return {domain: _decoded(record[domain]) for domain in ("A", "B")}

    def name(self, index: int) -> str:
        return self._records[range(len(self))[index]]["name"].decode()


class TfdsUnpaired(Unpaired):
    """The two domains of a set that `CycleGAN` prepares, as an `Unpaired` source.

    Args and Raises: see `TfdsPairs`; `split` is "train" or "test".
    """

    def __init__(self, builder_name: str, split: str, data_dir: str | os.PathLike):
        super().__init__(*(TfdsImages(builder_name, f"{split}{domain}", data_dir) for domain in "AB"))


class TfdsImages:
    """Source of the images {"image"} of one domain, "trainB" for instance; they are named by their number.

    Args and Raises: see `TfdsPairs`.
    """

    def __init__(self, builder_name: str, split: str, data_dir: str | os.PathLike):
        self._arguments = (builder_name, split, data_dir)
        self._records = _records(builder_name, split, data_dir, images=("image",))

    def __reduce__(self):
        return type(self), self._arguments

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        return {"image": _decoded(self._records[range(len(self))[index]]["image"])}

    def name(self, index: int) -> str:
        return f"{self._arguments[1]}_{range(len(self))[index]:05d}"


def _records(builder_name: str, split: str, data_dir: str | os.PathLike, images: tuple[str, ...]):
    """Random access to a split, with the images still encoded: tensorflow-datasets would decode with OpenCV if it can,
    whose JPEG differs from Pillow's."""
    name, config = builder_name.split("/")
    builder = _BUILDERS[name](config=config, data_dir=os.fspath(data_dir))
    try:
        with contextlib.redirect_stdout(sys.stderr):  # standard output is for results
            builder.download_and_prepare(file_format="array_record")
        return builder.as_data_source(split, decoders={image: tfds.decode.SkipDecoding() for image in images})
    except (OSError, NotImplementedError) as error:
        raise UserError(f"{builder_name} cannot be prepared in {data_dir}: {' '.join(str(error).split())}") from error


def _decoded(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        return np.array(image.convert("RGB"))
