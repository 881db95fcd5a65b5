"""Data sets: a catalog of named ones, readers of your own folders, and the pipeline that feeds training.

tfi2i.data.load("synthetic_facades", split="train", load_size=72, crop_size=64) -> tf.data.Dataset of {"x", "y"}
"""

from tfi2i.data.pipeline import Preprocess, load, open_source

__all__ = ["Preprocess", "load", "open_source"]
