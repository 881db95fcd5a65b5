"""Look at data before training on it: `tfi2i datasets check DIR` reads every picture, lists all that are broken, and
counts the labels where there are any."""

import json


def add_arguments(parser, argv):
    parser.add_argument("action", choices=("check",))
    parser.add_argument("folder", metavar="DIR")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")


def run(args):
    from tfi2i.data.check import check

    report = check(args.folder)
    print(json.dumps(report.as_dict(), indent=2) if args.json else report)
    return 0 if report.ok else 1
