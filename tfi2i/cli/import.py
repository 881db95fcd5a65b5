"""Make a run of official PyTorch checkpoints, read without PyTorch: to translate with, evaluate and export."""

import argparse
import sys
from pathlib import Path

from tfi2i.cli import import_tensorflow
from tfi2i.errors import UserError


def add_arguments(parser, argv):
    from tfi2i.cli.train import add_options, peek
    from tfi2i.interop import KNOWN

    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("files", nargs="+", metavar="FILE", help="the official program's files, .pth or .pt")
    parser.add_argument("--model", required=True, metavar="M", help=", ".join(KNOWN))
    parser.add_argument("--run", required=True, metavar="DIR", help="the run to make")
    parser.epilog = """Sizes are inferred from the weights. What no weight shows is given as --NAME=VALUE, as for
`tfi2i train`, such as --no_dropout or --crop_size=512.

Nothing in a file is executed. A missing, left-over or mis-shaped weight is an error that names it."""
    if (model := peek(argv, "--model")) in KNOWN:
        from tfi2i import zoo

        import_tensorflow()
        add_options(parser.add_argument_group(f"options of {model}"), zoo.model_class(model).Config)


def run(args):
    import_tensorflow()
    from tfi2i import interop, zoo
    from tfi2i.run import Job, Recipe, write_networks
    from tfi2i.sharing import use_of

    if (Path(args.run) / "config.json").exists():
        raise UserError(f"there is a run already: --run={args.run}; name another")
    if args.model not in interop.KNOWN:
        raise UserError(f"--model={args.model} (expected one of {', '.join(interop.KNOWN)})")
    fields = zoo.model_class(args.model).Config.__dataclass_fields__
    options = {name: value for name, value in vars(args).items() if name in fields and value is not None}
    model = interop.from_pytorch(args.model, *args.files, **options)
    Path(args.run).mkdir(parents=True, exist_ok=True)
    write_networks(model, Path(args.run) / "networks")
    Job(args.model, model.config, Recipe(), None).save(args.run)
    print(f"{args.run}: {args.model} with {', '.join(model.trained)}", file=sys.stderr)
    print(f"next: {use_of(args.run, model.config)}", file=sys.stderr)
