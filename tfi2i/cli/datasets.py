"""Look at data before training on it, or write a folder of many images as few large files.

`tfi2i datasets check DIR` reads every picture, lists all that are broken, and counts the labels where there are any.
`tfi2i datasets prepare SOURCE OUT` writes OUT, which is taken wherever SOURCE is.
"""

import json


def add_arguments(parser, argv):
    actions = parser.add_subparsers(title="what is done", dest="action", metavar="ACTION", required=True)
    for name, (text, options, run_action) in ACTIONS.items():
        action = actions.add_parser(name, help=text, description=text, allow_abbrev=False, inherited_absl_flags=None)
        options(action)
        action.set_defaults(run_action=run_action)


def run(args):
    return args.run_action(args)


def _check_options(parser):
    parser.add_argument("folder", metavar="DIR")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")


def _check(args):
    from tfi2i.data.check import check

    report = check(args.folder)
    print(json.dumps(report.as_dict(), indent=2) if args.json else report)
    return 0 if report.ok else 1


def _prepare_options(parser):
    parser.add_argument("source", metavar="SOURCE", help="your folder")
    parser.add_argument("out", metavar="OUT", help="a new folder, on a disk or in an object store (gs://...)")
    parser.add_argument("--kind", required=True, help="what SOURCE holds: pairs, domains, images or labelled")
    parser.add_argument("--split", metavar="S,S", help="of train, val, test [those that are there]")
    parser.add_argument("--shards", type=int, metavar="N", help="files a split [by size]")
    parser.add_argument(
        "--load_size", type=int, metavar="N", help="bring the training images to size, as `train` would"
    )
    parser.add_argument("--crop_size", type=int, metavar="N", help="with --load_size [the same]")
    parser.add_argument("--preprocess", metavar="MODE", help="with --load_size [resize_and_crop]")


def _prepare(args):
    from tfi2i.cli import import_tensorflow
    from tfi2i.errors import UserError

    if args.load_size is None and (args.crop_size or args.preprocess):
        raise UserError("--crop_size and --preprocess say how images are brought to size (expected --load_size, too)")
    import_tensorflow()
    from tfi2i.data.prepared import Preprocess
    from tfi2i.data.sharding import prepare

    preprocess = None
    if args.load_size is not None:
        mode, crop_size = args.preprocess or "resize_and_crop", args.crop_size or args.load_size
        preprocess = Preprocess(preprocess=mode, load_size=args.load_size, crop_size=crop_size)
    counts = prepare(args.source, args.out, args.kind, args.split and args.split.split(","), args.shards, preprocess)
    print(f"{args.out}: " + ", ".join(f"{count} images of {split}" for split, count in counts.items()))


# An action's name -> what it does, its options, what does it.
ACTIONS = {
    "check": ("read every picture, list what is broken, count the labels", _check_options, _check),
    "prepare": ("write a folder of many images as few large files", _prepare_options, _prepare),
}
