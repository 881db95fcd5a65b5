"""Reading and writing image files without losing grey, alpha or 16 bits.

Everywhere: pixels are uint8 or uint16 arrays (H, W, C) with C = 1 (grey) or 3 (RGB); alpha, where there is one, is
(H, W, 1) of the same type, 0 where nothing is seen. A file that can't be read raises a UserError that names it.
"""

import os
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from glob import glob
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import BITSPERSAMPLE, PHOTOMETRIC_INTERPRETATION, TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from tfi2i.data.paths import Paths, natural_order
from tfi2i.errors import UserError

MAX_PIXELS = 2**26  # 8192 x 8192: the largest image that is decoded
EXTENSIONS = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
_NPY = b"\x93NUMPY"
_ENDINGS = tuple(map(os.fsencode, EXTENSIONS))
LUMA = (19595, 38470, 7471)  # 0.299, 0.587, 0.114 in 16 bits: Pillow's own, bit by bit
RESIZE_METHODS = ("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos")

# The plugins are called by their names, not through Image.open, which would try every format Pillow knows and would
# warn of or refuse large images by a limit of its own.
_PLUGINS = {
    rb"\xff\xd8\xff": JpegImageFile,
    rb"\x89PNG\r\n\x1a\n": PngImageFile,
    rb"GIF8[79]a": GifImageFile,
    rb"BM": BmpImageFile,
    rb"RIFF....WEBP": WebPImageFile,
    rb"II[*+]\0|MM\0[*+]": TiffImageFile,
}
_LYING = (5, 6, 7, 8)  # the EXIF orientations with rows for columns
_WRITERS = {
    ".bmp": ("BMP", {}),
    ".jpeg": ("JPEG", {"quality": 95, "subsampling": 0}),  # subsampled chroma smears the edges of label maps
    ".jpg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".png": ("PNG", {}),
    ".tif": ("TIFF", {}),
    ".tiff": ("TIFF", {}),
    ".webp": ("WEBP", {"quality": 95}),
}


@dataclass(frozen=True, eq=False)
class Picture:
    """An image as its file holds it, upright.

    pixels: (H, W, 1) or (H, W, 3), uint8 or uint16, not composited; white where alpha is 0, so that no colour appears
        that nobody has ever seen.
    alpha: (H, W, 1) of the type of `pixels`, or None.
    format: "JPEG", "PNG", "GIF", "BMP", "WEBP" or "TIFF", from the content.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None
    format: str

    @property
    def grey(self) -> bool:
        return self.pixels.shape[-1] == 1

    @property
    def bits(self) -> int:
        """Bits a channel: 8 or 16."""
        return 8 * self.pixels.itemsize


def read(path: str | os.PathLike, channels: int | None = None) -> np.ndarray:
    """Returns the image upright, composited on white, as (H, W, C) uint8 or uint16.

    channels: 1 for luma, 3 for RGB, None for what the file holds.

    Raises:
        UserError: the file is missing, broken, no image, or has more than MAX_PIXELS.
    """
    pixels = _seen(read_picture(path))
    return pixels if channels is None else with_channels(pixels, channels)


def read_picture(path: str | os.PathLike, content: bytes | None = None) -> Picture:
    """Returns the image with its alpha and its form, for a result that is to be written in the same form.

    content: the file's bytes, where they have been fetched already.

    Raises:
        UserError: as `read`.
    """
    with _errors_naming(path), open(path, "rb") if content is None else BytesIO(content) as file:
        return _picture(file)


def decoded(data: bytes, path: str | os.PathLike) -> np.ndarray:
    """Returns what `read` returns of a file that holds these bytes, or the array that `np.save` made them of.

    Raises:
        UserError: as `read`; it names the path.
    """
    with _errors_naming(path):
        if data.startswith(_NPY):
            return np.load(BytesIO(data), allow_pickle=False)
        return _seen(_picture(BytesIO(data)))


def _seen(picture: Picture) -> np.ndarray:
    return picture.pixels if picture.alpha is None else on_white(picture.pixels, picture.alpha)


def _picture(file: BinaryIO) -> Picture:
    image = _header(file)
    if image.format == "PNG":
        image.verify()  # Pillow's decoder doesn't look at the checksums of the pixel data
        image = _header(file)
    orientation = _orientation(image)
    pixels = _upright(_decode(image, file), orientation)
    if pixels.shape[-1] in (1, 3):
        return Picture(pixels, None, image.format)
    pixels, alpha = pixels[..., :-1], pixels[..., -1:]
    return Picture(np.where(alpha == 0, np.iinfo(pixels.dtype).max, pixels), alpha, image.format)


def size(path: str | os.PathLike) -> tuple[int, int]:
    """Returns (height, width) of the upright image from the file's header.

    Raises:
        UserError: as `read`, as far as the header shows it.
    """
    with _errors_naming(path), open(path, "rb") as file:
        image = _header(file)
        width, height = image.size
        return (width, height) if _orientation(image) in _LYING else (height, width)


def write(path: str | os.PathLike, pixels: np.ndarray, alpha: np.ndarray | None = None) -> None:
    """Writes an image in the format that the extension names, as a whole or not at all; see `encoded`."""
    replace(path, encoded(path, pixels, alpha))


def encoded(path: str | os.PathLike, pixels: np.ndarray, alpha: np.ndarray | None = None) -> bytes:
    """Returns the bytes of a file of the format that the extension of `path` names.

    PNG keeps everything; TIFF all but colour and alpha of 16 bits. JPEG, BMP and WebP hold 8 bits, to which 16 are
    rounded; JPEG and BMP hold no alpha, so the image is composited on white; WebP holds no grey, so it gets RGB.

    Args:
        pixels: (H, W, 1) or (H, W, 3), uint8 or uint16.
        alpha: (H, W, 1) of the same type.

    Raises:
        UserError: another extension, or a TIFF of 16 bits that isn't grey alone.
    """
    path = Path(path)
    if path.suffix.lower() not in _WRITERS:
        raise UserError(f"{path}: unknown image format (expected one of {', '.join(_WRITERS)}); change the extension")
    format, options = _WRITERS[path.suffix.lower()]

    if alpha is not None:
        pixels = on_white(pixels, alpha) if format in ("JPEG", "BMP") else np.concatenate([pixels, alpha], axis=-1)
    if format not in ("PNG", "TIFF"):
        pixels = to_uint8(pixels)
    if pixels.dtype == np.uint16 and pixels.shape[-1] > 1:
        if format == "TIFF":
            raise UserError(f"{path}: TIFF is written with 16 bits in grey without alpha only; choose .png")
        return _encode_png16(pixels)
    return _encode(pixels, format, options)


def replace(path: str | os.PathLike, content: bytes) -> None:
    """Writes a file aside and renames it, so that there is never half of it."""
    path = Path(path)
    aside = path.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        aside.write_bytes(content)
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def on_white(pixels: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Returns pixels (H, W, C) seen through alpha (H, W, 1) before a white ground; uint8 or uint16 as given."""
    white = np.iinfo(pixels.dtype).max
    alpha = alpha.astype(np.uint16 if pixels.dtype == np.uint8 else np.uint32)  # just holds white * white + white // 2
    blend = pixels * alpha
    blend += white * (white - alpha) + white // 2
    blend //= white
    return blend.astype(pixels.dtype)


