"""The layers that PyTorch lacks, as one would write them there by hand; images are (B, C, H, W).

Nothing here needs TensorFlow, nor do the networks that `torch_twin` makes of it: they can be pickled, and run in a
process that holds PyTorch alone.
"""

import torch
import torch.nn.functional as F
from torch import nn


class Graph(nn.Module):
    """Runs the modules of a network's graph one after the other, each on what earlier ones left.

    Args:
        modules: the modules.
        steps: for each call, in order, the number of its module, what it reads and what it writes; tensors by keys.
        inputs, outputs: keys of the network's own.
        names: of the outputs, which then come as a dict.
    """

    def __init__(self, modules, steps, inputs, outputs, names=None):
        super().__init__()
        self.modules_in_order, self.steps = nn.ModuleList(modules), steps
        self.inputs, self.outputs, self.names = inputs, outputs, names
        # What no later step reads is dropped, as a local variable would be that is assigned anew.
        last = {x: k for k, (_, read, _) in enumerate(steps) for x in read}
        self.spent = [{x for x in read if last[x] == k and x not in outputs} for k, (_, read, _) in enumerate(steps)]

    def forward(self, *inputs):
        values = dict(zip(self.inputs, inputs, strict=True))
        for (k, read, written), spent in zip(self.steps, self.spent, strict=True):
            results = self.modules_in_order[k](*(values[x] for x in read))
            for x in spent:
                del values[x]
            values.update(zip(written, results if isinstance(results, tuple) else (results,), strict=True))
        results = tuple(values[x] for x in self.outputs)
        if self.names:
            return dict(zip(self.names, results, strict=True))
        return results if len(results) > 1 else results[0]


class Add(nn.Module):
    def forward(self, x, y):
        return x + y


class Concatenate(nn.Module):
    def forward(self, *parts):
        return torch.cat(parts, 1)


class Rescaling(nn.Module):
    def __init__(self, scale, offset):
        super().__init__()
        self.scale, self.offset = scale, offset

    def forward(self, x):
        return x * self.scale + self.offset


class Resizing(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.size = size

    def forward(self, x):
        return x if tuple(x.shape[2:]) == self.size else F.interpolate(x, self.size, mode="bilinear")


class GlobalPooling(nn.Module):
    """The mean or the maximum over all positions; `pool` is "mean" or "max"."""

    def __init__(self, pool, keepdim=False):
        super().__init__()
        self.pool, self.keepdim = pool, keepdim

    def forward(self, x):
        pool = x.mean if self.pool == "mean" else x.amax
        return pool((2, 3), keepdim=self.keepdim)


class Reshape(nn.Module):
    """Features in Keras' order, channels last, whatever they are reshaped from or to."""

    def __init__(self, shape):
        super().__init__()
        self.shape = shape

    def forward(self, x):
        x = x.permute(0, 2, 3, 1) if x.ndim == 4 else x
        x = x.reshape(len(x), *self.shape)
        return x.permute(0, 3, 1, 2) if x.ndim == 4 else x


class Flatten(nn.Module):
    """In Keras' order."""

    def forward(self, x):
        return (x.permute(0, 2, 3, 1) if x.ndim == 4 else x).flatten(1)


class AppendVector(nn.Module):
    def forward(self, x, z):
        return torch.cat([x, z[:, :, None, None].expand(-1, -1, *x.shape[2:])], 1)


class LayerNorm(nn.Module):
    """As the official MUNIT has it: one mean and one standard deviation an image, epsilon outside of the root."""

    def __init__(self, channels, eps):
        super().__init__()
        self.weight, self.bias, self.eps = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels)), eps

    def forward(self, x):
        std, mean = torch.std_mean(x, (1, 2, 3), keepdim=True)
        return (x - mean) / (std + self.eps) * self.weight[:, None, None] + self.bias[:, None, None]


class AdaIN(nn.Module):
    """As the official MUNIT has it: one batch norm, to which each channel of each image is a channel of its own."""

    def __init__(self, place, eps):
        super().__init__()
        self.place, self.eps = place, eps

    def forward(self, x, parameters):
        batch, channels, height, width = x.shape
        start = 2 * channels * self.place
        shift, scale = parameters[:, start : start + 2 * channels].reshape(batch, 2, channels).unbind(1)
        flat = x.reshape(1, batch * channels, height, width)
        y = F.batch_norm(flat, None, None, scale.reshape(-1), shift.reshape(-1), training=True, eps=self.eps)
        return y.reshape(x.shape)


class Gate(nn.Module):
    """rho I(x) + (1 - rho) L(x), by the unbiased variances; with `gate` other than "learned", one of both."""

    def __init__(self, channels, gate, eps):
        super().__init__()
        self.gate, self.eps = gate, eps
        if gate == "learned":
            self.rho = nn.Parameter(torch.zeros(channels))

    def standardized(self, x, dims):
        variance, mean = torch.var_mean(x, dims, keepdim=True)
        return (x - mean) * torch.rsqrt(variance + self.eps)

    def forward(self, x):
        if self.gate != "learned":
            return self.standardized(x, (2, 3) if self.gate == "instance" else (1, 2, 3))
        rho = self.rho[:, None, None]
        return rho * self.standardized(x, (2, 3)) + (1 - rho) * self.standardized(x, (1, 2, 3))


class AdaLIN(nn.Module):
    def __init__(self, channels, gate, eps):
        super().__init__()
        self.gated = Gate(channels, gate, eps)

    def forward(self, x, gamma, beta):
        return self.gated(x) * gamma + beta


class LIN(nn.Module):
    def __init__(self, channels, gate, eps):
        super().__init__()
        self.gated = Gate(channels, gate, eps)
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        return self.gated(x) * self.weight[:, None, None] + self.bias[:, None, None]


class Attend(nn.Module):
    def __init__(self):
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, x, query, key, value):
        query, key, value_of = query.flatten(2), key.flatten(2), value.flatten(2)  # (B, K, HW), (B, K, HW), (B, C, HW)
        weights = torch.softmax(query.transpose(1, 2) @ key, -1)
        return x + self.gamma * (value_of @ weights.transpose(1, 2)).reshape(x.shape)


class ClassActivation(nn.Module):
    """The logit of `fc`, which may be spectrally normalised, and the features weighed by its undivided weights."""

    def __init__(self, fc, pool):
        super().__init__()
        self.fc, self.pooling = fc, GlobalPooling(pool)

    def forward(self, x):
        weight = self.fc.weight_orig if hasattr(self.fc, "weight_orig") else self.fc.weight
        return self.fc(self.pooling(x)), x * weight[0, :, None, None]
