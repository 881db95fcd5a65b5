"""Layers and networks that more than one paper uses; nothing here knows a loss, a data set or a run.

Importing it registers the layers with Keras, so that `keras.models.load_model` knows them.
"""

from tfi2i.nn import blocks, normalization, padding

__all__ = ["blocks", "normalization", "padding"]
