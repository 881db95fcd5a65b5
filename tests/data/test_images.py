import os
import struct
import subprocess
import sys
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageOps

from tfi2i.data import images
from tfi2i.data.images import listing, on_white, read, read_picture, resize, size, to_uint8, with_channels, write
from tfi2i.errors import UserError

SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 9))
PER_EXAMPLE = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def noise(*shape, dtype=np.uint8):
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def smooth(height, width):
    y, x = np.mgrid[:height, :width] / max(height, width)
    return np.rint(255 * np.stack([x, y, 1 - x], axis=-1)).astype(np.uint8)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, bits, colour, data, *extra):
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(extra) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def png16(pixels, *extra):
    """A PNG of 16 bits a channel, from (H, W, 1 to 4) uint16, without any library's writer."""
    height, width, channels = pixels.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    return png(width, height, 16, {1: 0, 2: 4, 3: 2, 4: 6}[channels], zlib.compress(rows), *extra)


def encoded(pixels, format, **options):
    content = BytesIO()
    Image.fromarray(pixels).save(content, format, **options)
    return content.getvalue()


def tiff16(pixels, photometric):
    """An uncompressed little-endian TIFF of 16 bits a channel."""
    height, width, channels = pixels.shape
    tags = [(256, 4, width), (257, 4, height), (259, 3, 1), (262, 3, photometric), (273, 4, 8), (277, 3, channels)]
    tags += [(278, 4, height), (279, 4, pixels.nbytes)]
    start = 8 + pixels.nbytes
    bits = struct.pack(f"<{channels}H", *[16] * channels)
    entries = [(258, struct.pack("<HHI", 258, 3, channels) + (bits if channels == 1 else struct.pack("<I", start)))]
    entries += [(tag, struct.pack("<HHII", tag, kind, 1, value)) for tag, kind, value in tags]
    directory = struct.pack("<H", len(entries)) + b"".join(entry[:12].ljust(12, b"\0") for _, entry in sorted(entries))
    content = struct.pack("<2sHI", b"II", 42, start + len(bits))
    return content + pixels.astype("<u2").tobytes() + bits + directory + struct.pack("<I", 0)


# Whatever a file holds


@pytest.mark.parametrize(
    "mode, format, channels",
    [
        ("L", "PNG", 1),
        ("L", "JPEG", 1),
        ("L", "BMP", 1),
        ("L", "TIFF", 1),
        ("1", "PNG", 1),
        ("1", "TIFF", 1),
        ("RGB", "PNG", 3),
        ("RGB", "JPEG", 3),
        ("RGB", "BMP", 3),
        ("RGB", "WEBP", 3),
        ("RGB", "TIFF", 3),
        ("RGB", "GIF", 3),
        ("P", "PNG", 3),
        ("P", "GIF", 3),
        ("P", "BMP", 3),
        ("CMYK", "JPEG", 3),
        ("CMYK", "TIFF", 3),
    ],
)
def test_every_form_of_file_equals_pillow(tmp_path, mode, format, channels):
    path = tmp_path / "image"
    Image.fromarray(smooth(24, 31)).convert(mode).save(path, format)
    with Image.open(path) as image:
        expected = np.array(image.convert("L" if channels == 1 else "RGB")).reshape(24, 31, channels)

    np.testing.assert_array_equal(read(path), expected)
    assert read(path).dtype == np.uint8
    assert size(path) == (24, 31)
    assert read_picture(path).format == format
    assert read(path, channels=1).shape == (24, 31, 1)
    assert read(path, channels=3).shape == (24, 31, 3)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_16_bit_png_keeps_every_bit(tmp_path, channels):
    pixels = noise(5, 7, channels, dtype=np.uint16)
    pixels[..., -1] |= 1  # nowhere quite transparent
    path = tmp_path / "deep.png"
    path.write_bytes(png16(pixels))
    picture = read_picture(path)
    back = picture.pixels if picture.alpha is None else np.concatenate([picture.pixels, picture.alpha], axis=-1)
    np.testing.assert_array_equal(back, pixels)
    assert (picture.grey, picture.bits) == (channels < 3, 16)


@pytest.mark.parametrize("channels", [1, 3])
def test_transparent_colour_of_a_16_bit_png(tmp_path, channels):
    pixels = noise(5, 7, channels, dtype=np.uint16)
    key = pixels[2, 3]
    path = tmp_path / "key.png"
    path.write_bytes(png16(pixels, chunk(b"tRNS", key.astype(">u2").tobytes())))
    picture = read_picture(path)
    assert picture.alpha[2, 3] == 0 and np.sum(picture.alpha == 65535) == 34
    assert np.all(read(path)[2, 3] == 65535)


