"""tfi2i: image-to-image translation in TensorFlow and Keras.

    model = tfi2i.create("pix2pix", "quick")
    model.compile()
    model.fit(tfi2i.data.load("synthetic_facades", "train", model.config), epochs=3)

`create` a new model, `load` the model of a run, `from_preset` one that was passed on, `data.load` a data set,
`interop.from_pytorch` an official checkpoint, `plots` what notebooks show.
Importing this package imports no TensorFlow; the first use of one of these names does.
"""

import importlib
import importlib.abc
import importlib.util
import sys

__all__ = ["create", "data", "errors", "from_preset", "interop", "load", "plots", "zoo"]

_HOMES = {"create": "tfi2i.zoo", "from_preset": "tfi2i.sharing", "load": "tfi2i.run"}


def __getattr__(name):
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in __all__:
        return importlib.import_module(f"tfi2i.{name}")
    raise AttributeError(f"module 'tfi2i' has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *__all__])


class _LayersAfterKeras(importlib.abc.MetaPathFinder):
    """Registers our layers once Keras is imported.

    With it `keras.models.load_model("G.keras")` needs `import tfi2i` and nothing else, before or after Keras, though
    neither this package nor its command line waits for TensorFlow.
    """

    def find_spec(self, name, path=None, target=None):
        if name != "keras":
            return None
        # Back in place afterwards: TensorFlow asks where Keras is long before it imports it.
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec("keras")
        sys.meta_path.insert(0, self)
        load = spec.loader.exec_module

        def load_and_register(module):
            sys.meta_path.remove(self)
            load(module)
            importlib.import_module("tfi2i.nn")

        spec.loader.exec_module = load_and_register
        return spec


if "keras" in sys.modules:
    importlib.import_module("tfi2i.nn")
elif importlib.util.find_spec("keras"):
    sys.meta_path.insert(0, _LayersAfterKeras())
