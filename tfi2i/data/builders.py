"""Builders of the sets that tensorflow-datasets keeps: where their files come from, and how records are made of them.

Pairs of pix2pix, domains of CycleGAN, labelled digits and faces, photos in high resolution. The builders that
tensorflow-datasets has of its own are used where they don't ask for more than is needed here, but files are always got
by `download.fetch`. `array_records` opens what these prepare.
"""

import gzip
import io
import os
import shutil
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image
from tensorflow_datasets.datasets.celeb_a import celeb_a_dataset_builder as celeb_a
from tensorflow_datasets.datasets.svhn_cropped import svhn_cropped_dataset_builder as svhn_cropped
from tensorflow_datasets.image_classification import cycle_gan, mnist

from tfi2i.data import catalog
from tfi2i.data.download import fetch, unpack
from tfi2i.errors import UserError

_CITATION = """\
@inproceedings{isola2017image,
  title     = {Image-to-Image Translation with Conditional Adversarial Networks},
  author    = {Isola, Phillip and Zhu, Jun-Yan and Zhou, Tinghui and Efros, Alexei A.},
  booktitle = {CVPR},
  year      = {2017},
}
"""


@dataclass(frozen=True)
class Origin:
    """Where the files of a set come from.

    page: for people.
    mirrors: folders of the files, each URL with its last slash; none where no program can download them.
    files: name to SHA-256, or to None where none is published: the first download is trusted (see `download.fetch`).
    """

    page: str
    mirrors: tuple[str, ...]
    files: dict[str, str | None]


ORIGINS = {
    "mnist": Origin(
        page="http://yann.lecun.com/exdb/mnist/",
        mirrors=(
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
        ),
        files={
            "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        },
    ),
    "svhn_cropped": Origin(
        page="http://ufldl.stanford.edu/housenumbers/",
        mirrors=("http://ufldl.stanford.edu/housenumbers/",),
        files={
            "train_32x32.mat": "435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8",
            "test_32x32.mat": "cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b",
        },
    ),
    "usps": Origin(
        page="https://hastie.su.domains/ElemStatLearn/data.html",
        mirrors=(
            "https://hastie.su.domains/ElemStatLearn/datasets/",
            "https://web.stanford.edu/~hastie/ElemStatLearn/datasets/",
        ),
        files={"zip.train.gz": None, "zip.test.gz": None},
    ),
    "celeb_a": Origin(
        page="http://mmlab.ie.cuhk.edu.hk/projects/CelebA.html",
        mirrors=(),  # a Google Drive, which asks back before it hands out large files
        files={
            "img_align_celeba.zip": "46fb89443c578308acf364d7d379fe1b9efb793042c0af734b6112e4fd3a8c74",
            "list_attr_celeba.txt": "f0e5da289d5ccf75ffe8811132694922b60f2af59256ed362afa03fefba324d0",
            "list_eval_partition.txt": "fc955bcb3ef8fbdf7d5640d9a8693a8431b5f2ee291a5c1449a1549e7e073fe7",
        },
    ),
    "div2k_hr": Origin(
        page="https://data.vision.ee.ethz.ch/cvl/DIV2K/",
        mirrors=("https://data.vision.ee.ethz.ch/cvl/DIV2K/",),
        files={
            "DIV2K_train_HR.zip": "9d0b9c463f6e35b6c62cc6a930ee2224f670b34c1df841a57670f9acf0f6c335",
            "DIV2K_valid_HR.zip": "20dd31fd84d777bc1cf5d6b7654a3f569c0aec74458ae094122ad1d0489900fc",
        },
    ),
}


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

    def _fetch(self, dl_manager, file: str) -> Path:
        """A file of the set's `Origin`."""
        origin = ORIGINS[self.name]
        return fetch(
            [mirror + file for mirror in origin.mirrors],
            origin.files[file],
            Path(dl_manager.download_dir) / self.name / file,
            by_hand=f"{', '.join(origin.files)} are linked from {origin.page}",
        )

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


class MNIST(_OwnDownload, mnist.MNIST, skip_registration=True):
    """The builder that tensorflow-datasets has: "image" (28, 28, 1), "label"."""

    name = "mnist"

    def _split_generators(self, dl_manager):
        def download_and_extract(urls):
            files = {part: self._fetch(dl_manager, url.rsplit("/", 1)[1]) for part, url in urls.items()}
            return {part: self._gunzip(file) for part, file in files.items()}

        return super()._split_generators(SimpleNamespace(download_and_extract=download_and_extract))

    def _gunzip(self, file: Path) -> Path:
        plain = self._unpacked / file.stem
        plain.parent.mkdir(parents=True, exist_ok=True)
        with gzip.open(file) as packed, plain.open("wb") as unpacked:
            shutil.copyfileobj(packed, unpacked)
        return plain


class SvhnCropped(_OwnDownload, svhn_cropped.Builder, skip_registration=True):
    """The builder that tensorflow-datasets has, without the 1.3 GB of its split "extra"."""

    name = "svhn_cropped"
    pkg_dir_path = Path(svhn_cropped.__file__).parent  # its description is looked for beside it

    def _split_generators(self, dl_manager):
        files = {split: self._fetch(dl_manager, f"{split}_32x32.mat") for split in ("train", "test")}
        return {split: self._generate_examples(f"{split}_", os.fspath(file)) for split, file in files.items()}


class Usps(_OwnDownload, tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """Digits of the US Postal Service (LeCun et al., 1990), as The Elements of Statistical Learning gives them.

    A line of a file is a label and 256 greys from -1 to 1. Features: "image", uint8 (16, 16, 1), white on black;
    "label". Examples keep the order of the lines.
    """

    name = "usps"
    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            description="Digits from envelopes, 16 x 16 pixels",
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(16, 16, 1)),
                    "label": tfds.features.ClassLabel(num_classes=10),
                }
            ),
            disable_shuffling=True,
            homepage=ORIGINS[self.name].page,
        )

    def _split_generators(self, dl_manager):
        files = {split: self._fetch(dl_manager, f"zip.{split}.gz") for split in ("train", "test")}
        return {split: self._generate_examples(file) for split, file in files.items()}

    def _generate_examples(self, file: Path):
        try:
            rows = np.loadtxt(file, ndmin=2)
        except (OSError, EOFError, ValueError, zlib.error) as error:
            raise UserError(f"{file}: cannot be read as numbers ({error}); delete it to download it again") from error
        if rows.shape[1] != 257:
            raise UserError(
                f"{file}: not the file of digits (expected 257 numbers a line, received {rows.shape[1]}); delete it "
                "to download it again"
            )
        greys = np.round((rows[:, 1:] + 1) * 127.5).astype(np.uint8).reshape(-1, 16, 16, 1)
        for index, (label, image) in enumerate(zip(rows[:, 0], greys, strict=True)):
            yield index, {"image": image, "label": int(label)}


