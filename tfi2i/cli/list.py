"""List the models and the data sets; `tfi2i list MODEL` lists its presets and options."""

import json

from tfi2i import zoo


def add_arguments(parser, argv):
    parser.add_argument("model", metavar="MODEL", nargs="?", help=f"one of {', '.join(zoo.MODELS)}")
    parser.add_argument("--json", action="store_true", help="print as JSON")


def run(args):
    if args.model:
        _print(_presets(args.model), args.json)
        return
    from tfi2i.data.catalog import CATALOG

    models = {name: f"{entry.paper}: {entry.task}" for name, entry in zoo.MODELS.items()}
    _print({"models": models, "data sets": {name: entry.description for name, entry in CATALOG.items()}}, args.json)


def _presets(model):
    from tfi2i.cli import import_tensorflow

    import_tensorflow()
    presets = zoo.presets(model)
    return {"presets": {name: f"{p.dataset or p.task or 'your own data'}: {p.note}" for name, p in presets.items()}}


def _print(sections, as_json):
    if as_json:
        print(json.dumps(sections, indent=2))
        return
    for title, rows in sections.items():
        width = max(map(len, rows)) + 2
        print(f"{title}\n" + "\n".join(f"  {name:{width}}{text}" for name, text in rows.items()))
