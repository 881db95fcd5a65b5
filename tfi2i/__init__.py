"""tfi2i: image-to-image translation in TensorFlow and Keras.

    model = tfi2i.create("pix2pix", "quick")
    model.compile()
    model.fit(tfi2i.data.load("synthetic_facades", split="train", load_size=72, crop_size=64), epochs=1)

`create` a new model, `load` the model of a run, `data.load` a data set, `interop.from_pytorch` an official checkpoint.
Importing this package imports no TensorFlow; the first use of one of these names does.
"""

import importlib

__all__ = ["create", "data", "interop", "load"]

_HOMES = {"create": "tfi2i.zoo", "load": "tfi2i.run"}


def __getattr__(name):
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in ("data", "interop"):
        return importlib.import_module(f"tfi2i.{name}")
    raise AttributeError(f"module 'tfi2i' has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *__all__])
