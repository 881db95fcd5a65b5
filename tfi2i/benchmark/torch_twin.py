"""The same network with the same weights in PyTorch, as one would write it there by hand: the peer of a benchmark.

    network = tfi2i.create("cyclegan").generators()["AtoB"]
    output = twin(network)(torch.zeros(1, 3, 128, 128))

A network's graph is walked, and each of its layers becomes the PyTorch module that is meant for it: `BUILDERS` has
one function a layer, and one for each pair of layers that PyTorch has in one.
"""

import keras
import torch
from keras import layers
from torch import nn

from tfi2i.benchmark import torch_layers
from tfi2i.nn.adain import AdaIN
from tfi2i.nn.adalin import LIN, AdaLIN
from tfi2i.nn.antialiasing import BlurDown, BlurUp
from tfi2i.nn.attention import Attend
from tfi2i.nn.blocks import NoiseDropout
from tfi2i.nn.class_activation import ClassActivation
from tfi2i.nn.conditioning import AppendVector
from tfi2i.nn.image_layer_norm import ImageLayerNorm
from tfi2i.nn.layer_norm import LayerNorm
from tfi2i.nn.multiscale import HalvingPool
from tfi2i.nn.normalization import BatchNorm, InstanceNorm
from tfi2i.nn.padding import ReflectPad
from tfi2i.nn.spectral_norm import SpectralConv2D
from tfi2i.nn.upsampling import PixelShuffle, UpsampleNearest
from tfi2i.zoo.srgan import MaxPool

