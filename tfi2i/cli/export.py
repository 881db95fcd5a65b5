"""Write a SavedModel, LiteRT or ONNX files of a run, each read back and proven equal to the model."""

import json
import re

from tfi2i.cli import import_tensorflow, quiet_libraries
from tfi2i.errors import UserError


def add_arguments(parser, argv):
    from tfi2i.exporting import QUANTIZATIONS

    parser.add_argument("run", metavar="RUN", help="the run's folder")
    parser.add_argument(
        "--format", default="saved_model,litert", help="some of saved_model, litert, onnx, with commas [%(default)s]"
    )
    kinds = "; ".join(f"{name}: {text}" for name, text in QUANTIZATIONS.items())
    parser.add_argument(
        "--quantize",
        default="none",
        help=f"LiteRT files to write, with commas [%(default)s, which is float32]. {kinds}",
    )
    parser.add_argument("--out", default="exports", metavar="DIR", help="where to write DIR/NAME/N [%(default)s]")
    parser.add_argument("--size", metavar="HxW", help="size of the LiteRT files' images [the run's crop_size]")
    parser.add_argument("--dynamic", action="store_true", help="LiteRT files for any size, where the network allows")
    parser.add_argument("--attention", action="store_true", help="U-GAT-IT's attention map as a second output")
    parser.add_argument("--images", metavar="DIR", help="images to prove and to quantise by [the run's data]")
    parser.add_argument("--licence", default="unknown", help="of the weights, to be written into the files")
    parser.add_argument("--min_psnr", type=float, metavar="DB", help="least quality of quantised files [by kind]")
    parser.add_argument("--no_benchmark", action="store_true", help="don't measure how long an image takes")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(args):
    if args.size and args.dynamic:
        raise UserError("--size and --dynamic exclude each other; give one of them")
    size = None
    if args.size:
        if not re.fullmatch(r"\d+x\d+", args.size):
            raise UserError(f"--size={args.size} (expected HxW, such as 256x256)")
        size = tuple(map(int, args.size.split("x")))
    import_tensorflow()
    from tfi2i.exporting import export

    with quiet_libraries():  # LiteRT's and the converter's notices
        exported = export(
            args.run,
            args.format.split(","),
            ["float32" if name == "none" else name for name in args.quantize.split(",")],
            args.out,
            size=size,
            dynamic=args.dynamic,
            attention=args.attention,
            pictures=args.images,
            licence=args.licence,
            min_psnr=args.min_psnr,
            benchmark=not args.no_benchmark,
        )
    if args.json:
        print(json.dumps({"path": str(exported.path), "artefacts": exported.artefacts}))
        return
    for record in exported.artefacts:
        print(line(exported.path / record["file"], record))
    print(f"{exported.path / 'export.md'}: all of it, with pictures. On the devices: tfi2i demo {exported.path}")


def line(path, record):
    """One artefact: what it is, and how far from the model."""
    worst = max((found["image"] for found in record["difference"].values()), key=lambda found: found["max"])
    psnr = "equal" if worst["psnr"] is None else f"{worst['psnr']:.0f} dB"
    kind = record["format"] + (f" {record['quantization']}" if record["format"] == "LiteRT" else "")
    whole = {True: ", one partition of the delegate", False: ", NOT whole on the delegate"}
    delegated = whole.get(record.get("fully_delegated"), "")
    return f"{path}: {kind}, max error against the model {worst['max']:.1e} ({psnr}){delegated}"
