"""Measure exported networks, training steps, the input pipeline, or what each model learns in minutes."""

import dataclasses
import json
import os
import re
import sys
from pathlib import Path

from tfi2i import zoo
from tfi2i.cli import import_tensorflow
from tfi2i.errors import UserError


def add_arguments(parser, argv):
    subjects = parser.add_subparsers(title="what is measured", dest="subject", metavar="SUBJECT", required=True)
    for name, (text, options, measure) in SUBJECTS.items():
        subject = subjects.add_parser(name, help=text, description=text, allow_abbrev=False, inherited_absl_flags=None)
        if measure is not _input:
            subject.add_argument("--models", default=",".join(zoo.MODELS), metavar="M,M", help="which models [all]")
        options(subject)
        subject.set_defaults(measure=measure)


def run(args):
    return args.measure(args)


def _export_options(parser):
    parser.add_argument("--preset", help="a preset of theirs [the papers' configurations]")
    parser.add_argument("--size", default="128x128", metavar="HxW", help="of the image that is made [%(default)s]")
    parser.add_argument("--threads", type=int, default=2, help="of each runtime [%(default)s]")
    parser.add_argument("--rounds", type=int, default=30, help="timed calls of each runtime [%(default)s]")
    parser.add_argument("--peer", default="pytorch", help="pytorch, or none to do without it [%(default)s]")
    parser.add_argument("--out", metavar="FILE", help="write the table there, as Markdown")
    parser.add_argument("--json", metavar="FILE", help="write the numbers there, as JSON")


def _export(args):
    size = _size(args)
    _at_least_one(args, "threads", "rounds")
    import_tensorflow()
    from tfi2i.benchmark.export import benchmark, table

    results = []
    for measured in benchmark(args.models.split(","), size, args.threads, args.rounds, args.peer, args.preset):
        results.append(measured)
        medians = ", ".join(f"{name} {1e3 * timed.median:.3g} ms" for name, timed in measured.timed.items())
        print(f"{measured.model}: {medians}", file=sys.stderr)
    text = table(results, args.threads, args.rounds)
    _write(args, results, text)
    print(text, end="")


def _train_options(parser):
    parser.set_defaults(models="pix2pix,cyclegan,munit,ugatit,stargan,srgan")
    parser.add_argument("--precision", default="both", help="float32, mixed_bfloat16 or both [%(default)s]")
    parser.add_argument("--threads", type=int, default=2, help="of each subject [%(default)s]")
    parser.add_argument("--rounds", type=int, default=12, help="timed turns of each subject [%(default)s]")
    parser.add_argument("--peer", default="pytorch", help="pytorch, or none to do without it [%(default)s]")
    parser.add_argument(
        "--apart", action="store_true", help="a run for each comparison, where memory doesn't hold all subjects at once"
    )
    parser.add_argument("--out", metavar="FILE", help="write the table there, as Markdown")
    parser.add_argument("--json", metavar="FILE", help="write the numbers there, as JSON")


def _train(args):
    _at_least_one(args, "threads", "rounds")
    import_tensorflow()
    from tfi2i.benchmark.train import benchmark, table

    results = []
    models = args.models.split(",")
    for measured in benchmark(models, args.precision, args.threads, args.rounds, args.peer, args.apart):
        results.append(measured)
        medians = ", ".join(f"{name} {timed.median:.3g} s" for name, timed in measured.timed.items())
        print(f"{measured.model}: {medians}", file=sys.stderr)
        _write(args, results, text := table(results, args.threads, args.rounds))  # hours may pass before the last
    print(text, end="")


def _growth_options(parser):
    parser.set_defaults(models="pix2pix,cyclegan,munit,ugatit,stargan,srgan")
    parser.add_argument("--threads", type=int, default=2, help="of a step [%(default)s]")
    parser.add_argument("--turns", type=int, default=5, help="timed turns of each point [%(default)s]")
    parser.add_argument("--out", default="runs/growth", metavar="DIR", help="growth.md, .json and .svg [%(default)s]")


def _growth(args):
    """1 where a cost grows faster than the operations do."""
    _at_least_one(args, "threads", "turns")
    import_tensorflow()
    from tfi2i.benchmark import growth

    results = []
    for grown in growth.benchmark(args.models.split(","), args.threads, args.turns):
        results.append(grown)
        text = growth.write(results, args.out, args.threads, args.turns)  # minutes may pass before the last
    print(text, end="")
    failures = [failure for grown in results for failure in grown.failures()]
    for failure in failures:
        print(f"tfi2i: grows too fast: {failure}", file=sys.stderr)
    return 1 if failures else 0


def _write(args, results, text):
    from tfi2i.training.records import write_text

    if args.out:
        write_text(args.out, text)
    if args.json:
        write_text(args.json, json.dumps([measured.as_dict() for measured in results], indent=2))


