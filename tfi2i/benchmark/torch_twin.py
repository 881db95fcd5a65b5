"""The same network with the same weights in PyTorch, as one would write it there by hand: the peer of a benchmark.

    network = tfi2i.create("cyclegan").generators()["AtoB"]
    output = twin(network)(torch.zeros(1, 3, 128, 128))

A generator's graph is walked, and each of its layers becomes the PyTorch module that is meant for it: `BUILDERS` has
one function a layer, and one for each pair of layers that PyTorch has in one.
"""

from functools import partial

import keras
import torch
import torch.nn.functional as F
from keras import layers
from torch import nn

from tfi2i.nn.adain import AdaIN
from tfi2i.nn.adalin import LIN, AdaLIN
from tfi2i.nn.attention import Attend
from tfi2i.nn.blocks import NoiseDropout
from tfi2i.nn.class_activation import ClassActivation
from tfi2i.nn.conditioning import AppendVector
from tfi2i.nn.image_layer_norm import ImageLayerNorm
from tfi2i.nn.layer_norm import LayerNorm
from tfi2i.nn.normalization import BatchNorm, InstanceNorm
from tfi2i.nn.padding import ReflectPad
from tfi2i.nn.upsampling import PixelShuffle, UpsampleNearest

ACTIVATIONS = {"linear": nn.Identity, "relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}


def twin(network):
    """A functional keras.Model as a torch.nn.Module in evaluation mode, which takes and returns NCHW.

    Inputs are positional, in the order of `network.inputs`: images (B, C, H, W), vectors (B, S); H and W multiples of
    the network's stride. Several outputs come as a tuple.

    Raises: `NotImplementedError` naming a layer that has no twin.
    """
    return Twin(network).eval().requires_grad_(False)


class Twin(nn.Module):
    """Runs the modules of a graph's layers one after the other, each on what earlier ones left."""

    def __init__(self, network):
        super().__init__()
        self.inputs = [id(tensor) for tensor in network.inputs]
        self.outputs = [id(tensor) for tensor in network.outputs]
        self.modules_in_order, self.steps, built = nn.ModuleList(), [], {}
        for operations, inputs, outputs in _joined(_calls(network), self.outputs):
            if operations not in built:  # a layer that is called twice is one module
                built[operations] = len(self.modules_in_order)
                self.modules_in_order.append(_build(operations))
            self.steps.append((built[operations], [id(x) for x in inputs], [id(x) for x in outputs]))
        # What no later step reads is dropped, as a local variable would be that is assigned anew.
        last = {x: k for k, (_, inputs, _) in enumerate(self.steps) for x in inputs}
        self.spent = [
            [x for x in inputs if last[x] == k and x not in self.outputs] for k, (_, inputs, _) in enumerate(self.steps)
        ]

    def forward(self, *inputs):
        values = dict(zip(self.inputs, inputs, strict=True))
        for (k, read, written), spent in zip(self.steps, self.spent, strict=True):
            results = self.modules_in_order[k](*(values[x] for x in read))
            for x in set(spent):
                del values[x]
            values.update(zip(written, results if isinstance(results, tuple) else (results,), strict=True))
        results = tuple(values[x] for x in self.outputs)
        return results if len(results) > 1 else results[0]


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
        return Twin(operations[0])
    kinds = tuple(type(operation) for operation in operations)
    if kinds not in BUILDERS:
        name = f"{kinds[0].__name__} {operations[0].name!r}"
        raise NotImplementedError(f"no PyTorch twin of {name}; add a builder to tfi2i.benchmark.torch_twin.BUILDERS")
    return BUILDERS[kinds](*operations)


class Call(nn.Module):
    """A function as a module; tensors given by name are its weights."""

    def __init__(self, function, **weights):
        super().__init__()
        self.function, self.names = function, list(weights)
        for name, value in weights.items():
            self.register_buffer(name, torch.tensor(value))

    def forward(self, *inputs):
        return self.function(*inputs, **{name: getattr(self, name) for name in self.names})


def weights_of(layer, *names):
    return {name: keras.ops.convert_to_numpy(getattr(layer, name)) for name in names}


def loaded(module, weight=None, bias=None, **buffers):
    """The module with these arrays for weights."""
    given = {"weight": weight, "bias": bias} | buffers
    module.load_state_dict(
        {name: torch.tensor(keras.ops.convert_to_numpy(value)) for name, value in given.items() if value is not None},
        strict=False,  # a batch norm's count of batches has no say
    )
    return module


def activated(module, layer):
    """The module, and the activation that a Keras layer has built in."""
    name = layer.activation.__name__
    if name not in ACTIVATIONS:
        raise NotImplementedError(f"no PyTorch twin of the activation {name} of {layer.name!r}; add it to ACTIVATIONS")
    return module if name == "linear" else nn.Sequential(module, ACTIVATIONS[name]())


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
    if not layer.affine:
        return Call(partial(F.instance_norm, eps=layer.epsilon))
    return loaded(nn.InstanceNorm2d(layer.gamma.shape[0], layer.epsilon, affine=True), layer.gamma, layer.beta)


def layer_norm(layer):
    def normalize(x, gamma, beta):
        std, mean = torch.std_mean(x, (1, 2, 3), keepdim=True)
        return (x - mean) / (std + layer.epsilon) * gamma[:, None, None] + beta[:, None, None]

    return Call(normalize, **weights_of(layer, "gamma", "beta"))


def image_layer_norm(layer):
    return loaded(nn.GroupNorm(1, layer.gamma.shape[0], layer.epsilon), layer.gamma, layer.beta)


def adain(layer):
    """As the official MUNIT has it: one batch norm, to which each channel of each image is a channel of its own."""

    def normalize(x, parameters):
        batch, channels, height, width = x.shape
        start = 2 * channels * layer.place
        shift, scale = parameters[:, start : start + 2 * channels].reshape(batch, 2, channels).unbind(1)
        flat = x.reshape(1, batch * channels, height, width)
        y = F.batch_norm(flat, None, None, scale.reshape(-1), shift.reshape(-1), training=True, eps=layer.epsilon)
        return y.reshape(x.shape)

    return Call(normalize)


def gated(x, layer, rho):
    """rho I(x) + (1 - rho) L(x), by the unbiased variances; with the gate held, one of both."""

    def standardized(dims):
        variance, mean = torch.var_mean(x, dims, keepdim=True)
        return (x - mean) * torch.rsqrt(variance + layer.epsilon)

    if layer.gate != "learned":
        return standardized((2, 3) if layer.gate == "instance" else (1, 2, 3))
    rho = rho[:, None, None]
    return rho * standardized((2, 3)) + (1 - rho) * standardized((1, 2, 3))


def adalin(layer):
    def normalize(x, gamma, beta, rho=None):
        return gated(x, layer, rho) * gamma + beta

    return Call(normalize, **(weights_of(layer, "rho") if layer.gate == "learned" else {}))


def lin(layer):
    def normalize(x, gamma, beta, rho=None):
        return gated(x, layer, rho) * gamma[:, None, None] + beta[:, None, None]

    return Call(normalize, **weights_of(layer, "gamma", "beta", *(["rho"] if layer.gate == "learned" else [])))


def attend(layer):
    def attention(x, query, key, value, gamma):
        query, key, value_of = query.flatten(2), key.flatten(2), value.flatten(2)  # (B, K, HW), (B, K, HW), (B, C, HW)
        weights = torch.softmax(query.transpose(1, 2) @ key, -1)
        return x + gamma * (value_of @ weights.transpose(1, 2)).reshape(x.shape)

    return Call(attention, **weights_of(layer, "gamma"))


def class_activation(layer):
    if layer.spectral_norm:
        raise NotImplementedError(f"no PyTorch twin of ClassActivation {layer.name!r} with spectral norm")

    def weigh(x, kernel):
        pooled = x.mean((2, 3)) if layer.pool == "mean" else x.amax((2, 3))
        return pooled @ kernel, x * kernel[:, :, None]

    return Call(weigh, **weights_of(layer, "kernel"))


def append_vector(layer):
    def append(x, z):
        return torch.cat([x, z[:, :, None, None].expand(-1, -1, *x.shape[2:])], 1)

    return Call(append)


def reshape(layer):
    """Features in Keras' order, channels last, whatever they are reshaped from or to."""

    def to_shape(x):
        x = x.permute(0, 2, 3, 1) if x.ndim == 4 else x
        x = x.reshape(len(x), *layer.target_shape)
        return x.permute(0, 3, 1, 2) if x.ndim == 4 else x

    return Call(to_shape)


def flatten(layer):
    return Call(lambda x: (x.permute(0, 2, 3, 1) if x.ndim == 4 else x).flatten(1))


def resizing(layer):
    size = (layer.height, layer.width)
    if layer.interpolation != "bilinear" or layer.antialias:
        raise NotImplementedError(f"no PyTorch twin of Resizing {layer.name!r} with {layer.interpolation}")
    return Call(lambda x: x if tuple(x.shape[2:]) == size else F.interpolate(x, size, mode="bilinear"))


def dropout(layer):
    if layer.at_test == "on":
        raise NotImplementedError(f"no PyTorch twin of NoiseDropout {layer.name!r}, whose noise is its own")
    return nn.Identity()


def concatenate(layer):
    if layer.axis not in (-1, 3):
        raise NotImplementedError(f"no PyTorch twin of Concatenate {layer.name!r} along axis {layer.axis}")
    return Call(lambda *parts: torch.cat(parts, 1))


# Types of layers, one after the other -> the function that makes one module of them.
BUILDERS = {
    (layers.Activation,): lambda layer: activated(nn.Identity(), layer),
    (layers.Add,): lambda layer: Call(torch.add),
    (layers.Concatenate,): concatenate,
    (layers.Conv2D,): conv,
    (layers.Conv2DTranspose,): transposed,
    (layers.Cropping2D,): lambda layer: nn.ZeroPad2d([-n for pair in reversed(layer.cropping) for n in pair]),
    (layers.Dense,): dense,
    (layers.Flatten,): flatten,
    (layers.GlobalAveragePooling2D,): lambda layer: Call(lambda x: x.mean((2, 3), keepdim=layer.keepdims)),
    (layers.GlobalMaxPooling2D,): lambda layer: Call(lambda x: x.amax((2, 3), keepdim=layer.keepdims)),
    (layers.LeakyReLU,): lambda layer: nn.LeakyReLU(layer.negative_slope),
    (layers.PReLU,): prelu,
    (layers.ReLU,): lambda layer: nn.ReLU(),
    (layers.Rescaling,): lambda layer: Call(lambda x: x * layer.scale + layer.offset),
    (layers.Reshape,): reshape,
    (layers.Resizing,): resizing,
    (layers.RMSNormalization,): lambda layer: loaded(nn.RMSNorm(layer.scale.shape[0], layer.epsilon), layer.scale),
    (layers.ZeroPadding2D,): lambda layer: nn.ZeroPad2d([n for pair in reversed(layer.padding) for n in pair]),
    (AdaIN,): adain,
    (AdaLIN,): adalin,
    (AppendVector,): append_vector,
    (Attend,): attend,
    (BatchNorm,): batch_norm,
    (ClassActivation,): class_activation,
    (ImageLayerNorm,): image_layer_norm,
    (InstanceNorm,): instance_norm,
    (LayerNorm,): layer_norm,
    (LIN,): lin,
    (NoiseDropout,): dropout,
    (ReflectPad,): lambda layer: nn.ReflectionPad2d(layer.padding),
    (UpsampleNearest,): lambda layer: nn.UpsamplingNearest2d(scale_factor=2),
    (layers.ZeroPadding2D, layers.Conv2D): lambda pad, layer: conv(layer, pad.padding),
    (layers.Conv2DTranspose, layers.Cropping2D): lambda layer, crop: transposed(layer, crop.cropping),
    (layers.Conv2D, PixelShuffle): conv_and_shuffle,
}
