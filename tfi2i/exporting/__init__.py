"""Generators as files for other programs, proven equal to the model; imports no TensorFlow until something is called.

    export("runs/facades", ["saved_model", "litert"], "exports")       # all of the following, for each generator
    artefact = export_saved_model(generator, folder)      # folder/1, as TF Serving expects it
    export_litert(generator, "G.tflite", 256, 256)        # for phones, browsers and C++
    report = verify(generator, artefact, images)          # reads it back from disk; raises ExportMismatch
    write_report(report, stride=4)                        # export.json
    translated = open_artefact(artefact)(images)

A generator is a functional `keras.Model` in its inference form, float32 (B, H, W, C) in [-1, 1] to the same.
A SavedModel is a program: open only those from people you trust.
"""

from tfi2i.exporting.artefact import Artefact, open_artefact
from tfi2i.exporting.export import FORMATS, export
from tfi2i.exporting.litert import convert, export_litert
from tfi2i.exporting.report import write_report
from tfi2i.exporting.saved_model import export_saved_model
from tfi2i.exporting.verify import ExportMismatch, Report, verify

__all__ = [
    "FORMATS",
    "Artefact",
    "ExportMismatch",
    "Report",
    "convert",
    "export",
    "export_litert",
    "export_saved_model",
    "open_artefact",
    "verify",
    "write_report",
]
