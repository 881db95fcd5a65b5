"""Measure a run on a test set, or a folder of pictures against another, with the protocol beside the numbers."""

from tfi2i.cli import import_tensorflow
from tfi2i.cli.train import add_options
from tfi2i.errors import UserError


def add_arguments(parser, argv):
    from tfi2i.evaluation.settings import Settings

    parser.add_argument("run", metavar="RUN", nargs="?", help="the run's folder")
    parser.add_argument(
        "--split", choices=("test", "val", "train", "all"), default="test", help="all: a folder as it is [%(default)s]"
    )
    parser.add_argument("--dataset", "--data_dir", metavar="D", help="a set or folder other than the run's own")
    parser.add_argument("--stochastic", action="store_true", help="keep dropout on, the paper's noise")
    parser.add_argument("--real", metavar="DIR", help="instead of a run: a folder of real pictures")
    parser.add_argument("--fake", metavar="DIR", help="and one of pictures that a model made")
    parser.add_argument("--labels", metavar="DIR", help="and of the label maps they were made of, for the FCN score")
    parser.add_argument("--out", metavar="FILE", help="of two folders: where the numbers go [FAKE/evaluation.json]")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    add_options(parser.add_argument_group("what is measured"), Settings)


def run(args):
    if bool(args.run) == bool(args.real or args.fake) or bool(args.real) != bool(args.fake):
        raise UserError(
            "what is to be measured? (expected a run's folder, or both --real=DIR and --fake=DIR; received "
            f"{', '.join(name for name in ('run', 'real', 'fake') if getattr(args, name)) or 'neither'})"
        )
    import_tensorflow()
    import tensorflow as tf

    from tfi2i import evaluation
    from tfi2i.evaluation.settings import Settings

    tf.config.experimental.enable_op_determinism()  # judges that are trained here are the same ones each time
    given = {name: getattr(args, name) for name in Settings.__dataclass_fields__ if getattr(args, name) is not None}
    progress = not args.quiet
    if args.run:
        settings = Settings(**given)
        result = evaluation.evaluate(args.run, args.split, args.dataset, args.stochastic, settings, progress)
    else:
        result = evaluation.evaluate_folders(args.real, args.fake, Settings(**given), args.out, args.labels)
    print(result.as_json() if args.json else result, end="" if args.json else "\n")
