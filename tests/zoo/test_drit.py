"""DRIT's networks: what the domains share, sizes, and through a save and a load."""

import keras
import numpy as np
import pytest

from tfi2i.zoo import drit


def test_the_domains_share_a_block_of_the_content_encoder_that_stays_shared_in_a_file(tmp_path):
    E_c = drit.content_encoder(1, 3, dim=2)
    E_c.save(tmp_path / "E_c.keras")
    again = keras.models.load_model(tmp_path / "E_c.keras")
    images = [np.random.default_rng(0).normal(size=(1, 8, 8, channels)).astype("float32") for channels in (1, 3)]
    before = again(images)
    again.get_layer("share_block_conv2").kernel.assign_add(np.ones((3, 3, 8, 8), "float32") * np.eye(8))
    for content, ours, changed in zip(before, E_c(images), again(images), strict=True):
        assert content.shape == (1, 2, 2, 8)
        np.testing.assert_array_equal(content, ours)
        assert not np.allclose(content, changed)


@pytest.mark.parametrize("strided", [0, 1, 2, 3])
def test_the_smallest_image_leaves_the_content_discriminator_one_logit(strided):
    D_c = drit.content_discriminator(2, strided)
    content = drit.smallest_image_of_content_discriminator(strided) // 4
    assert D_c(np.zeros((1, content, content, 2), "float32")).shape == (1, 1, 1, 1)


@pytest.mark.parametrize("concat", [True, False])
def test_the_generator_gives_images_of_both_domains(concat):
    # Eight channels: in two, a style's way through the rectifiers can be closed.
    G = drit.generator(1, 3, dim=8, nz=3, concat=concat)
    content, z = np.random.default_rng(0).normal(size=(2, 4, 6, 32)).astype("float32"), np.zeros((2, 3), "float32")
    x, y = G([content, z, content, z])
    assert x.shape == (2, 16, 24, 1) and y.shape == (2, 16, 24, 3)
    other_x, other_y = G([content, z + 1.0, content, z])
    assert not np.allclose(x, other_x)
    np.testing.assert_array_equal(y, other_y)
