"""Write a SavedModel for TF Serving or a LiteRT file for devices, each read back and proven equal to the model."""

import json
import re

from tfi2i.cli import import_tensorflow
from tfi2i.errors import UserError


def add_arguments(parser, argv):
    parser.add_argument("run", metavar="RUN", help="the run's folder")
    parser.add_argument("--format", default="saved_model,litert", help="saved_model, litert or both [%(default)s]")
    parser.add_argument("--out", default="exports", metavar="DIR", help="where to write [%(default)s]")
    parser.add_argument("--size", metavar="HxW", help="size of the LiteRT file's images [the run's crop_size]")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(args):
    size = None
    if args.size:
        if not re.fullmatch(r"\d+x\d+", args.size):
            raise UserError(f"--size={args.size} (expected HxW, such as 256x256)")
        size = tuple(map(int, args.size.split("x")))
    import_tensorflow()
    from tfi2i.exporting import export

    reports = export(args.run, args.format.split(","), args.out, size)
    rows = [
        {"path": str(r.artefact.path), "format": r.artefact.format, "max_error": r.max_error, "psnr_db": r.psnr}
        for r in reports
    ]
    if args.json:
        print(json.dumps(rows))
        return
    for row in rows:
        error = f"max error against the model {row['max_error']:.1e} ({row['psnr_db']:.0f} dB)"
        print(f"{row['path']}: {row['format']}, {error}")
