"""Measure a run on a test set: L1, PSNR and SSIM against the truth, with the protocol beside the numbers."""

import dataclasses
import json

from tfi2i.cli import import_tensorflow


def add_arguments(parser, argv):
    parser.add_argument("run", metavar="RUN", help="the run's folder")
    parser.add_argument(
        "--split", choices=("test", "val", "train", "all"), default="test", help="all: a folder as it is [%(default)s]"
    )
    parser.add_argument("--dataset", "--data_dir", metavar="D", help="a set or folder other than the run's own")
    parser.add_argument("--stochastic", action="store_true", help="keep dropout on, the paper's noise")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def run(args):
    import_tensorflow()
    from tfi2i.evaluation import evaluate

    result = evaluate(args.run, args.split, args.dataset, args.stochastic, progress=not args.quiet)
    print(json.dumps(dataclasses.asdict(result)) if args.json else result)
