"""Train a model on a named data set or on your own folder, or go on with a run."""

import dataclasses
import sys
from pathlib import Path

from tfi2i import zoo
from tfi2i.cli import import_tensorflow
from tfi2i.errors import UserError
from tfi2i.options import kind_of, parse

FIRST = "tfi2i train --model=pix2pix --dataset=synthetic_facades"


def add_arguments(parser, argv):
    import_tensorflow()
    from tfi2i.run import Recipe

    parser.add_argument("--model", metavar="M", help=f"one of {', '.join(zoo.MODELS)}")
    parser.add_argument("--preset", metavar="P", help="a named choice of data and numbers; see `tfi2i list M`")
    parser.add_argument("--dataset", metavar="D", help="a named data set; see `tfi2i list`")
    parser.add_argument("--data_dir", "--dataroot", metavar="DIR", help="your own folder of pictures")
    parser.add_argument("--task", metavar="T", help="make pairs out of the photos of --data_dir")
    parser.add_argument("--run", metavar="DIR", help="folder of the run; default: runs/MODEL_DATASET")
    parser.add_argument("--resume", metavar="RUN", help="go on with this run; everything else is in its config.json")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    add_options(parser.add_argument_group("how to run"), Recipe)
    if model := peek(argv, "--model"):
        add_options(parser.add_argument_group(f"options of {model}"), zoo.model_class(model).Config)


def run(args):
    from tfi2i.loop import train
    from tfi2i.run import Job
    from tfi2i.sharing import use_of

    if args.resume:
        folder, job = Path(args.resume), Job.load(args.resume)
        given = sorted(set(_given(args)) - {"resume", "quiet"})
        if given:
            raise UserError(f"--resume takes no other option: --{given[0]}; a run goes on as it began")
    else:
        job = job_of(args)
        folder = _new_run(args, job)
    try:
        train(job, folder, progress=not args.quiet)
    except KeyboardInterrupt:
        print(f"tfi2i: all is saved; go on with `tfi2i train --resume={folder}`", file=sys.stderr)
        raise
    print(f"{folder}", flush=True)
    print(
        f"pictures: {folder}/samples/index.html\n"
        f"next: {use_of(folder, job.config)}; tfi2i evaluate {folder}; tfi2i export {folder} --out=exports",
        file=sys.stderr,
    )


def job_of(args):
    """The `Job` that the options describe."""
    from tfi2i.run import Job, Recipe

    if not args.model:
        raise UserError(
            f"which model? --model=M (expected one of {', '.join(zoo.MODELS)}), on --dataset=D or --data_dir=FOLDER; "
            f"to begin with, type: {FIRST}"
        )
    if args.dataset and args.data_dir:
        raise UserError("--dataset and --data_dir both name the data; give one of them")
    given = _given(args)
    preset = _preset(args)
    dataset = args.data_dir or args.dataset or preset.dataset
    if not dataset:
        raise UserError("which data? --dataset=NAME (see `tfi2i list`) or --data_dir=FOLDER")
    config = _replaced(preset.config, given)
    recipe = _replaced(Recipe(steps=preset.steps), given)
    if config.total_steps(1000) != preset.config.total_steps(1000) and "steps" not in given:
        recipe = dataclasses.replace(recipe, steps=None)  # the user says the length in the model's own way
    task = args.task or (preset.task if args.data_dir else None)
    return Job(args.model, config, recipe, str(dataset), task)


def add_options(group, cls):
    """One option for each field of a dataclass; those not given stay out of the parsed result."""
    for field in dataclasses.fields(cls):
        kind, choices, _ = kind_of(field)
        shown = (
            "|".join(map(str, choices)) if choices else {int: "N", float: "X", str: "NAME", bool: "true|false"}[kind]
        )
        extra = {"nargs": "?", "const": True} if kind is bool else {}
        group.add_argument(
            f"--{field.name}",
            type=lambda text, field=field: parse(field, text),
            default=None,
            metavar=shown,
            help=f"{field.metadata['help']} [{field.default}]".replace("%", "%%"),
            **extra,
        )


def _preset(args):
    """The preset asked for; else the model's first one for this data set; else the paper's defaults."""
    presets = zoo.presets(args.model)
    if args.preset:
        return zoo.preset(args.model, args.preset)
    for name, preset in presets.items():
        if args.dataset and preset.dataset == args.dataset:
            print(f"tfi2i: using --preset={name}: {preset.note}", file=sys.stderr)
            return preset
    for name, preset in presets.items():
        if args.task and preset.task == args.task:
            print(f"tfi2i: using --preset={name}: {preset.note}", file=sys.stderr)
            return preset
    return zoo.Preset(zoo.model_class(args.model).Config())


def _new_run(args, job):
    if args.run:
        if (Path(args.run) / "config.json").exists():
            raise UserError(f"there is a run already: --run={args.run}; go on with --resume={args.run} or name another")
        return Path(args.run)
    stem = Path("runs") / f"{job.model}_{Path(job.dataset).name}"
    names = (stem if k == 1 else Path(f"{stem}_{k}") for k in range(1, 10_000))
    return next(name for name in names if not name.exists())


def _given(args):
    return {name: value for name, value in vars(args).items() if value is not None}


def _replaced(options, given):
    names = {field.name for field in dataclasses.fields(options)}
    return dataclasses.replace(options, **{name: value for name, value in given.items() if name in names})


def peek(argv, name):
    """The value of an option before the options are parsed, which this one decides; None if it isn't given."""
    for k, argument in enumerate(argv):
        if argument.startswith(f"{name}="):
            return argument.split("=", 1)[1]
        if argument == name and k + 1 < len(argv):
            return argv[k + 1]
    return None