class CelebA(_OwnDownload, tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """Aligned faces of CelebA (Liu et al., 2015) and their attributes, from files that a person has to place.

    Features: "image", uint8 (218, 178, 3), the JPEG as published; "attributes", 40 truth values by name. Not the
    builder of tensorflow-datasets, which wants two more files that nothing here needs.
    """

    name = "celeb_a"
    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            description="Faces of celebrities with 40 attributes",
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(218, 178, 3), encoding_format="jpeg"),
                    "attributes": {name: np.bool_ for name in celeb_a.ATTR_HEADINGS},
                }
            ),
            disable_shuffling=True,
            homepage=ORIGINS[self.name].page,
        )

    def _split_generators(self, dl_manager):
        images, attributes, partition = (self._fetch(dl_manager, file) for file in ORIGINS[self.name].files)
        _, names, *rows = attributes.read_text().splitlines()
        signs = dict(row.split(maxsplit=1) for row in rows)
        parts = [row.split() for row in partition.read_text().splitlines()]
        return {
            split: self._generate_examples(
                images, names.split(), {file: signs[file] for file, part in parts if part == number}
            )
            for number, split in (("0", "train"), ("1", "val"), ("2", "test"))
        }

    def _generate_examples(self, images: Path, names: Sequence[str], signs: dict[str, str]):
        with zipfile.ZipFile(images) as archive:
            for index, (file, row) in enumerate(signs.items()):
                attributes = {name: sign == "1" for name, sign in zip(names, row.split(), strict=True)}
                image = io.BytesIO(archive.read(f"img_align_celeba/{file}"))
                yield index, {"image": image, "attributes": attributes}


class Div2kHighResolution(_OwnDownload, tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """The photos of DIV2K (Agustsson and Timofte, 2017) in high resolution; smaller ones are made from them.

    Features: "image", the PNG as published; "name", of its file without the extension.
    """

    name = "div2k_hr"
    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            description="Photos of about 2,000 x 1,400 pixels",
            features=tfds.features.FeaturesDict(
                {"image": tfds.features.Image(shape=(None, None, 3)), "name": tfds.features.Text()}
            ),
            disable_shuffling=True,
            homepage=ORIGINS[self.name].page,
        )

    def _split_generators(self, dl_manager):
        folders = {}
        for split, folder in (("train", "DIV2K_train_HR"), ("val", "DIV2K_valid_HR")):
            folders[split] = unpack(self._fetch(dl_manager, f"{folder}.zip"), self._unpacked / folder) / folder
        return {split: self._generate_examples(folder) for split, folder in folders.items()}

    def _generate_examples(self, folder: Path):
        for index, path in enumerate(sorted(folder.glob("*.png"))):
            yield index, {"image": os.fspath(path), "name": path.stem}


BUILDERS = {
    "pix2pix": Pix2pix,
    "cycle_gan": CycleGAN,
    "mnist": MNIST,
    "svhn_cropped": SvhnCropped,
    "usps": Usps,
    "celeb_a": CelebA,
    "div2k_hr": Div2kHighResolution,
}
