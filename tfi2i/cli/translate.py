"""Translate pictures: a file, a folder or a quoted glob pattern; results keep name, grey, alpha, depth and size,
which super-resolution multiplies."""

import json
import sys

from tfi2i.cli import import_tensorflow


def add_arguments(parser, argv):
    parser.add_argument("run", metavar="RUN", help="a run, or an artefact that `tfi2i export` wrote")
    parser.add_argument("pictures", metavar="IN", help="a file, a folder or a glob pattern")
    parser.add_argument("output", metavar="OUT", help="folder for the results")
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
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def run(args):
    import_tensorflow()
    from tfi2i.translation import translate

    names = ("direction", "styles", "style_image", "seed", "target", "attention", "tile", "overlap")
    names += ("stochastic", "overwrite")
    options = {name: getattr(args, name) for name in names}
    summary = translate(args.run, args.pictures, args.output, **options, progress=not args.quiet)
    for reason in summary.failed.values():
        print(f"tfi2i: failed: {reason}", file=sys.stderr)
    if args.json:
        print(json.dumps(summary._asdict()))
    else:
        print(f"{summary.done} done, {summary.skipped} skipped, {len(summary.failed)} failed: {args.output}")
    return 1 if summary.failed else 0
