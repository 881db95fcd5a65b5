"""Make images of noise with a run of a GAN: single files, a grid, or the way from one code to another."""

import json

from tfi2i.cli import import_tensorflow


def add_arguments(parser, argv):
    parser.add_argument("run", metavar="RUN", help="the run of a GAN")
    parser.add_argument("output", metavar="OUT", help="folder for the images")
    parser.add_argument("--count", type=int, default=64, metavar="N", help="how many images [%(default)s]")
    parser.add_argument("--grid", action="store_true", help="also all of them on one sheet, grid.png")
    parser.add_argument("--interpolate", type=int, metavar="N", help="N steps from each code to the next, in rows")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the codes [%(default)s]")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")


def run(args):
    import_tensorflow()
    from tfi2i.sampling import sample

    files = sample(args.run, args.output, args.count, args.grid, args.interpolate, args.seed)
    print(json.dumps({"done": len(files)}) if args.json else f"{len(files)} images: {args.output}")
