"""Translate pictures: a file, a folder or a quoted glob pattern; results keep name, grey, alpha, depth and size,
which super-resolution multiplies."""

import json
import os
import sys

from tfi2i.cli import import_tensorflow
from tfi2i.data.collection import parse_shard

NAMED = 20  # failures on the screen; the manifest has all


def add_arguments(parser, argv):
    parser.add_argument("run", metavar="RUN", help="a run, or an artefact that `tfi2i export` wrote")
    parser.add_argument("pictures", metavar="IN", help="a file, a folder or a glob pattern")
    parser.add_argument("output", metavar="OUT", help="folder for the results")
    add_options(parser)
    parser.add_argument(
        "--shard", type=parse_shard, metavar="I/N", help="the I-th of N shares of the pictures, 0/N ..."
    )
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def add_options(parser):
    """What may be asked of a translation, wherever it runs; the names are those of `translate`'s arguments."""
    parser.add_argument("--direction", choices=("AtoB", "BtoA"), help="for models that translate both ways [AtoB]")
    parser.add_argument(
        "--styles", type=int, metavar="N", help="N random styles of each picture (munit, samunit, drit)"
    )
    parser.add_argument("--style_image", metavar="FILE", help="take the style of this picture of the other domain")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the random styles [%(default)s]")
    parser.add_argument("--target", metavar="NAMES", help="attributes to change: A,B=0 or all (stargan)")
    parser.add_argument("--attention", action="store_true", help="also write what the networks looked at (ugatit)")
    parser.add_argument("--tile", type=int, metavar="N", help="large pictures in tiles of N pixels (srgan)")
    parser.add_argument("--overlap", type=int, metavar="M", help="pixels that tiles share [32, or half of --tile]")
    parser.add_argument("--stochastic", action="store_true", help="keep dropout on, the paper's noise")
    parser.add_argument("--overwrite", action="store_true", help="translate again what exists")


def options_of(args):
    names = ("direction", "styles", "style_image", "seed", "target", "attention", "tile", "overlap", "stochastic")
    return {name: getattr(args, name) for name in names}


def run(args):
    import_tensorflow()
    from tfi2i.data.collection import collection
    from tfi2i.translation import another_scale, translate

    options = options_of(args) | {"overwrite": args.overwrite, "shard": args.shard, "progress": not args.quiet}
    summary = translate(args.run, args.pictures, args.output, **options)
    if summary.done and not summary.failed:
        paths = collection(args.pictures)
        if note := another_scale(args.run, paths.folder / os.fsdecode(next(iter(paths.names())))):
            print(f"tfi2i: note: {note}", file=sys.stderr)
    for reason in list(summary.failed.values())[:NAMED]:
        print(f"tfi2i: failed: {reason}", file=sys.stderr)
    if summary.failed:
        more = len(summary.failed) - NAMED
        print(f"tfi2i: {f'{more} more, ' if more > 0 else ''}listed in {summary.manifest}", file=sys.stderr)
    if args.json:
        print(json.dumps(summary._asdict()))
    else:
        print(f"{summary.done} done, {summary.skipped} skipped, {len(summary.failed)} failed: {args.output}")
    return 1 if summary.failed else 0
