"""The encoders and generators of DRIT, which part an image's content from its attribute (Lee et al. 2018, sec. 3.1).

Each serves both domains, X and Y: a branch for either, and what they share. Every convolution has a bias; kernels are
drawn from N(0, 0.02^2). The layers that append an attribute have names because TensorFlow adds up the attribute's many
gradients in the order of names, and Keras' own numbers differ from one model of a process to the next.
"""

import keras
from keras import layers

from tfi2i.nn.blocks import kernel_initializer
from tfi2i.nn.conditioning import AppendVector
from tfi2i.nn.image_layer_norm import ImageLayerNorm
from tfi2i.nn.normalization import InstanceNorm
from tfi2i.nn.padding import ReflectPad


def conv(filters, size, strides=1, name=None, layer=layers.Conv2D):
    return layer(filters, size, strides, kernel_initializer=kernel_initializer("normal", 0.02), name=name)


def dense(units, name):
    """Its kernel evenly drawn within 1 / sqrt(fan in), PyTorch's default."""
    evenly = keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")
    return layers.Dense(units, kernel_initializer=evenly, name=name)


def output(x, name, activation="linear"):
    return layers.Activation(activation, dtype=keras.config.floatx(), name=name)(x)


def residual_block(width, name):
    """x plus two 3x3 convolutions of it with instance norm; the function returned holds the weights."""
    conv1, conv2 = (conv(width, 3, name=f"{name}_conv{k}") for k in (1, 2))

    def block(x):
        y = layers.ReLU()(InstanceNorm()(conv1(ReflectPad(1)(x))))
        return layers.Add()([x, InstanceNorm()(conv2(ReflectPad(1)(y)))])

    return block


def content_encoder(input_nc, output_nc, dim):
    """E_c: images x, y (B, H, W, C) -> their contents (B, H/4, W/4, 4 dim); both domains share the last block."""
    images, contents = [], []
    shared = residual_block(4 * dim, "share_block")
    for domain, channels in (("X", input_nc), ("Y", output_nc)):
        x = image = keras.Input((None, None, channels), name=f"image_{domain}")
        x = layers.LeakyReLU(0.01)(conv(dim, 7, name=f"{domain}_stem")(ReflectPad(3)(x)))
        for k in (1, 2):
            x = conv(dim * 2**k, 3, strides=2, name=f"{domain}_down{k}")(ReflectPad(1)(x))
            x = layers.ReLU()(InstanceNorm()(x))  # (B, H/2^k, W/2^k, 2^k dim)
        for k in (1, 2, 3):
            x = residual_block(4 * dim, f"{domain}_block{k}")(x)
        images.append(image)
        contents.append(output(shared(x), f"content_{domain}"))
    return keras.Model(images, contents, name="E_c")


def attribute_encoder(input_nc, output_nc, dim, nz, concat):
    """E_a: images x, y (B, H, W, C) -> mean and log-variance of the attribute of x, and of y, (B, nz) each.

    Without `concat` the attributes themselves, of x and of y.
    """
    images, codes = [], []
    for domain, channels in (("X", input_nc), ("Y", output_nc)):
        image = keras.Input((None, None, channels), name=f"image_{domain}")
        images.append(image)
        if concat:
            x = attribute_trunk(image, dim, domain)
            codes += [output(dense(nz, f"{domain}_{k}")(x), f"{k}_{domain}") for k in ("mean", "logvar")]
        else:
            codes.append(output(deterministic_attribute(image, dim, nz, domain), f"attribute_{domain}"))
    return keras.Model(images, codes, name="E_a")


def attribute_trunk(x, dim, domain):
    """4x4 with stride 2, then three halving residual blocks that begin with their activation; the mean of the image."""
    x = conv(dim, 4, strides=2, name=f"{domain}_stem")(ReflectPad(1)(x))
    for k in (1, 2, 3):
        y = conv(k * dim, 3, name=f"{domain}_block{k}_conv1")(ReflectPad(1)(layers.LeakyReLU(0.2)(x)))
        y = conv((k + 1) * dim, 3, name=f"{domain}_block{k}_conv2")(ReflectPad(1)(layers.LeakyReLU(0.2)(y)))
        shortcut = conv((k + 1) * dim, 1, name=f"{domain}_block{k}_shortcut")(layers.AveragePooling2D(2)(x))
        x = layers.Add()([layers.AveragePooling2D(2)(y), shortcut])
    return layers.GlobalAveragePooling2D()(layers.LeakyReLU(0.2)(x))


