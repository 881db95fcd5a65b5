"""The metrics of pairs against scikit-image, TensorFlow, and values worked out by hand."""

import numpy as np
import pytest
import tensorflow as tf
from skimage.color import rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from tfi2i.errors import UserError
from tfi2i.evaluation.similarity import (
    METRICS,
    around_the_edit,
    grey,
    l1,
    luma_y,
    ms_ssim,
    psnr,
    psnr_y,
    ssim,
    ssim_rgb,
    ssim_y,
)

WANG = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}


def pair(channels=3, height=40, width=31):
    """float (H, W, C) in [-1, 1]."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (height, width, channels))
    return x, np.clip(x + rng.normal(0, 0.2, x.shape), -1, 1)


def pixels(image):
    return np.round(127.5 * (image + 1)).astype(np.uint8)


def smooth(height, width, channels=3):
    """uint8 pictures that differ at every scale, more so at fine ones."""
    rng, at = np.random.default_rng(0), np.arange(max(height, width)) / 9
    waves = np.sin(at)[:height, None, None] + np.sin(1.3 * at)[None, :width, None] * np.arange(1, channels + 1)
    x = waves / np.abs(waves).max()
    return pixels(x), pixels(np.clip(0.8 * x + rng.normal(0, 0.15, x.shape), -1, 1))


def test_by_hand():
    black, white = np.full((180, 180, 3), -1.0), np.full((180, 180, 3), 1.0)
    assert l1(black, white) == 2.0
    assert psnr(black, white) == 0.0
    assert psnr(black, black) == psnr_y(black, black) == float("inf")
    for metric in (ssim, ssim_rgb, ssim_y, ms_ssim):
        assert metric(white, white) == pytest.approx(1.0)
    assert ssim(black, white) == pytest.approx(1e-4 / (1 + 1e-4))  # contrasts and structures are alike
    assert ssim_rgb(black, white) == pytest.approx(1e-4 / (1 + 1e-4))
    assert ms_ssim(black, white) == pytest.approx((1e-4 / (1 + 1e-4)) ** 0.1333)
    assert psnr(white, white - 0.2) == pytest.approx(20.0)
    assert luma_y(black)[0, 0] == 16.0
    assert luma_y(white)[0, 0] == pytest.approx(235.0)
    assert psnr_y(black, white) == pytest.approx(20 * np.log10(255 / 219))


def test_the_border_is_left_out():
    x, y = smooth(185, 190)
    framed = x.copy()
    framed[:4], framed[-4:], framed[:, :4], framed[:, -4:] = (255,) * 4
    assert l1(framed, x, crop=4) == 0 < l1(framed, x, crop=3)
    for name, metric in METRICS.items():
        assert metric(framed, y, crop=4) == pytest.approx(metric(x[4:-4, 4:-4], y[4:-4, 4:-4]), abs=1e-12), name
        assert metric(framed, y, crop=3) != pytest.approx(metric(x, y, crop=3), abs=1e-6), name


@pytest.mark.parametrize("channels", [1, 3])
def test_against_scikit_image(channels):
    x, y = pair(channels)
    assert psnr(x, y) == pytest.approx(peak_signal_noise_ratio(y, x, data_range=2.0), abs=1e-9)
    wanted = structural_similarity(127.5 * (grey(x) + 1), 127.5 * (grey(y) + 1), data_range=255)
    assert ssim(x, y) == pytest.approx(wanted, abs=1e-9)
    wanted = structural_similarity(x, y, data_range=2, channel_axis=-1, **WANG)
    assert ssim_rgb(x, y) != pytest.approx(wanted, abs=1e-3)  # around another zero
    wanted = structural_similarity(x + 1, y + 1, data_range=2, channel_axis=-1, **WANG)
    assert ssim_rgb(x, y) == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize("crop", [0, 4])
def test_y_against_scikit_image(crop):
    images = [pixels(image) for image in pair()]
    x, y = (rgb2ycbcr(image)[crop : 40 - crop, crop : 31 - crop, 0] for image in images)
    assert psnr_y(*images, crop) == pytest.approx(peak_signal_noise_ratio(x, y, data_range=255), abs=1e-9)
    wanted = structural_similarity(x, y, data_range=255, **WANG)
    assert ssim_y(*images, crop) == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize("shape", [(161, 176, 3), (203, 185, 1)])
def test_ms_ssim_against_tensorflow(shape):
    """Sides are odd at every scale, and at some."""
    x, y = smooth(*shape)
    assert ms_ssim(x, y) == pytest.approx(float(tf.image.ssim_multiscale(x, y, 255)), abs=2e-5)
    assert 0.3 < ms_ssim(x, y) < 0.95
    assert ms_ssim(x, 255 - x) == float(tf.image.ssim_multiscale(x, 255 - x, 255)) == 0  # contrasts are negative


def test_pixels_are_the_floats_they_stand_for():
    x, y = smooth(170, 170)
    for name, metric in METRICS.items():
        assert metric(x, y) == pytest.approx(metric(x / 127.5 - 1, y / 127.5 - 1), abs=1e-9), name


def test_the_table_keeps_its_word():
    x, y = smooth(176, 176)
    for name, metric in METRICS.items():
        near, far = metric(x, x // 2 + y // 2), metric(x, y)
        assert metric.low <= near <= metric.high and metric.low <= far <= metric.high
        assert (near < far) == (metric.better == "lower"), name
        least = metric.least
        metric(x[:least], y[:least])
        metric(x[: least + 6], y[: least + 6], crop=3)
        with pytest.raises(UserError, match=r"expected more|needs at least"):
            metric(x[: least + 5], y[: least + 5], crop=3)


def test_around_the_edit():
    image = np.zeros((4, 4, 3))
    truth, fake = image.copy(), image + 0.25
    truth[:2] = 1.0
    assert around_the_edit(image, fake, truth) == {"l1_rest": 0.25, "l1_edit": 0.75, "l1_copy": 1.0}
    assert around_the_edit(image, fake, image) == {"l1_rest": 0.25}
    assert around_the_edit(image, fake, image + 1) == {"l1_edit": 0.75, "l1_copy": 1.0}


@pytest.mark.parametrize("name", METRICS)
def test_what_cannot_be_compared(name):
    x, y = pair()
    with pytest.raises(UserError, match=r"expected the same .*received 40 x 31 x 3 and 39 x 31 x 3"):
        METRICS[name](x, y[:-1])
    with pytest.raises(UserError, match=r"received 40 x 31 x 3 and 40 x 31 x 1"):
        METRICS[name](x, y[..., :1])
    with pytest.raises(UserError, match=r"expected more than 32 x 32, received 40 x 31 x 3"):
        METRICS[name](x, y, crop=16)
    with pytest.raises(UserError, match="NaN"):
        METRICS[name](x, np.where(y > 0.9, np.nan, y))


def test_what_a_metric_has_no_windows_or_colours_for():
    x, y = pair()
    with pytest.raises(UserError, match=r"SSIM needs at least 7 x 7 pixels within the border \(received 6 x 31\)"):
        ssim(x[:6], y[:6])
    with pytest.raises(UserError, match=r"SSIM_Y needs at least 11 x 11 .*received 40 x 10"):
        ssim_y(x[:, :10], y[:, :10])
    with pytest.raises(UserError, match=r"MS-SSIM needs at least 161 x 161"):
        ms_ssim(x, y)
    for metric in (psnr_y, ssim_y):
        with pytest.raises(UserError, match=r"expected 3 channels, received 40 x 31 x 1"):
            metric(x[..., :1], y[..., :1])
