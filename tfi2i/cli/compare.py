"""One page of several runs: the same inputs through each, the metrics beside one another, curves and settings."""

from tfi2i.cli import import_tensorflow


def add_arguments(parser, argv):
    parser.add_argument("runs", nargs="+", metavar="RUN", help="runs of one kind on one data set, the first sets sizes")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for the page and its pictures")
    parser.add_argument("--count", type=int, metavar="N", help="inputs to show [12; of noise 36]")
    parser.add_argument(
        "--split", choices=("test", "val", "train", "all"), default="test", help="all: a folder as it is [%(default)s]"
    )
    parser.add_argument("--dataset", "--data_dir", metavar="D", help="a set or folder other than the runs' own")
    parser.add_argument("--direction", choices=("AtoB", "BtoA"), help="show this way only [all]")
    parser.add_argument(
        "--styles", type=int, default=5, metavar="N", help="N random styles of munit, samunit, drit [%(default)s]"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def run(args):
    import_tensorflow()
    from tfi2i.comparison import compare

    options = {name: getattr(args, name) for name in ("split", "dataset", "count", "direction", "styles")}
    print(compare(args.runs, args.out, **options, progress=not args.quiet) / "index.html")
