"""Networks that read photos: files of Keras, presets of KerasHub, and the one that `evaluate` trains."""

import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tfi2i.data import images
from tfi2i.data.synthetic import SyntheticFacades
from tfi2i.errors import UserError
from tfi2i.evaluation import segmenter
from tfi2i.evaluation.palettes import PALETTES, Palette
from tfi2i.evaluation.segmentation import Segmentation
from tfi2i.evaluation.segmenter import PhotosAndClasses, open_segmenter, own

DARK_OR_LIGHT = Palette("grey", ("dark", "light"), ((0, 0, 0), (255, 255, 255)), ((255, 0, 0),))
PIXELS = np.random.default_rng(0).integers(0, 256, (6, 10, 3)).astype(np.uint8)


def saved(path, shape, threshold, answer=lambda logits: logits, strides=1):
    """A .keras file of a network that takes a pixel for light if its red is above the threshold."""
    image = keras.Input(shape)
    head = layers.Conv2D(2, 1, strides, kernel_initializer="zeros")
    model = keras.Model(image, answer(head(image)))
    kernel = np.zeros((1, 1, shape[-1], 2))
    kernel[0, 0, 0] = [-1, 1]
    head.set_weights([kernel, np.array([threshold, -threshold])])
    model.save(path)
    return path


@pytest.mark.parametrize(("input_range", "threshold"), [("-1..1", 0.5), ("0..1", 0.75), ("0..255", 191.25)])
def test_a_keras_file_reads_pixels_in_its_range(tmp_path, input_range, threshold):
    reads = open_segmenter(saved(tmp_path / "s.keras", (None, None, 3), threshold), DARK_OR_LIGHT, input_range)
    np.testing.assert_array_equal(reads(PIXELS), PIXELS[..., 0] > 191.25)


def test_grey_networks_and_answers_that_are_classes(tmp_path):
    ways = {
        "probabilities": layers.Softmax(),
        "classes": lambda logits: keras.ops.argmax(logits, -1),
        "classes_1": lambda logits: keras.ops.argmax(logits, -1, keepdims=True),
    }
    for name, answer in ways.items():
        path = saved(tmp_path / f"{name}.keras", (None, None, 1), 100, answer)
        reads = open_segmenter(path, DARK_OR_LIGHT, "0..255")
        np.testing.assert_array_equal(reads(PIXELS), images.with_channels(PIXELS, 1)[..., 0] > 100)


def test_pictures_are_resized_to_a_networks_size_and_answers_back(tmp_path):
    """A picture whose right half is light, through a network of 8 x 8 pixels that answers 4 x 4."""
    picture = np.zeros((16, 24, 3), np.uint8)
    picture[:, 12:] = 255
    for name, answer in (("logits", lambda x: x), ("classes", lambda x: keras.ops.argmax(x, -1))):
        path = saved(tmp_path / f"{name}.keras", (8, 8, 3), 0.0, answer, strides=2)
        seen = open_segmenter(path, DARK_OR_LIGHT)(picture)
        assert seen.shape == (16, 24)
        np.testing.assert_array_equal(seen[:, :9], 0)
        np.testing.assert_array_equal(seen[:, 15:], 1)


def test_another_number_of_classes_is_refused(tmp_path):
    path = saved(tmp_path / "two.keras", (None, None, 3), 0.0)
    with pytest.raises(UserError, match=r"two\.keras: other classes .* facades .*12\), .* received .*None, 2\)"):
        open_segmenter(path, PALETTES["facades"])
    path = saved(tmp_path / "high.keras", (None, None, 3), 0.0, lambda x: keras.ops.argmax(x, -1) + 1)
    with pytest.raises(UserError, match="integers below 2, received a class 2"):
        open_segmenter(path, DARK_OR_LIGHT)(PIXELS)
    vector = layers.GlobalAveragePooling2D()
    path = saved(tmp_path / "vector.keras", (None, None, 3), 0.0, vector)
    with pytest.raises(UserError, match=r"received an answer of shape \(None, 2\)"):
        open_segmenter(path, DARK_OR_LIGHT)


