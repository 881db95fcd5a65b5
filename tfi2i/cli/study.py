"""Ask people, as the papers do: `tfi2i study new` makes pages to publish, `tfi2i study report` counts the answers."""

import json
import re
import sys
from pathlib import Path

from tfi2i.cli import import_tensorflow
from tfi2i.errors import UserError


def add_arguments(parser, argv):
    action = next((argument for argument in argv if not argument.startswith("-")), None)
    parser.add_argument(
        "action", choices=("new", "report"), help="`tfi2i study new --help` and `report --help` tell more"
    )
    if action == "report":
        parser.add_argument("study", metavar="STUDY", help="the folder that `tfi2i study new` made")
        parser.add_argument("results", nargs="*", metavar="FILE", help="participants' files [STUDY/results/*.json]")
        parser.add_argument("--json", metavar="FILE", help="write the numbers there too [STUDY/report.json]")
    elif action == "new":
        _of_new(parser)


def _of_new(parser):
    parser.add_argument("runs", nargs="*", metavar="RUN", help="the methods: runs on the same data")
    parser.add_argument("--out", required=True, metavar="STUDY", help="a new folder")
    parser.add_argument("--kind", default="real_or_fake", help="real_or_fake, preference or mos [%(default)s]")
    parser.add_argument("--count", type=int, default=50, help="scenes, drawn by the seed [%(default)s]")
    parser.add_argument("--seed", type=int, default=0, help="of scenes, names and order [%(default)s]")
    parser.add_argument("--question", metavar="TEXT", help="the words of it [the kind's]")
    parser.add_argument("--consent", metavar="FILE", help="text of the first page, paragraphs between empty lines")
    parser.add_argument("--post", metavar="URL", help="where results are sent, besides the file")
    parser.add_argument("--trials", type=int, metavar="N", help="that count, a participant [40, 30, or 60 pictures]")
    parser.add_argument("--practice", type=int, metavar="N", help="trials with feedback, or examples of mos [10 or 3]")
    parser.add_argument("--checks", type=int, metavar="N", help="attention checks [4 or 3]")
    parser.add_argument("--exposure", type=float, metavar="S", help="seconds, 0 until the answer; real_or_fake [1]")
    parser.add_argument("--other_scene", action="store_true", help="the real picture is that of another scene")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    runs = parser.add_argument_group("of runs")
    runs.add_argument("--split", choices=("test", "val", "train", "all"), default="test", help="[%(default)s]")
    runs.add_argument("--direction", choices=("AtoB", "BtoA"), help="for models that translate both ways [AtoB]")
    runs.add_argument("--target", metavar="NAMES", help="attributes to change: A,B=0 (stargan)")
    folders = parser.add_argument_group("instead of runs, folders with pictures of equal names")
    folders.add_argument("--fake", action="append", default=[], metavar="NAME=DIR", help="a method; again for another")
    folders.add_argument("--real", metavar="DIR", help="the real pictures")
    folders.add_argument("--input", metavar="DIR", help="the inputs")


def run(args):
    return _new(args) if args.action == "new" else _report(args)


def _new(args):
    from tfi2i.study import new
    from tfi2i.study.material import of_folders, of_runs
    from tfi2i.study.plan import Settings

    names = ("question", "trials", "practice", "checks", "exposure")
    given = {name: getattr(args, name) for name in names}
    settings = Settings.of(args.kind, args.seed, args.other_scene, **given)
    consent = _paragraphs(args.consent) if args.consent else None
    if args.runs and (args.fake or args.real or args.input):
        raise UserError("runs and folders both name the pictures; give one of them")
    if args.runs:
        import_tensorflow()
        material = of_runs(args.runs, args.split, args.direction, args.target, args.seed)
    else:
        material = of_folders(_named(args.fake), args.real, args.input, args.other_scene)
    key = new(material, settings, args.out, args.count, args.post, consent, progress=not args.quiet)
    session = ", ".join(f"{count} {role}" for role, count in key["session"].items())
    print(f"{args.out}/site", flush=True)
    print(
        f"study {key['study']}, {settings.kind} of {', '.join(key['ways'])}; a participant answers {session}\n"
        f"publish {args.out}/site, keep {args.out}/key.json to yourself\n"
        f"next: put the participants' files into {args.out}/results; tfi2i study report {args.out}",
        file=sys.stderr,
    )


def _report(args):
    from tfi2i.study import report
    from tfi2i.study.report import as_markdown
    from tfi2i.training.records import write_text

    found = report(args.study, args.results or None)
    if args.json:
        write_text(args.json, json.dumps(found, indent=2) + "\n")
    print(as_markdown(found), end="")


def _named(texts):
    if not texts:
        raise UserError("which pictures? name runs, or folders with --fake=NAME=DIR (and --real=DIR, --input=DIR)")
    found = {}
    for text in texts:
        name, equals, folder = text.partition("=")
        if not (name and equals and folder) or name in found:
            raise UserError(f"--fake={text} (expected NAME=DIR, each name once)")
        found[name] = folder
    return found


def _paragraphs(path):
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"--consent={path} can't be read ({error}); give a text file") from error
    paragraphs = [" ".join(part.split()) for part in re.split(r"\n\s*\n", text) if part.strip()]
    if not paragraphs:
        raise UserError(f"--consent={path} is empty (expected what participants are told before they begin)")
    return paragraphs