def test_16_bit_tiff(tmp_path):
    pixels = noise(5, 7, 1, dtype=np.uint16)
    (tmp_path / "grey.tif").write_bytes(tiff16(pixels, photometric=1))
    Image.frombytes("I;16B", (7, 5), pixels.astype(">u2").tobytes()).save(tmp_path / "motorola.tif")
    for name in ("grey.tif", "motorola.tif"):
        np.testing.assert_array_equal(read(tmp_path / name), pixels)
        assert read(tmp_path / name).dtype == np.dtype("uint16")


@pytest.mark.parametrize("mode, format", [("LA", "PNG"), ("RGBA", "PNG"), ("RGBA", "WEBP"), ("RGBA", "TIFF")])
def test_alpha_is_composited_on_white(tmp_path, mode, format):
    pixels = noise(8, 9, len(mode))
    pixels[2:4, 3:6, -1] = 0
    image = Image.fromarray(pixels)
    path = tmp_path / "image"
    image.save(path, format, **({"lossless": True} if format == "WEBP" else {}))
    white = Image.new("RGBA", image.size, "white")
    expected = np.array(Image.alpha_composite(white, image.convert("RGBA")).convert("RGB"), int)

    assert read(path).shape[-1] == len(mode) - 1
    assert np.abs(read(path, channels=3) - expected).max() <= 1
    assert np.all(read(path)[2:4, 3:6] == 255)
    assert np.all(read_picture(path).pixels[2:4, 3:6] == 255), "hidden colours must not appear"


@pytest.mark.parametrize("format", ["PNG", "GIF"])
def test_transparent_palette(tmp_path, format):
    image = Image.fromarray(np.array([[0, 1], [1, 0]], np.uint8)).convert("P")
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.save(tmp_path / "image", format, transparency=1)
    picture = read_picture(tmp_path / "image")
    assert picture.alpha[..., 0].tolist() == [[255, 0], [0, 255]]
    assert read(tmp_path / "image").tolist() == [[[255, 0, 0], [255] * 3], [[255] * 3, [255, 0, 0]]]