def deterministic_attribute(x, dim, nz, domain):
    """7x7, then four 4x4 with stride 2, the mean of the image and a linear map."""
    x = layers.ReLU()(conv(dim, 7, name=f"{domain}_stem")(ReflectPad(3)(x)))
    for k, width in enumerate((2, 4, 4, 4), 1):
        x = layers.ReLU()(conv(width * dim, 4, strides=2, name=f"{domain}_down{k}")(ReflectPad(1)(x)))
    x = conv(nz, 1, name=f"{domain}_head")(layers.GlobalAveragePooling2D(keepdims=True)(x))
    return layers.Flatten()(x)


def generator(input_nc, output_nc, dim, nz, concat):
    """G: content and attribute for x, content and attribute for y -> images x, y in [-1, 1].

    Contents (B, H/4, W/4, 4 dim), attributes (B, nz), images (B, H, W, C).
    """
    inputs, images = [], []
    shared = residual_block(4 * dim, "share_block") if concat else None
    for domain, channels in (("X", input_nc), ("Y", output_nc)):
        content = keras.Input((None, None, 4 * dim), name=f"content_{domain}")
        z = keras.Input((nz,), name=f"attribute_{domain}")
        x = appended(shared(content), z, domain) if concat else transformed(content, z, domain)
        for k in (2, 1):
            x = AppendVector(name=f"{domain}_up{k}_append")(x, z) if concat else x
            x = conv(x.shape[-1] // 2, 3, 2, f"{domain}_up{k}", layers.Conv2DTranspose)(x)
            # The full transposed convolution less its first row and column: PyTorch's padding 1, output padding 1.
            x = ImageLayerNorm(name=f"{domain}_up{k}_norm")(layers.Cropping2D(((1, 0), (1, 0)))(x))
            x = layers.ReLU()(x)
        x = AppendVector(name=f"{domain}_head_append")(x, z) if concat else x
        x = conv(channels, 1, 1, f"{domain}_head", layers.Conv2DTranspose)(x)
        inputs += [content, z]
        images.append(output(x, f"image_{domain}", "tanh"))
    return keras.Model(inputs, images, name="G")


def appended(x, z, domain):
    """Three residual blocks of content and attribute together."""
    x = AppendVector(name=f"{domain}_append")(x, z)
    for k in (1, 2, 3):
        x = residual_block(x.shape[-1], f"{domain}_block{k}")(x)
    return x


def transformed(x, z, domain):
    """Feature-wise: four residual blocks in which two 1x1 after each 3x3 mix in what an MLP makes of the attribute."""
    width = x.shape[-1]
    for k, units in enumerate((width, width, 4 * width), 1):
        z = dense(units, f"{domain}_mlp{k}")(z)
        z = layers.ReLU()(z) if k < 3 else z
    for k in (1, 2, 3, 4):
        y, part = x, z[:, (k - 1) * width : k * width]
        for half in (1, 2):
            y = InstanceNorm()(conv(width, 3, name=f"{domain}_block{k}_conv{half}")(ReflectPad(1)(y)))
            y = AppendVector(name=f"{domain}_block{k}_append{half}")(y, part)
            y = layers.ReLU()(conv(2 * width, 1, name=f"{domain}_block{k}_mix{half}_1")(y))
            y = layers.ReLU()(conv(width, 1, name=f"{domain}_block{k}_mix{half}_2")(y))
        x = layers.Add()([x, y])
    return x


def content_discriminator(width, strided):
    """D_c: a content (B, H, W, width) -> logits that it is one of Y; `strided` 7x7 convolutions with stride 2, a 4x4
    and a 1x1, no norm.
    """
    x = content = keras.Input((None, None, width), name="content")
    for k in range(1, strided + 1):
        x = layers.LeakyReLU(0.01)(conv(width, 7, strides=2, name=f"conv{k}")(ReflectPad(1)(x)))
    x = layers.LeakyReLU(0.01)(conv(width, 4, name="last")(x))
    return keras.Model(content, output(conv(1, 1, name="head")(x), "logits"), name="D_c")


def smallest_image_of_content_discriminator(strided):
    """The least height and width of an image whose content leaves its 4x4 convolution a logit: 16, 44, 100, 212, ..."""
    size = 4
    for _ in range(strided):
        size = 2 * size + 3  # inverts (size + 2 - 7) // 2 + 1
    return 4 * size