ACTIVATIONS = {"linear": nn.Identity, "relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}
IN_PLACE = (nn.ReLU, nn.LeakyReLU)


def twin(network):
    """A functional keras.Model as a torch.nn.Module in evaluation mode, which takes and returns NCHW.

    Inputs are positional, in the order of `network.inputs`: images (B, C, H, W), vectors (B, S); H and W multiples of
    the network's stride. Several outputs come as a tuple, or as a dict where they do in Keras.

    Raises: `NotImplementedError` naming a layer that has no twin.
    """
    return trainable_twin(network).eval().requires_grad_(False)


def trainable_twin(network):
    """The same in training mode, its weights parameters; it can be pickled, for a process without TensorFlow."""
    inputs, outputs = [id(tensor) for tensor in network.inputs], [id(tensor) for tensor in network.outputs]
    modules, steps, built = [], [], {}
    for operations, read, written in _joined(_calls(network), outputs):
        if operations not in built:  # a layer that is called twice is one module
            built[operations] = len(modules)
            modules.append(_build(operations))
        steps.append((built[operations], [id(x) for x in read], [id(x) for x in written]))
    _work_in_place(modules, steps, {*inputs, *outputs})
    structure = network._outputs_struct
    names = keras.tree.flatten({name: name for name in structure}) if isinstance(structure, dict) else None
    return torch_layers.Graph(modules, steps, inputs, outputs, names)


def _work_in_place(modules, steps, kept):
    """An activation that alone reads what it is given overwrites it, as PyTorch programs have it to save memory."""
    readers = {}
    for _, read, _ in steps:
        for x in read:
            readers[x] = readers.get(x, 0) + 1
    for k, read, _ in steps:
        if isinstance(modules[k], IN_PLACE):
            modules[k].inplace = readers[read[0]] == 1 and read[0] not in kept


def _calls(network):
    """(layer,), its input and its output tensors, for each call in the order in which Keras makes them."""
    for depth in sorted(network._nodes_by_depth, reverse=True):
        for node in network._nodes_by_depth[depth]:
            if not node.is_input:
                yield (node.operation,), node.arguments.keras_tensors, node.outputs


def _joined(calls, kept):
    """The same, two calls in one where PyTorch has one module for both and nothing else reads what is between them."""
    calls = list(calls)
    readers = {}
    for _, inputs, _ in calls:
        for x in inputs:
            readers[id(x)] = readers.get(id(x), 0) + 1
    made_by, joined = {}, []
    for operations, inputs, outputs in calls:
        place = made_by.get(id(inputs[0])) if len(inputs) == 1 else None
        if place is not None and readers[id(inputs[0])] == 1 and id(inputs[0]) not in kept:
            before, first_inputs, _ = joined[place]
            if (type(before[0]), type(operations[0])) in BUILDERS and len(before) == 1:
                operations, inputs = before + operations, first_inputs
                joined[place] = None
        made_by |= {id(x): len(joined) for x in outputs}
        joined.append((operations, inputs, outputs))
    return [call for call in joined if call]


def _build(operations):
    if isinstance(operations[0], keras.Model):
        return trainable_twin(operations[0])
    kinds = tuple(type(operation) for operation in operations)
    if kinds not in BUILDERS:
        name = f"{kinds[0].__name__} {operations[0].name!r}"
        raise NotImplementedError(f"no PyTorch twin of {name}; add a builder to tfi2i.benchmark.torch_twin.BUILDERS")
    return BUILDERS[kinds](*operations)


def loaded(module, weight=None, bias=None, **buffers):
    """The module with these arrays for weights and buffers."""
    given = {"weight": weight, "bias": bias} | buffers
    known = module.load_state_dict(
        {name: torch.tensor(keras.ops.convert_to_numpy(value)) for name, value in given.items() if value is not None},
        strict=False,  # a batch norm's count of batches has no say
    )
    if known.unexpected_keys:
        raise ValueError(f"{type(module).__name__} has no {', '.join(known.unexpected_keys)}")
    return module


def activated(module, layer):
    """The module, and the activation that a Keras layer has built in."""
    return module if layer.activation.__name__ == "linear" else nn.Sequential(module, activation(layer, in_place=True))


def activation(layer, in_place=False):
    """The activation that a Keras layer has, or is."""
    name = layer.activation.__name__
    if name not in ACTIVATIONS:
        raise NotImplementedError(f"no PyTorch twin of the activation {name} of {layer.name!r}; add it to ACTIVATIONS")
    return nn.ReLU(in_place) if name == "relu" else ACTIVATIONS[name]()


def conv(layer, pad=None):
    """Kernel (h, w, in, out) -> (out, in, h, w); `pad`, ((top, bottom), (left, right)), takes the layer's own place."""
    if pad is None:
        # "same" of an image whose size is a multiple of the strides.
        spare = [
            max(k - s, 0) if layer.padding == "same" else 0
            for k, s in zip(layer.kernel_size, layer.strides, strict=True)
        ]
        pad = [(n // 2, n - n // 2) for n in spare]
    even = all(before == after for before, after in pad)
    kernel = keras.ops.convert_to_numpy(layer.kernel).transpose(3, 2, 0, 1)
    module = loaded(
        nn.Conv2d(
            kernel.shape[1],
            kernel.shape[0],
            layer.kernel_size,
            layer.strides,
            padding=[before for before, _ in pad] if even else 0,
            bias=layer.use_bias,
        ),
        kernel,
        layer.bias if layer.use_bias else None,
    )
    module = module if even else nn.Sequential(nn.ZeroPad2d((*pad[1], *pad[0])), module)
    return activated(module, layer)


def transposed(layer, cropping=None):
    """Kernel (h, w, out, in) -> (in, out, h, w); `cropping` as in Keras' Cropping2D, of a layer that pads nothing."""
    if cropping is None:
        spare = [
            max(k - s, 0) if layer.padding == "same" else 0
            for k, s in zip(layer.kernel_size, layer.strides, strict=True)
        ]
        cropping = [(n // 2, n - n // 2) for n in spare]
    elif layer.padding == "same":
        raise NotImplementedError(f'no PyTorch twin of the cropped Conv2DTranspose {layer.name!r} with padding="same"')
    kernel = keras.ops.convert_to_numpy(layer.kernel).transpose(3, 2, 0, 1)
    module = nn.ConvTranspose2d(
        kernel.shape[0],
        kernel.shape[1],
        layer.kernel_size,
        layer.strides,
        padding=[before for before, _ in cropping],
        output_padding=[before - after for before, after in cropping],
        bias=layer.use_bias,
    )
    return activated(loaded(module, kernel, layer.bias if layer.use_bias else None), layer)


def conv_and_shuffle(layer, shuffle):
    """PyTorch's PixelShuffle has its channels in another order, for which the convolution's are sorted once."""
    module, scale = conv(layer), shuffle.scale
    order = torch.arange(module.out_channels).reshape(scale * scale, -1).T.flatten()
    module.weight.data = module.weight.data[order]
    if module.bias is not None:
        module.bias.data = module.bias.data[order]
    return nn.Sequential(module, nn.PixelShuffle(scale))


def dense(layer):
    kernel = keras.ops.convert_to_numpy(layer.kernel).T
    module = nn.Linear(kernel.shape[1], kernel.shape[0], bias=layer.use_bias)
    return activated(loaded(module, kernel, layer.bias if layer.use_bias else None), layer)


def prelu(layer):
    alpha = keras.ops.convert_to_numpy(layer.alpha).reshape(-1)
    return loaded(nn.PReLU(len(alpha)), alpha)


def batch_norm(layer):
    channels = layer.gamma.shape[0]
    if layer.at_test == "image":  # as of a batch of one image in training mode, which is how PyTorch programs do it
        return loaded(nn.InstanceNorm2d(channels, layer.epsilon, affine=True), layer.gamma, layer.beta)
    statistics = {"running_mean": layer.moving_mean, "running_var": layer.moving_variance}
    return loaded(nn.BatchNorm2d(channels, layer.epsilon), layer.gamma, layer.beta, **statistics)


def instance_norm(layer):
    channels = layer._inbound_nodes[0].outputs[0].shape[-1]  # which a layer without weights doesn't keep
    if not layer.affine:
        return nn.InstanceNorm2d(channels, layer.epsilon)
    return loaded(nn.InstanceNorm2d(channels, layer.epsilon, affine=True), layer.gamma, layer.beta)


def layer_norm(layer):
    return loaded(torch_layers.LayerNorm(layer.gamma.shape[0], layer.epsilon), layer.gamma, layer.beta)


def image_layer_norm(layer):
    return loaded(nn.GroupNorm(1, layer.gamma.shape[0], layer.epsilon), layer.gamma, layer.beta)


def gate_of(layer):
    return {"gated.rho": layer.rho} if layer.gate == "learned" else {}


def adalin(layer):
    channels = layer._inbound_nodes[0].outputs[0].shape[-1]
    return loaded(torch_layers.AdaLIN(channels, layer.gate, layer.epsilon), **gate_of(layer))


def lin(layer):
    module = torch_layers.LIN(layer.gamma.shape[0], layer.gate, layer.epsilon)
    return loaded(module, layer.gamma, layer.beta, **gate_of(layer))


def spectral_conv(layer):
    """PyTorch makes its power iterations in the same order, v before u, on the kernel as a matrix (out, in h w)."""
    height, width, before, _ = layer.kernel.shape
    kernel = keras.ops.convert_to_numpy(layer.kernel).transpose(3, 2, 0, 1)
    module = nn.Conv2d(before, layer.filters, layer.kernel_size, layer.strides, bias=layer.use_bias)
    v = keras.ops.convert_to_numpy(layer.v).reshape(height, width, before).transpose(2, 0, 1).ravel()
    return spectral(module, kernel, layer, v, layer.bias if layer.use_bias else None)


def spectral(module, kernel, layer, v, bias=None):
    vectors = {"weight_orig": kernel, "weight_u": layer.u, "weight_v": v}
    return loaded(nn.utils.spectral_norm(module), None, bias, **vectors)


def class_activation(layer):
    kernel = keras.ops.convert_to_numpy(layer.kernel).T
    fc = nn.Linear(kernel.shape[1], 1, bias=False)
    return torch_layers.ClassActivation(
        spectral(fc, kernel, layer, layer.v) if layer.spectral_norm else loaded(fc, kernel), layer.pool
    )


def resizing(layer):
    if layer.interpolation != "bilinear" or layer.antialias:
        raise NotImplementedError(f"no PyTorch twin of Resizing {layer.name!r} with {layer.interpolation}")
    return torch_layers.Resizing((layer.height, layer.width))


def dropout(layer):
    if layer.at_test == "on":
        raise NotImplementedError(f"no PyTorch twin of NoiseDropout {layer.name!r}, whose noise is its own")
    return nn.Dropout(layer.rate)


def concatenate(layer):
    if layer.axis not in (-1, 3):
        raise NotImplementedError(f"no PyTorch twin of Concatenate {layer.name!r} along axis {layer.axis}")
    return torch_layers.Concatenate()


# Types of layers, one after the other -> the function that makes one module of them.
BUILDERS = {
    (layers.Activation,): activation,
    (layers.Add,): lambda layer: torch_layers.Add(),
    (layers.Concatenate,): concatenate,
    (layers.Conv2D,): conv,
    (layers.Conv2DTranspose,): transposed,
    (layers.Cropping2D,): lambda layer: nn.ZeroPad2d([-n for pair in reversed(layer.cropping) for n in pair]),
    (layers.Dense,): dense,
    (layers.Flatten,): lambda layer: torch_layers.Flatten(),
    (layers.GlobalAveragePooling2D,): lambda layer: torch_layers.GlobalPooling("mean", layer.keepdims),
    (layers.GlobalMaxPooling2D,): lambda layer: torch_layers.GlobalPooling("max", layer.keepdims),
    (layers.LeakyReLU,): lambda layer: nn.LeakyReLU(layer.negative_slope),
    (layers.PReLU,): prelu,
    (layers.ReLU,): lambda layer: nn.ReLU(),
    (layers.Rescaling,): lambda layer: torch_layers.Rescaling(layer.scale, layer.offset),
    (layers.Reshape,): lambda layer: torch_layers.Reshape(layer.target_shape),
    (layers.Resizing,): resizing,
    (layers.RMSNormalization,): lambda layer: loaded(nn.RMSNorm(layer.scale.shape[0], layer.epsilon), layer.scale),
    (layers.ZeroPadding2D,): lambda layer: nn.ZeroPad2d([n for pair in reversed(layer.padding) for n in pair]),
    (AdaIN,): lambda layer: torch_layers.AdaIN(layer.place, layer.epsilon),
    (AdaLIN,): adalin,
    (AppendVector,): lambda layer: torch_layers.AppendVector(),
    (Attend,): lambda layer: loaded(torch_layers.Attend(), gamma=layer.gamma),
    (BatchNorm,): batch_norm,
    (BlurDown,): lambda layer: nn.Sequential(nn.ReflectionPad2d(1), nn.AvgPool2d(2, 1), nn.AvgPool2d(2)),
    (BlurUp,): lambda layer: nn.Upsample(scale_factor=2, mode="bilinear"),
    (ClassActivation,): class_activation,
    (HalvingPool,): lambda layer: nn.AvgPool2d(3, 2, 1, count_include_pad=False),
    (ImageLayerNorm,): image_layer_norm,
    (InstanceNorm,): instance_norm,
    (LayerNorm,): layer_norm,
    (LIN,): lin,
    (MaxPool,): lambda layer: nn.MaxPool2d(2),
    (NoiseDropout,): dropout,
    (ReflectPad,): lambda layer: nn.ReflectionPad2d(layer.padding),
    (SpectralConv2D,): spectral_conv,
    (UpsampleNearest,): lambda layer: nn.UpsamplingNearest2d(scale_factor=2),
    (layers.ZeroPadding2D, layers.Conv2D): lambda pad, layer: conv(layer, pad.padding),
    (layers.Conv2DTranspose, layers.Cropping2D): lambda layer, crop: transposed(layer, crop.cropping),
    (layers.Conv2D, PixelShuffle): conv_and_shuffle,
}
