"""Write the card of a run, README.md, from its own records; with --out the run as a folder to be passed on.

What `--out` writes is read by `tfi2i.from_preset(DIR)` and by every verb that takes a run. `huggingface-cli upload NAME
DIR` puts it on the Hugging Face Hub, whence "hf://NAME" brings it back.
"""

import sys
from pathlib import Path


def add_arguments(parser, argv):
    parser.add_argument("run", metavar="RUN")
    parser.add_argument("--out", metavar="DIR", help="a new folder: card, networks, numbers, picture [RUN/README.md]")


def run(args):
    from tfi2i.cli import import_tensorflow

    import_tensorflow()
    from tfi2i import sharing
    from tfi2i.run import load
    from tfi2i.training.records import write_text

    if args.out:
        sharing.pass_on(args.run, args.out)
        print(args.out, flush=True)
        print(
            f"next: read {args.out}/README.md, all that people will know of this model; sample.png shows pictures of "
            "the data: take it away where their terms forbid to show them",
            file=sys.stderr,
        )
        return
    load(args.run)  # a card has the sums of its networks
    path = Path(args.run) / "README.md"
    write_text(path, sharing.card(args.run))
    print(path)
