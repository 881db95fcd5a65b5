"""Data sets: a catalog of named ones, readers of your own folders, and the pipeline that feeds training.

tfi2i.data.load("synthetic_facades", "train", model.config) -> tf.data.Dataset of {"x", "y"}
"""

from tfi2i.data.pipeline import load
from tfi2i.data.prepared import Preprocess
from tfi2i.data.sources import open_source

__all__ = ["Preprocess", "load", "open_source"]
