"""A run's networks as files for other programs, proven equal to the model; imports no TensorFlow until it is called.

    export("runs/facades", ["saved_model", "litert"], ["float32", "dynamic"], "exports")    # exports/facades/1
    verify("exports/facades")                                        # hashes and answers, again, anywhere, later
    translate = open_artefact("exports/facades/1/facades.float32.tflite")
    translate(image=images)["image"]

A network is a functional `keras.Model` in its form at test time, float32 images (B, H, W, C) in [-1, 1] to the same,
with a style, a label or noise as further inputs. A SavedModel is a program: open only those from people you trust.
"""

from tfi2i.exporting.artefact import Artefact, open_artefact
from tfi2i.exporting.export import FORMATS, export, export_networks
from tfi2i.exporting.litert import QUANTIZATIONS, convert, metadata_of
from tfi2i.exporting.proof import ExportMismatch
from tfi2i.exporting.report import Exported
from tfi2i.exporting.verify import verify

__all__ = [
    "FORMATS",
    "QUANTIZATIONS",
    "Artefact",
    "ExportMismatch",
    "Exported",
    "convert",
    "export",
    "export_networks",
    "metadata_of",
    "open_artefact",
    "verify",
]