def _learning_options(parser):
    parser.add_argument(
        "--budget", default="full", help="full: the presets' steps, hours; short: minutes, and bounds to match [full]"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the first training [%(default)s]")
    parser.add_argument("--seeds", type=int, default=1, help="how many trainings a model, a seed each [%(default)s]")
    parser.add_argument("--precision", default="float32", help="of the training, as `tfi2i train` has it [%(default)s]")
    parser.add_argument("--threads", type=int, help="cores of a training [all]")
    parser.add_argument(
        "--out", metavar="DIR", help="the runs, table.md and results.json; goes on there [runs/learning, or _short]"
    )
    parser.add_argument("--readme", metavar="FILE", help="put the table there, too, below <!-- learning table -->")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def _learning(args):
    """1 where a model has not learned what it should."""
    _at_least_one(args, "seeds", *(["threads"] if args.threads is not None else []))
    if args.seed < 0:
        raise UserError(f"--seed={args.seed} (expected at least 0)")
    for name in ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS") if args.threads else ():
        os.environ[name] = str(args.threads)
    import_tensorflow()
    from tfi2i.benchmark import learning
    from tfi2i.training.records import write_text

    if args.readme:
        learning.write_into(args.readme, None)  # what is wrong with it is said before hours of training
    out = Path(args.out or ("runs/learning" if args.budget == "full" else f"runs/learning_{args.budget}"))
    seeds, results = range(args.seed, args.seed + args.seeds), []
    for learned in learning.benchmark(
        args.models.split(","), out, args.budget, seeds, not args.quiet, import_tensorflow, args.precision
    ):
        results.append(learned)
        write_text(
            out / "results.json", json.dumps([dataclasses.asdict(result) for result in results], indent=2) + "\n"
        )
        write_text(out / "table.md", learning.table(results))
        print(learned, file=sys.stderr)
    table = learning.table(results)
    if args.readme:
        learning.write_into(args.readme, table)
    print(table, end="")
    failures = [f"{r.model}, seed {r.seed}: {failure}" for r in results for failure in r.failures()]
    for failure in failures:
        print(f"tfi2i: has not learned: {failure}", file=sys.stderr)
    return 1 if failures else 0


def _input_options(parser):
    parser.add_argument("--data_dir", metavar="DIR", help="images [JPEG files that it makes]")
    parser.add_argument("--size", default="512x512", metavar="HxW", help="of the files that it makes [%(default)s]")
    parser.add_argument("--images", type=int, default=64, help="how many files [%(default)s]")
    parser.add_argument("--load_size", type=int, default=286, help="to which they are resized [%(default)s]")
    parser.add_argument("--crop_size", type=int, default=256, help="of what is cut of them [%(default)s]")
    parser.add_argument("--batch_size", type=int, default=1, help="[%(default)s]")
    parser.add_argument("--threads", type=int, help="cores, and PyTorch's processes [all]")
    parser.add_argument("--rounds", type=int, default=9, help="turns of each pipeline [%(default)s]")
    parser.add_argument("--peer", default="pytorch", help="pytorch, or none to do without it [%(default)s]")
    parser.add_argument("--out", metavar="FILE", help="write the table there, as Markdown")
    parser.add_argument("--json", metavar="FILE", help="write the numbers there, as JSON")


def _input(args):
    size = _size(args)
    _at_least_one(args, "images", "batch_size", "rounds", *(["threads"] if args.threads is not None else []))
    import_tensorflow()
    from tfi2i.benchmark import input
    from tfi2i.data.prepared import Preprocess
    from tfi2i.training.records import write_text

    preprocess = Preprocess(load_size=args.load_size, crop_size=args.crop_size)
    threads = args.threads or input.cores()
    measured = input.benchmark(
        args.data_dir, args.images, size, preprocess, args.batch_size, threads, args.rounds, args.peer
    )
    files = f"images of {args.data_dir}" if args.data_dir else f"{args.images} JPEG files of {args.size}"
    text = input.table(measured, preprocess, args.batch_size, threads, args.rounds, files)
    if args.out:
        write_text(args.out, text)
    if args.json:
        write_text(args.json, json.dumps(measured.as_dict(), indent=2) + "\n")
    print(text, end="")


def _size(args):
    if not re.fullmatch(r"[1-9]\d*x[1-9]\d*", args.size):
        raise UserError(f"--size={args.size} (expected HxW, such as 128x128)")
    return tuple(map(int, args.size.split("x")))


def _at_least_one(args, *names):
    for name in names:
        if getattr(args, name) < 1:
            raise UserError(f"--{name}={getattr(args, name)} (expected at least 1)")


# A subject's name -> what it measures, its options, what measures it.
SUBJECTS = {
    "export": ("how fast generators are, one image at a time, in Keras, LiteRT and PyTorch", _export_options, _export),
    "train": ("how fast optimisation steps are, beside the same steps in PyTorch", _train_options, _train),
    "growth": ("how the cost of a step grows with size, batch and width", _growth_options, _growth),
    "input": (
        "how many images a second come from JPEG files to the device, here and in PyTorch",
        _input_options,
        _input,
    ),
    "learning": (
        "what each model learns of a drawn set whose truth is known, against copying and the untrained network",
        _learning_options,
        _learning,
    ),
}
