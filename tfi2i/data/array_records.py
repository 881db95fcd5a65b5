"""Sources over the sets that tensorflow-datasets keeps, which are downloaded and prepared where that hasn't been done.

Records are kept in ArrayRecord files, which can be read in any order. Importing this module imports
tensorflow_datasets; it is left to `named.open_named` to do so when a set is asked for that needs it.
"""

import contextlib
import io
import os
import sys

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image
from tensorflow_datasets.datasets.celeb_a.celeb_a_dataset_builder import ATTR_HEADINGS

from tfi2i.data.builders import BUILDERS
from tfi2i.data.folders import Unpaired
from tfi2i.errors import UserError


class TfdsPairs:
    """Source of the pairs that `builders.Pix2pix` prepares.

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
    """The two domains of a set that `builders.CycleGAN` prepares, as an `Unpaired` source.

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


class TfdsLabelled(TfdsImages):
    """Source of {"image", "label"}: the label is float32, 0 or 1 for each of the source's `attributes`.

    attributes: names, such as "0" to "9" of digits.
    exclusive: groups of attributes of which an image has exactly one: all of them for digits, none for faces.

    Args:
        builder_name: "mnist" (28, 28, 1), "usps" (16, 16, 1), "svhn_cropped" (32, 32, 3) or "celeb_a" (218, 178, 3).
        split: "train" or "test"; of "celeb_a" also "val".
        data_dir: where prepared sets and downloads are kept.

    Raises:
        UserError: the set can't be downloaded or prepared; of "celeb_a", which no program can download, it says where
            to place the files.
    """

    def __init__(self, builder_name: str, split: str, data_dir: str | os.PathLike):
        super().__init__(builder_name, split, data_dir)
        features = self._records.dataset_info.features
        self._classes = "label" in features
        self.attributes = tuple(features["label"].names if self._classes else ATTR_HEADINGS)
        self.exclusive = (self.attributes,) if self._classes else ()
        self._mode = "L" if features["image"].shape[-1] == 1 else "RGB"

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        record = self._records[range(len(self))[index]]
        return {"image": _decoded(record["image"], self._mode), "label": self._label(record)}

    def labels(self) -> np.ndarray:
        """Those of all images, (len, len(attributes)), without decoding one."""
        return np.stack([self.label(index) for index in range(len(self))])

    def label(self, index: int) -> np.ndarray:
        return self._label(self._records[range(len(self))[index]])

    def _label(self, record) -> np.ndarray:
        if self._classes:
            return np.eye(len(self.attributes), dtype=np.float32)[record["label"]]
        return np.array([record["attributes"][name] for name in self.attributes], np.float32)


class TfdsHighResolution(TfdsImages):
    """Source of the photos {"image"} that `builders.Div2kHighResolution` prepares, each with its file's name.

    Args and Raises: see `TfdsPairs`; `split` is "train" or "val".
    """

    def name(self, index: int) -> str:
        return self._records[range(len(self))[index]]["name"].decode()


def _records(builder_name: str, split: str, data_dir: str | os.PathLike, images: tuple[str, ...]):
    """Random access to a split, with the images still encoded: tensorflow-datasets would decode with OpenCV if it can,
    whose JPEG differs from Pillow's."""
    name, _, config = builder_name.partition("/")
    builder = BUILDERS[name](config=config or None, data_dir=os.fspath(data_dir))
    try:
        with contextlib.redirect_stdout(sys.stderr):  # standard output is for results
            builder.download_and_prepare(file_format="array_record")
        return builder.as_data_source(split, decoders={image: tfds.decode.SkipDecoding() for image in images})
    except (OSError, NotImplementedError) as error:
        raise UserError(f"{builder_name} cannot be prepared in {data_dir}: {' '.join(str(error).split())}") from error


def _decoded(data: bytes, mode: str = "RGB") -> np.ndarray:
    """(H, W, 3), or of mode "L" (H, W, 1)."""
    with Image.open(io.BytesIO(data)) as image:
        return np.atleast_3d(np.array(image.convert(mode)))