def test_files_that_are_no_segmenters(tmp_path):
    (tmp_path / "broken.keras").write_bytes(b"PK\3\4 and no more")
    with pytest.raises(UserError, match=r"broken\.keras: cannot be read as a Keras model"):
        open_segmenter(tmp_path / "broken.keras", DARK_OR_LIGHT)
    for name in ("absent.keras", "unknown"):
        with pytest.raises(UserError, match=f"{name}: no segmenter"):
            open_segmenter(tmp_path / name, DARK_OR_LIGHT)
    a, b = keras.Input((4, 4, 3)), keras.Input((4, 4, 3))
    keras.Model([a, b], layers.Add()([a, b])).save(tmp_path / "two_inputs.keras")
    saved(tmp_path / "four_channels.keras", (None, None, 4), 0.0)
    for name in ("two_inputs.keras", "four_channels.keras"):
        with pytest.raises(UserError, match=rf"{name}: no network of pictures \(expected one input"):
            open_segmenter(tmp_path / name, DARK_OR_LIGHT)
    with pytest.raises(UserError, match="input range"):
        open_segmenter(tmp_path / "two_inputs.keras", DARK_OR_LIGHT, "0..2")


def test_a_picture_that_a_network_cannot_read(tmp_path):
    image = keras.Input((None, None, 3))
    small = layers.Conv2D(2, 2, 2)(image)
    keras.Model(image, layers.Add()([layers.Conv2DTranspose(2, 2, 2)(small), layers.Conv2D(2, 1)(image)])).save(
        tmp_path / "even.keras"
    )
    reads = open_segmenter(tmp_path / "even.keras", DARK_OR_LIGHT)
    assert reads(PIXELS).shape == (6, 10)
    with pytest.raises(UserError, match=r"even\.keras: cannot read a picture of 5 x 10"):
        reads(PIXELS[:5])


@pytest.fixture
def small(monkeypatch):
    """An own segmenter of two levels."""
    for name, value in {"WIDTHS": (8, 16), "STRIDE": 4, "STEPS": 3, "BATCH": 4}.items():
        monkeypatch.setattr(segmenter, name, value)
    return monkeypatch


def weights(reads):
    return keras.models.load_model(reads.name, compile=False).get_weights()


def test_the_own_segmenter_is_kept_and_the_same_each_time(small, tmp_path):
    source, palette = SyntheticFacades("train", 16, length=6), PALETTES["synthetic_facades"]
    first = own(source, "B", palette, 16, tmp_path / "a")
    again = own(source, "B", palette, 16, tmp_path / "b")
    for one, other in zip(weights(first), weights(again), strict=True):
        np.testing.assert_array_equal(one, other)
    small.setattr(segmenter, "_fitted", None)  # which fails where it is called
    kept = own(source, "B", palette, 16, tmp_path / "a")
    photo = source[0]["A"]
    np.testing.assert_array_equal(kept(photo), first(photo))
    assert [path.name for path in (tmp_path / "a").iterdir()] == [kept.name.split("/")[-1]]
    for other, size in ((SyntheticFacades("train", 16, length=6, seed=1), 16), (source, 32)):
        with pytest.raises(TypeError):
            own(other, "B", palette, size, tmp_path / "a")


class Coloured:
    """Label maps of two classes and a strip that is ignored, as A, and photos that show them in other colours, as B."""

    aligned = True

    def __len__(self):
        return 8

    def __getitem__(self, index):
        rng = np.random.default_rng(index)
        classes = np.kron(rng.integers(0, 2, (3, 3)), np.ones((8, 8), int))
        labels = DARK_OR_LIGHT.paint(classes)
        labels[:3] = (255, 0, 0)
        photo = np.where(classes[..., None], (200, 60, 20), (20, 90, 180)) + rng.integers(-9, 10, (24, 24, 3))
        return {"A": labels, "B": photo.astype(np.uint8)}

    def name(self, index):
        return str(index)


def test_photos_and_classes_are_cut_and_mirrored_together():
    examples = PhotosAndClasses(Coloured(), "A", DARK_OR_LIGHT, 16)
    seen = set()
    for example in tf.data.Dataset.range(16).map(lambda place: examples.drawn(place, 0)).as_numpy_iterator():
        x, y = example["x"], example["y"]
        assert x.shape == (16, 16, 3) and y.shape == (16, 16)
        inside = y < 255
        assert np.mean((x[..., 0] > x[..., 2])[inside] == y[inside]) > 0.9  # all but edges, where colours mix
        seen |= set(np.unique(y))
    assert seen == {0, 1, 255}


def test_the_own_segmenter_learns_to_read(small, tmp_path):
    small.setattr(segmenter, "STEPS", 60)
    source = Coloured()
    judged = Segmentation(DARK_OR_LIGHT, own(source, "A", DARK_OR_LIGHT, 16, tmp_path))
    for i in range(4):
        example = source[i]
        judged.add(example["A"], example["B"])
    assert judged.summary()["class_iou"]["value"] > 0.8