def with_channels(pixels: np.ndarray, channels: int) -> np.ndarray:
    """Returns (H, W, channels) of (H, W, 1 or 3), uint8 or uint16: luma (ITU-R BT.601) of RGB, RGB of grey."""
    if pixels.shape[-1] == channels:
        return pixels
    if channels == 3:
        return np.repeat(pixels, 3, axis=-1)
    if channels != 1:
        raise ValueError(f"channels must be 1 or 3. Received: {channels}")
    return ((pixels.astype(np.uint32) @ np.array(LUMA, np.uint32)[:, None] + 2**15) >> 16).astype(pixels.dtype)


def to_uint8(pixels: np.ndarray) -> np.ndarray:
    """Returns uint16 pixels rounded to uint8, white to white; uint8 as it is."""
    return pixels if pixels.dtype == np.uint8 else ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)


def resize(pixels: np.ndarray, height: int, width: int, method: str = "bicubic") -> np.ndarray:
    """Returns pixels (H, W, C) resized with Pillow's antialiasing filters, of the same type.

    Args:
        pixels: uint8, uint16 or float32; integers are rounded and clipped, floats may overshoot their range.
        method: one of RESIZE_METHODS.

    Raises:
        UserError: another method.
    """
    if method not in RESIZE_METHODS:
        raise UserError(f"resize method (expected one of {', '.join(RESIZE_METHODS)}, received {method})")
    filter = Image.Resampling[method.upper()]
    if pixels.dtype == np.uint8:
        return _array(_image(pixels).resize((width, height), filter))

    planes = np.moveaxis(pixels.astype(np.float32), -1, 0)
    resized = np.stack([Image.fromarray(plane).resize((width, height), filter) for plane in planes], axis=-1)
    if pixels.dtype == np.uint16:
        resized = np.rint(resized).clip(0, 65535)
    return resized.astype(pixels.dtype)


