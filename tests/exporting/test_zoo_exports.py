"""The zoo's own generators as artefacts: equal to the model, and on device one fully delegated partition."""

import pytest

import tfi2i
from tfi2i.exporting import export_litert, export_saved_model, verify
from tfi2i.exporting.export import random_inputs
from tfi2i.zoo import MODELS

GENERATORS = {
    **{f"{name} quick": (name, "quick", {}) for name in MODELS},
    "pix2pix U-Net, batch norm": ("pix2pix", None, {"netG": "unet_64", "ngf": 8, "ndf": 8}),
    "pix2pix U-Net, grey to colour": ("pix2pix", None, {"netG": "unet_32", "ngf": 8, "ndf": 8, "input_nc": 1}),
    "pix2pix ResNet, batch norm": ("pix2pix", None, {"netG": "resnet_2blocks", "ngf": 8, "ndf": 8}),
    "pix2pix ResNet, instance norm": (
        "pix2pix",
        None,
        {"netG": "resnet_6blocks", "ngf": 8, "ndf": 8, "norm": "instance"},
    ),
}


@pytest.mark.parametrize("case", GENERATORS)
def test_keras_equals_saved_model_equals_litert(case, tmp_path):
    CompiledModel = pytest.importorskip("ai_edge_litert.compiled_model").CompiledModel
    name, preset, options = GENERATORS[case]
    model = tfi2i.create(name, preset, **options)
    for key, generator in model.generators().items():
        inputs = random_inputs(generator, 64, 64)
        verify(generator, export_saved_model(generator, tmp_path / key), *inputs)
        file = export_litert(generator, tmp_path / f"{key}.tflite", 64, 64)
        verify(generator, file, *inputs)
        assert CompiledModel.from_file(str(file)).is_fully_accelerated()
