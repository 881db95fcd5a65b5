"""Bicubic resampling against weights worked out by hand from the kernel's formula."""

import numpy as np
import pytest

from tfi2i.data.resampling import bicubic, bicubic_matrix, shrink
from tfi2i.errors import UserError

HALF = np.array([-3, -9, 29, 111, 111, 29, -9, -3]) / 256  # the kernel at 1/4, 3/4, 5/4, 7/4, by 2


def test_enlarging_twice():
    matrix = bicubic_matrix(8, 16)
    np.testing.assert_allclose(matrix[6, 1:5], [-0.0234375, 0.2265625, 0.8671875, -0.0703125], atol=1e-15)
    np.testing.assert_allclose(matrix[7, 2:6], [-0.0703125, 0.8671875, 0.2265625, -0.0234375], atol=1e-15)
    assert np.count_nonzero(matrix[6]) == np.count_nonzero(matrix[7]) == 4


def test_making_smaller_stretches_the_kernel():
    matrix = bicubic_matrix(16, 8)
    np.testing.assert_allclose(matrix[3, 3:11], HALF, atol=1e-15)
    assert np.count_nonzero(matrix[3]) == 8
    x = (np.arange(8) + 0.5) / 4  # x4: distances from the centre, which lies between two pixels
    near, far = 1.5 * x[:4] ** 3 - 2.5 * x[:4] ** 2 + 1, -0.5 * x[4:] ** 3 + 2.5 * x[4:] ** 2 - 4 * x[4:] + 2
    side = np.concatenate([near, far])
    np.testing.assert_allclose(bicubic_matrix(64, 16)[5, 14:30], np.concatenate([side[::-1], side]) / 4, atol=1e-15)


def test_borders_are_mirrored_with_the_border_pixel_twice():
    first = bicubic_matrix(16, 8)[0]
    np.testing.assert_allclose(first[:5], [*HALF[3:5] + HALF[2::-1][:2], HALF[5] + HALF[0], *HALF[6:]], atol=1e-15)
    np.testing.assert_array_equal(bicubic_matrix(16, 8)[-1], first[::-1])
    np.testing.assert_allclose(bicubic_matrix(1, 3), 1)  # mirrored again and again


@pytest.mark.parametrize(("size_in", "size_out"), [(24, 96), (96, 24), (17, 5), (5, 17), (31, 30), (2, 1)])
def test_rows_sum_to_one_and_a_ramp_stays_a_ramp(size_in, size_out):
    matrix = bicubic_matrix(size_in, size_out)
    assert matrix.shape == (size_out, size_in)
    np.testing.assert_allclose(matrix.sum(1), 1, atol=1e-12)
    centres = (np.arange(size_out) + 0.5) * size_in / size_out - 0.5
    margin = 2 * max(size_in / size_out, 1)
    inside = (centres >= margin - 1) & (centres <= size_in - margin)
    if (size_in % size_out) * (size_out % size_in) == 0:  # else the samples of a stretched kernel are not symmetric
        np.testing.assert_allclose((matrix @ np.arange(size_in))[inside], centres[inside], atol=1e-12)
    np.testing.assert_allclose(bicubic_matrix(size_in, size_in), np.eye(size_in), atol=1e-15)


def test_an_image_is_resampled_along_both_axes():
    image = np.random.default_rng(0).uniform(0, 1, (12, 20, 3)).astype(np.float32)
    small = bicubic(image, 6, 5)
    assert small.shape == (6, 5, 3) and small.dtype == np.float32
    for channel in range(3):
        expected = bicubic_matrix(12, 6) @ image[..., channel] @ bicubic_matrix(20, 5).T
        np.testing.assert_allclose(small[..., channel], expected, atol=1e-6)
    assert bicubic(image.astype(np.float64), 24, 20).dtype == np.float64


def test_shrinking_rounds_halves_up_after_each_axis():
    np.testing.assert_array_equal(shrink(np.full((8, 8, 1), 77, np.uint8), 4), np.full((2, 2, 1), 77))
    columns = np.zeros((4, 8, 3), np.uint8)
    columns[:, 4] = 128  # -1.5, 14.5, 55.5, -4.5 before rounding
    np.testing.assert_array_equal(shrink(columns, 2)[0, :, 0], [0, 15, 56, 0])
    point = np.zeros((8, 8, 1), np.uint8)
    point[4, 4] = 3  # 3 (111 / 256)^2 = 0.56, but 1.30 after the first axis is 1, and that 0.43 after the second
    assert not shrink(point, 2).any()


def test_sides_must_divide():
    with pytest.raises(UserError, match=r"expected sides that 4 divides, received 8 x 10"):
        shrink(np.zeros((8, 10, 3), np.uint8), 4)