def central_crop(pixels: np.ndarray, size: int) -> np.ndarray:
    """Returns the middle (size, size, C) of pixels (H, W, C); a side that is shorter stays as it is."""
    top, left = ((side - size) // 2 for side in pixels.shape[:2])
    return pixels[max(0, top) : max(0, top) + size, max(0, left) : max(0, left) + size]


def listing(source: str | os.PathLike) -> list[Path]:
    """Returns the images of a folder (not of its subfolders) or a glob pattern, or the one file, 2.jpg before 10.jpg.

    Hidden files, and in folders and patterns files without one of EXTENSIONS, are left out.

    Raises:
        UserError: there are none.
    """
    folder = Path(source)
    if folder.is_file():
        return [folder]
    if folder.is_dir():
        return list(images_in(folder))
    images = [path for path in map(Path, glob(str(source))) if is_image_name(path) and path.is_file()]
    if not images:
        raise _no_images(source)
    return sorted(sorted(images), key=lambda path: natural_order(os.fsencode(path)))


def images_in(folder: str | os.PathLike) -> Paths:
    """Returns the images of a folder as `listing` does, without an object for each of them.

    Raises:
        UserError: there are none.
    """
    with os.scandir(os.fsencode(folder)) as entries:
        names = [entry.name for entry in entries if is_image_name(entry.name) and entry.is_file()]
    if not names:
        raise _no_images(folder)
    names.sort()
    names.sort(key=natural_order)
    return Paths(folder, names)


def is_image_name(path: str | bytes | os.PathLike) -> bool:
    """Whether a file of this name is taken for an image: one of EXTENSIONS, not hidden."""
    name = os.path.basename(os.fsencode(path))
    return name.lower().endswith(_ENDINGS) and not name.startswith(b".")


def _no_images(source: str | os.PathLike) -> UserError:
    return UserError(f"{source}: no images here (expected a file, folder or pattern with {' '.join(EXTENSIONS)})")


@contextmanager
def _errors_naming(path: str | os.PathLike) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # Pillow's decoders raise a dozen types on broken data, SyntaxError and KeyError too
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise UserError(f"{path}: cannot be read as an image ({reason}); replace the file or leave it out") from error


def _header(file: BinaryIO) -> Image.Image:
    """Returns the image with its header parsed, its size and depth checked, and nothing decoded."""
    file.seek(0)
    start = file.read(16)
    file.seek(0)
    if not start:
        raise ValueError("the file is empty")
    plugin = next((plugin for magic, plugin in _PLUGINS.items() if re.match(magic, start, re.DOTALL)), None)
    if plugin is None:
        raise ValueError(f"expected JPEG, PNG, GIF, BMP, WebP or TIFF, received a file that begins with {start!r}")
    image = plugin(file)

    width, height = image.size
    if width * height > MAX_PIXELS:
        raise ValueError(f"expected at most {MAX_PIXELS} pixels, received {width} x {height}")
    if image.format == "TIFF":
        _check_depth(image)
    return image


def _check_depth(tiff: TiffImageFile) -> None:
    bits = tiff.tag_v2.get(BITSPERSAMPLE, (1,))
    white_is_zero = tiff.tag_v2.get(PHOTOMETRIC_INTERPRETATION) == 0
    # Of deeper ones Pillow drops the low bits, of a negative one it doesn't know that it is.
    if tiff.mode in ("I", "F") or (max(bits) > 8 and (len(bits) > 1 or white_is_zero)):
        raise ValueError("expected 8 bits a channel or 16 bits of grey with black as 0 in a TIFF; try a 16-bit PNG")


def _orientation(image: Image.Image) -> int:
    """Returns how the decoded image must be turned, 1 to 8 as EXIF has it; call it before decoding."""
    if image.format == "TIFF":
        return 1  # Pillow turns these itself, in `size` too
    try:
        # Not PngImageFile.getexif, which decodes the image to look for a chunk behind it.
        return Image.Image.getexif(image).get(0x0112, 1)
    except Exception:  # editors and web sites leave all kinds of rubbish here in good images
        return 1


def _upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    if orientation in _LYING:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def _decode(image: Image.Image, file: BinaryIO) -> np.ndarray:
    """Returns (H, W, C): grey, grey + alpha, RGB or RGBA; uint8 or uint16."""
    if image.format == "PNG" and image.tile[0][3].endswith(";16B"):
        return _decode_png16(image, file)
    image.load()
    if image.mode.startswith("I;16"):
        return _array(image).astype(np.uint16)  # native byte order
    grey = image.mode in ("1", "L", "LA")
    mode = ("L" if grey else "RGB") + ("A" if image.has_transparency_data else "")
    return _array(image if image.mode == mode else image.convert(mode))


def _decode_png16(image: Image.Image, file: BinaryIO) -> np.ndarray:
    if image.mode == "I;16":
        pixels = _array(image)
    else:
        import tensorflow as tf  # Pillow has no mode for colour of 16 bits

        file.seek(0)
        try:
            pixels = tf.io.decode_png(file.read(), dtype=tf.uint16).numpy()
        except tf.errors.InvalidArgumentError as error:
            raise ValueError("broken PNG data") from error
    if "transparency" not in image.info:
        return pixels
    opaque = np.any(pixels != image.info["transparency"], axis=-1, keepdims=True)
    return np.concatenate([pixels, np.where(opaque, 65535, 0).astype(np.uint16)], axis=-1)


def _encode(pixels: np.ndarray, format: str, options: dict) -> bytes:
    content = BytesIO()
    _image(pixels).save(content, format, **options)
    return content.getvalue()


def _encode_png16(pixels: np.ndarray) -> bytes:
    import tensorflow as tf  # Pillow has no mode for colour of 16 bits

    return tf.io.encode_png(pixels).numpy()


def _image(pixels: np.ndarray) -> Image.Image:
    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


def _array(image: Image.Image) -> np.ndarray:
    pixels = np.array(image)
    return pixels if pixels.ndim == 3 else pixels[..., None]
