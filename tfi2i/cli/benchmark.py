"""Measure how fast the exported networks are: `tfi2i benchmark export` times one image in Keras, LiteRT and PyTorch."""

import json
import re
import sys

from tfi2i import zoo
from tfi2i.cli import import_tensorflow
from tfi2i.errors import UserError


def add_arguments(parser, argv):
    parser.add_argument("subject", choices=("export",), help="export: generators, one image at a time")
    parser.add_argument("--models", default=",".join(zoo.MODELS), metavar="M,M", help="which models [all]")
    parser.add_argument("--preset", help="a preset of theirs [the papers' configurations]")
    parser.add_argument("--size", default="128x128", metavar="HxW", help="of the image that is made [%(default)s]")
    parser.add_argument("--threads", type=int, default=2, help="of each runtime [%(default)s]")
    parser.add_argument("--rounds", type=int, default=30, help="timed calls of each runtime [%(default)s]")
    parser.add_argument("--peer", default="pytorch", help="pytorch, or none to do without it [%(default)s]")
    parser.add_argument("--out", metavar="FILE", help="write the table there, as Markdown")
    parser.add_argument("--json", metavar="FILE", help="write the numbers there, as JSON")


def run(args):
    if not re.fullmatch(r"\d+x\d+", args.size):
        raise UserError(f"--size={args.size} (expected HxW, such as 128x128)")
    for name in ("threads", "rounds"):
        if getattr(args, name) < 1:
            raise UserError(f"--{name}={getattr(args, name)} (expected at least 1)")
    import_tensorflow()
    from tfi2i.benchmark.export import benchmark, table
    from tfi2i.training.records import write_text

    size = tuple(map(int, args.size.split("x")))
    results = []
    for measured in benchmark(args.models.split(","), size, args.threads, args.rounds, args.peer, args.preset):
        results.append(measured)
        medians = ", ".join(f"{name} {1e3 * timed.median:.3g} ms" for name, timed in measured.timed.items())
        print(f"{measured.model}: {medians}", file=sys.stderr)
    text = table(results, args.threads, args.rounds)
    if args.out:
        write_text(args.out, text)
    if args.json:
        write_text(args.json, json.dumps([measured.as_dict() for measured in results], indent=2))
    print(text, end="")
