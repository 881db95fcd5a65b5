"""Check an export again: the hashes of its files, and their answers on the inputs that lie with them."""

import json

from tfi2i.cli import import_tensorflow, quiet_libraries


def add_arguments(parser, argv):
    parser.add_argument("export", metavar="EXPORT", help="exports/NAME, whose newest version counts, or exports/NAME/N")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(args):
    import_tensorflow()
    from tfi2i.cli.export import line
    from tfi2i.exporting import verify

    with quiet_libraries():  # LiteRT's notices
        records = verify(args.export)
    if args.json:
        print(json.dumps(records))
        return
    for record in records:
        print(line(record["file"], record))
    print(f"{args.export}: whole, and equal to the model")
