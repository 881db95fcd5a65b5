"""Bicubic interpolation against its published numbers, and what a run shows."""

from types import SimpleNamespace

import numpy as np
import pytest

from tfi2i.data.images import read
from tfi2i.data.resampling import bicubic, shrink, to_uint8
from tfi2i.evaluation import super_resolution
from tfi2i.evaluation.similarity import psnr_y, ssim_y


# Published for Set5: 28.43 dB (SRGAN) and 28.42, 0.8104 (SRCNN, VDSR, with Y in whole numbers); for Set14: 26.10, 0.704
# (LapSRN), 26.00, 0.7027 (VDSR) and 25.99 (SRGAN). Papers agree on the images of Set5, but not on those of Set14.
@pytest.mark.parametrize(("name", "psnr", "ssim"), [("Set5", 28.43, 0.811), ("Set14", 26.09, 0.705)])
def test_bicubic_interpolation_measures_as_published(shared_data, name, psnr, ssim):
    measured = []
    for path in sorted((shared_data / "sr" / name).glob("*.png")):
        image = read(path, channels=3)
        height, width = (side // 4 * 4 for side in image.shape[:2])
        image = image[:height, :width]
        enlarged = to_uint8(bicubic(shrink(image, 4).astype(np.float64), height, width))
        measured.append((psnr_y(image, enlarged, 4), ssim_y(image, enlarged, 4)))
    assert len(measured) == {"Set5": 5, "Set14": 14}[name]
    assert np.mean(measured, axis=0)[0] == pytest.approx(psnr, abs=0.005)
    assert np.mean(measured, axis=0)[1] == pytest.approx(ssim, abs=0.0005)


@pytest.mark.parametrize("scale", [2, 4])
def test_what_a_run_shows_and_is_measured_by(scale):
    """Of a model that answers as bicubic interpolation does: equal rows, equal numbers, of any size of image."""

    class Images:
        def __len__(self):
            return 2

        def __getitem__(self, i):
            height, width = (260, 492) if i else (212, 24)
            large = np.random.default_rng(i).integers(0, 255, (height, width, 3), np.uint8)
            return shrink(large, scale), large

    def interpolate(x, training):
        image, (height, width) = x[0].astype(np.float64), x.shape[1:3]
        return bicubic(image, scale * height, scale * width)[None]

    model = SimpleNamespace(config=SimpleNamespace(scale=scale), style_encoders=dict)
    interpolate.inputs = [None]
    model.generators = lambda stochastic: {"AtoB": interpolate}
    enlarged, answers, truths = super_resolution.samples(model, Images())
    for one, other, truth, shape in zip(enlarged, answers, truths, [(192, 24, 3), (192, 192, 3)], strict=True):
        assert one.shape == other.shape == truth.shape == shape
        np.testing.assert_allclose(one, other.astype(int), atol=1)
    top, left = (n // scale // 2 - 96 // scale for n in (260, 492))
    np.testing.assert_array_equal(truths[1], Images()[1][1][scale * top :, scale * left :][:192, :192])
    measure, protocol = super_resolution.measurement(model, Images(), None, None, False)
    (found,) = (measure(0)[f"x{scale}"],)
    assert found["psnr_y"] == pytest.approx(found["psnr_bicubic"], abs=0.01)
    assert found["ssim_y"] == pytest.approx(found["ssim_bicubic"], abs=1e-3)
    assert f"border of {scale} pixels" in protocol
    both = [measure(i)[f"x{scale}"]["psnr_y"] for i in range(2)]
    assert super_resolution.score(model, Images()) == pytest.approx(-np.mean(both))