@pytest.mark.parametrize("format", ["GIF", "WEBP", "TIFF"])
def test_first_frame(tmp_path, format):
    frames = [Image.new("RGB", (8, 6), colour) for colour in ("red", "lime", "blue")]
    options = {"lossless": True} if format == "WEBP" else {}
    frames[0].save(tmp_path / "frames", format, save_all=True, append_images=frames[1:], **options)
    assert read(tmp_path / "frames").shape == (6, 8, 3)
    assert np.all(read(tmp_path / "frames") == [255, 0, 0])


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(tmp_path, format, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "image"
    Image.fromarray(smooth(16, 24)).save(path, format, exif=exif)
    with Image.open(path) as image:
        expected = np.array(ImageOps.exif_transpose(image).convert("RGB"))
    np.testing.assert_array_equal(read(path), expected)
    assert size(path) == expected.shape[:2] == ((24, 16) if orientation > 4 else (16, 24))


def test_exif_orientation_of_16_bit_colour(tmp_path):
    pixels = noise(4, 6, 3, dtype=np.uint16)
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "deep.png").write_bytes(png16(pixels, chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0"))))
    np.testing.assert_array_equal(read(tmp_path / "deep.png"), np.rot90(pixels, -1))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_broken_exif_in_a_good_image(tmp_path, format):
    Image.fromarray(smooth(8, 9)).save(tmp_path / "image", format, exif=b"Exif\0\0rubbish")
    assert read(tmp_path / "image").shape == (8, 9, 3)
    assert size(tmp_path / "image") == (8, 9)


def test_content_counts_not_the_extension(tmp_path):
    pixels = noise(4, 5, 3)
    (tmp_path / "really_a_png.jpg").write_bytes(encoded(pixels, "PNG"))
    np.testing.assert_array_equal(read(tmp_path / "really_a_png.jpg"), pixels)


# Broken and hostile files

JPEG, PNG = encoded(smooth(64, 64), "JPEG"), encoded(smooth(64, 64), "PNG")
BROKEN = {
    "empty": (b"", "empty"),
    "text": (b"not an image at all", "begins with b'not an image at '"),
    "html": (b"<!DOCTYPE html><html>404</html>", "begins with b'<!DOCTYPE html>"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "begins with"),
    "truncated JPEG": (JPEG[:-100], "truncated"),
    "JPEG without its last two bytes": (JPEG[:-2], "truncated"),
    "JPEG header alone": (JPEG[:20], ""),
    "truncated PNG": (PNG[: len(PNG) // 2], ""),
    "PNG without its end": (PNG[:-12], ""),
    "PNG signature alone": (PNG[:8], ""),
    "PNG with a broken CRC": (PNG[:-16] + bytes([PNG[-16] ^ 1]) + PNG[-15:], "checksum"),
    "16-bit PNG with broken data": (png(4, 4, 16, 2, b"no zlib stream"), "broken PNG data"),
    "truncated GIF": (encoded(smooth(64, 64), "GIF")[:-100], "truncated"),
    "truncated BMP": (encoded(smooth(64, 64), "BMP")[:-100], "truncated"),
    "truncated WebP": (encoded(smooth(64, 64), "WEBP")[:-20], ""),
    "truncated TIFF": (encoded(smooth(64, 64), "TIFF")[:-100], ""),
    "16-bit colour TIFF": (tiff16(noise(4, 5, 3, dtype=np.uint16), photometric=2), "16-bit PNG"),
    "16-bit negative TIFF": (tiff16(noise(4, 5, 1, dtype=np.uint16), photometric=0), "16-bit PNG"),
    "float TIFF": (encoded(np.zeros((4, 5), np.float32), "TIFF"), "16-bit PNG"),
    "PNG of 60000 x 60000": (png(60000, 60000, 8, 2, zlib.compress(b"")), "60000 x 60000"),
    "GIF of 65535 x 65535": (b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0) + b"\0" * 100, ""),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_files_are_named(tmp_path, kind):
    content, reason = BROKEN[kind]
    path = tmp_path / "some name.png"
    path.write_bytes(content)
    with pytest.raises(UserError) as error:
        read(path)
    message = str(error.value)
    assert message.startswith(f"{path}: cannot be read") and reason in message and "\n" not in message


def test_missing_file_and_folder(tmp_path):
    for path in (tmp_path / "none.png", tmp_path):
        for function in (read, read_picture, size):
            with pytest.raises(UserError, match="cannot be read"):
                function(path)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the peak memory as Linux shows it")
def test_a_small_file_cannot_fill_the_memory(tmp_path):
    path = tmp_path / "bomb.png"
    packed = zlib.compress(bytes(20000 * (1 + 20000 // 8)), 9)
    path.write_bytes(png(20000, 20000, 1, 0, packed))
    assert path.stat().st_size < 2**17
    program = (
        "import pathlib, re, sys, warnings; warnings.simplefilter('error')\n"
        "from tfi2i.data.images import read\n"
        "try: read(sys.argv[1])\n"
        "except Exception as error: print(type(error).__name__, error)\n"
        "print(re.search(r'VmHWM:\\s+(\\d+)', pathlib.Path('/proc/self/status').read_text())[1])"
    )
    env = os.environ | {"PYTHONPATH": str(Path(images.__file__).parents[2])}
    run = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, env=env, check=True)
    message, peak = run.stdout.splitlines()
    assert message.startswith("UserError") and "expected at most 67108864 pixels, received 20000 x 20000" in message
    assert int(peak) < 200_000  # kB; decoded it would be 400 MB
    assert run.stderr == ""


def test_size_limit_is_inclusive(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "MAX_PIXELS", 12)
    write(tmp_path / "a.png", noise(3, 4, 1))
    write(tmp_path / "b.png", noise(1, 13, 1))
    assert size(tmp_path / "a.png") == (3, 4)
    with pytest.raises(UserError, match="received 13 x 1"):
        size(tmp_path / "b.png")


SAMPLES = [JPEG, PNG, *(encoded(smooth(16, 16), format) for format in ("GIF", "BMP", "WEBP", "TIFF"))]


@settings(PER_EXAMPLE, max_examples=150)
@given(
    st.sampled_from(SAMPLES),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8),
    st.floats(0, 1),
)
def test_mutated_files_are_read_or_refused(tmp_path, content, changes, kept):
    content = bytearray(content)
    for position, value in changes:
        content[int(position * position * len(content))] = value  # most of them in the header
    path = tmp_path / "mutated"
    path.write_bytes(content[: int(len(content) * max(kept, 0.5) + 0.5)])
    try:
        pixels = read(path)
    except UserError as error:
        assert str(error).startswith(str(path))
    else:
        assert pixels.ndim == 3 and pixels.shape[-1] in (1, 3) and pixels.dtype in (np.uint8, np.uint16)


# Writing


@st.composite
def pictures(draw):
    dtype = draw(st.sampled_from([np.uint8, np.uint16]))
    shape = draw(SHAPES)
    pixels = draw(arrays(dtype, (*shape, draw(st.sampled_from([1, 3])))))
    alpha = draw(st.none() | arrays(dtype, (*shape, 1), elements=st.integers(1, np.iinfo(dtype).max)))
    return pixels, alpha


@PER_EXAMPLE
@given(pictures())
def test_png_round_trip(tmp_path, picture):
    pixels, alpha = picture
    write(tmp_path / "image.png", pixels, alpha)
    back = read_picture(tmp_path / "image.png")
    np.testing.assert_array_equal(back.pixels, pixels)
    assert back.pixels.dtype == pixels.dtype
    assert (back.alpha is None) == (alpha is None)
    if alpha is not None:
        np.testing.assert_array_equal(back.alpha, alpha)
        assert back.alpha.dtype == alpha.dtype


@PER_EXAMPLE
@given(pictures().filter(lambda p: p[0].dtype == np.uint8 or (p[0].shape[-1] == 1 and p[1] is None)))
def test_tiff_round_trip(tmp_path, picture):
    pixels, alpha = picture
    write(tmp_path / "image.TIFF", pixels, alpha)
    back = read_picture(tmp_path / "image.TIFF")
    np.testing.assert_array_equal(back.pixels, pixels)
    assert back.pixels.dtype == pixels.dtype and (back.alpha is None) == (alpha is None)
    if alpha is not None:
        np.testing.assert_array_equal(back.alpha, alpha)


@pytest.mark.parametrize("extension, tolerance", [(".jpg", 4), (".jpeg", 4), (".webp", 12), (".bmp", 0)])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_8_bit_formats(tmp_path, extension, tolerance, channels, dtype):
    pixels = smooth(32, 40)[..., :channels]
    path = tmp_path / f"image{extension}"
    write(path, pixels if dtype == np.uint8 else pixels.astype(np.uint16) * 257)
    picture = read_picture(path)
    assert picture.format == {".jpg": "JPEG"}.get(extension, extension[1:].upper())
    assert picture.grey == (channels == 1 and extension != ".webp")
    assert np.abs(read(path, channels).astype(int) - pixels).max() <= tolerance


@pytest.mark.parametrize("channels", [1, 3])
def test_alpha_in_webp_is_kept_and_in_jpeg_and_bmp_composited(tmp_path, channels):
    pixels, alpha = smooth(32, 40)[..., :channels], smooth(32, 40)[..., 1:2]
    for extension in (".webp", ".jpg", ".bmp"):
        write(tmp_path / f"image{extension}", pixels, alpha)
    np.testing.assert_array_equal(read_picture(tmp_path / "image.webp").alpha, alpha)
    composited = on_white(pixels, alpha)
    np.testing.assert_array_equal(read(tmp_path / "image.bmp"), composited)
    assert np.abs(read(tmp_path / "image.jpg").astype(int) - composited).max() <= 4
    assert read_picture(tmp_path / "image.jpg").alpha is None


def test_what_cannot_be_written(tmp_path):
    with pytest.raises(UserError, match=r"image\.gif: unknown image format \(expected one of \.bmp"):
        write(tmp_path / "image.gif", noise(2, 2, 3))
    with pytest.raises(UserError, match=r"image\.tif: .*choose \.png"):
        write(tmp_path / "image.tif", noise(2, 2, 3, dtype=np.uint16))
    assert not list(tmp_path.iterdir())


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "image.png"
    write(path, noise(4, 4, 3))
    before = path.read_bytes()

    def full_disk(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "replace", full_disk)
    with pytest.raises(OSError, match="no space"):
        write(path, np.zeros((4, 4, 3), np.uint8))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_written_file_has_the_usual_permissions(tmp_path):
    (tmp_path / "plain").touch()
    write(tmp_path / "image.png", noise(2, 2, 1))
    assert (tmp_path / "image.png").stat().st_mode == (tmp_path / "plain").stat().st_mode


# Pixels


@PER_EXAMPLE
@given(SHAPES.flatmap(lambda shape: arrays(np.uint8, (*shape, 3))))
def test_luma_equals_pillow_at_either_depth(pixels):
    luma = with_channels(pixels, 1)
    np.testing.assert_array_equal(luma[..., 0], np.array(Image.fromarray(pixels).convert("L")))
    deep = with_channels(pixels.astype(np.uint16) * 257, 1)
    np.testing.assert_array_equal(to_uint8(deep), luma)


def test_channels():
    grey = noise(3, 4, 1)
    np.testing.assert_array_equal(with_channels(grey, 3), np.concatenate([grey] * 3, axis=-1))
    assert with_channels(with_channels(grey, 3), 1).tolist() == grey.tolist()
    assert with_channels(np.full((1, 1, 3), 65535, np.uint16), 1).tolist() == [[[65535]]]
    with pytest.raises(ValueError, match="Received: 2"):
        with_channels(grey, 2)


def test_on_white_by_hand():
    pixels, alpha = np.full((1, 4, 1), 10, np.uint8), np.array([[[0], [51], [100], [255]]], np.uint8)
    assert on_white(pixels, alpha).tolist() == [[[255], [206], [159], [10]]]  # 10/5 + 255 * 4/5; 158.9
    deep = on_white(np.full((1, 1, 1), 65535, np.uint16), np.full((1, 1, 1), 65535, np.uint16))
    assert deep.tolist() == [[[65535]]] and deep.dtype == np.uint16


def test_to_uint8_is_the_nearest():
    every = np.arange(65536, dtype=np.uint16)
    np.testing.assert_array_equal(to_uint8(every), np.floor(every / 257 + 0.5))


@pytest.mark.parametrize("method", images.RESIZE_METHODS)
@pytest.mark.parametrize("channels", [1, 3])
def test_resize_equals_pillow_for_every_type(method, channels):
    pixels = noise(20, 30, channels)
    image = Image.fromarray(pixels[..., 0] if channels == 1 else pixels)
    expected = np.array(image.resize((11, 7), Image.Resampling[method.upper()]), float).reshape(7, 11, channels)

    np.testing.assert_array_equal(resize(pixels, 7, 11, method), expected)
    deep = resize(pixels.astype(np.uint16) * 257, 7, 11, method)
    assert (
        deep.dtype == np.uint16 and np.abs(deep / 257 - expected).max() <= 2
    )  # Pillow rounds uint8 between its passes
    real = resize(pixels.astype(np.float32), 7, 11, method)
    assert real.dtype == np.float32 and np.abs(real.clip(0, 255) - expected).max() <= 2


def test_resize_averages_and_does_not_wrap_around():
    board = np.indices((64, 64)).sum(axis=0)[..., None] % 2 * np.uint16(65535)
    assert np.abs(resize(board.astype(np.uint16), 8, 8, "box").astype(int) - 32768).max() <= 1
    edge = np.repeat(np.array([0, 65535], np.uint16), 8)[None, :, None]
    wide = resize(edge, 1, 64)[0, :, 0].astype(int)
    assert wide.min() == 0 and wide.max() == 65535 and np.abs(np.diff(wide)).max() < 32768

    with pytest.raises(UserError, match=r"expected one of nearest, .*, received area"):
        resize(edge, 1, 64, "area")


# Listing


def test_listing_is_in_natural_order_and_leaves_out_the_rest(tmp_path):
    names = ["10.jpg", "2.jpg", "1.PNG", "frame12_3.png", "frame2_30.png"]
    for name in [*names, ".hidden.jpg", "._2.jpg", "notes.txt", "Thumbs.db"]:
        (tmp_path / name).touch()
    (tmp_path / "folder.jpg").mkdir()
    expected = ["1.PNG", "2.jpg", "10.jpg", "frame2_30.png", "frame12_3.png"]
    assert [path.name for path in listing(tmp_path)] == expected
    assert [path.name for path in listing(str(tmp_path / "*"))] == expected
    assert [path.name for path in listing(tmp_path / "*.jpg")] == ["2.jpg", "10.jpg"]
    assert listing(tmp_path / "notes.txt") == [tmp_path / "notes.txt"]


def test_listing_of_a_name_that_looks_like_a_pattern(tmp_path):
    folder = tmp_path / "photos[1]"
    folder.mkdir()
    (folder / "a[b].jpg").touch()
    assert listing(folder) == listing(folder / "a[b].jpg") == [folder / "a[b].jpg"]


@pytest.mark.parametrize("source", ["", "missing", "*.jpg"])
def test_listing_of_nothing(tmp_path, source):
    with pytest.raises(UserError, match="no images here"):
        listing(tmp_path / source)