def test_the_loss_counts_only_pixels_that_have_a_class():
    logits = np.log([[[[0.8, 0.2], [0.4, 0.6], [0.5, 0.5]]]]).astype(np.float32)
    classes = np.array([[[0.0, 0.0, 255.0]]], np.float32)
    loss = segmenter._cross_entropy(classes, logits)
    np.testing.assert_allclose(loss, -(np.log(0.8) + np.log(0.4)) / 2, rtol=1e-6)
    assert segmenter._cross_entropy(np.full((1, 1, 3), 255.0, np.float32), logits) == 0


def test_without_keras_hub_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras_hub", None)
    with pytest.raises(UserError, match=r"hub:segformer_b0_cityscapes_1024 needs KerasHub.*pip install 'tfi2i\[hub\]'"):
        open_segmenter("hub:segformer_b0_cityscapes_1024", PALETTES["cityscapes"])


def tiny_preset(kind, folder, classes=19):
    """A preset of random weights for 64 x 64 pixels, saved in a folder; returns its class and its pixels' scaling."""
    hub = pytest.importorskip("keras_hub")
    if kind == "SegFormer":
        encoder = hub.models.MiTBackbone(
            layerwise_depths=[1, 1, 1, 1],
            image_shape=(64, 64, 3),
            hidden_dims=[8, 12, 16, 20],
            num_layers=4,
            layerwise_num_heads=[1, 1, 1, 1],
            layerwise_sr_ratios=[8, 4, 2, 1],
            max_drop_path_rate=0.0,
            layerwise_patch_sizes=[7, 3, 3, 3],
            layerwise_strides=[4, 2, 2, 2],
        )
        backbone = hub.models.SegFormerBackbone(image_encoder=encoder, projection_filters=8)
    else:
        encoder = hub.models.ResNetBackbone(
            input_conv_filters=[64],
            input_conv_kernel_sizes=[7],
            stackwise_num_filters=[64, 8, 8, 8],
            stackwise_num_blocks=[1, 1, 1, 1],
            stackwise_num_strides=[1, 2, 2, 2],
            block_type="basic_block",
        )
        backbone = hub.models.DeepLabV3Backbone(
            image_encoder=encoder,
            low_level_feature_key="P2",
            spatial_pyramid_pooling_key="P5",
            dilation_rates=[2],
            upsampling_size=8,
        )
    name = {"SegFormer": "SegFormer", "DeepLab": "DeepLabV3"}[kind]
    task = getattr(hub.models, f"{name}ImageSegmenter")
    scaling = {"scale": [0.017, 0.018, 0.019], "offset": [-2.1, -2.0, -1.8]}
    converter = getattr(hub.layers, f"{name}ImageConverter")(image_size=(64, 64), **scaling)
    task(backbone, classes, preprocessor=task.preprocessor_cls(converter)).save_to_preset(str(folder))
    return task, scaling


@pytest.mark.parametrize("kind", ["SegFormer", "DeepLab"])
def test_presets_of_keras_hub_see_the_whole_picture(tmp_path, kind):
    """The preset's own scaling, no cutting to its proportions, and the answer as large as the picture."""
    task, scaling = tiny_preset(kind, tmp_path / "preset")
    picture = np.random.default_rng(0).integers(0, 256, (24, 48, 3)).astype(np.uint8)
    seen = open_segmenter(f"hub:{tmp_path / 'preset'}", PALETTES["cityscapes"])(picture)
    network = task.from_preset(str(tmp_path / "preset"))
    whole = images.resize(picture, 64, 64, "bilinear")[None] * np.array(scaling["scale"]) + scaling["offset"]
    logits = tf.image.resize(network(whole.astype(np.float32), training=False), (24, 48))
    assert np.mean(seen == np.argmax(logits[0], -1)) > 0.999 and len(np.unique(seen)) > 1


def test_presets_that_cannot_be_used(tmp_path):
    tiny_preset("SegFormer", tmp_path / "preset", classes=3)
    with pytest.raises(UserError, match=r"hub:.*preset: other classes .* cityscapes .*19\), .* received 3 classes"):
        open_segmenter(f"hub:{tmp_path / 'preset'}", PALETTES["cityscapes"])
    with pytest.raises(UserError, match="cannot be read as an image segmenter"):
        open_segmenter(f"hub:{tmp_path / 'absent'}", PALETTES["cityscapes"])
