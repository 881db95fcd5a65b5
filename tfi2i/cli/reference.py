"""The page of all commands, made of the definitions that `--help` is made of.

python -m tfi2i.cli.reference > docs/commands.md
"""

import argparse
import dataclasses
import importlib
import inspect

from absl.flags import argparse_flags

from tfi2i import zoo
from tfi2i.cli import VERBS, import_tensorflow
from tfi2i.options import kind_of

HEAD = """# Commands

Every verb with its options and [defaults], then every model's. Made by `python -m tfi2i.cli.reference >
docs/commands.md`, of what `--help` is made of; a test compares the two. `--load-size` is `--load_size`. Exit status: 0
done; 1 failed while running; 2 the user's to mend, said in one line; 130 interrupted, with all saved. `--debug` shows
where an error comes from.
"""


def page():
    """The text of docs/commands.md."""
    import_tensorflow()
    return "\n".join([HEAD, *map(_verb, VERBS), *map(_model, zoo.MODELS)])


def parser_of(verb, argv=()):
    """What parses the options of a verb that are given as `argv`."""
    parser = argparse_flags.ArgumentParser(prog=f"tfi2i {verb}", add_help=False, inherited_absl_flags=None)
    importlib.import_module(f"tfi2i.cli.{verb}").add_arguments(parser, list(argv))
    return parser


def _verb(name):
    parts = [f"## tfi2i {name}\n", inspect.cleandoc(importlib.import_module(f"tfi2i.cli.{name}").__doc__) + "\n"]
    for action, parser in _parsers(name):
        parts += [f"### tfi2i {name} {action}\n"] if action else []
        parts += [f"{parser.description}\n"] if parser.description else []
        parts.append(_table(map(_option, (option for option in parser._actions if option.dest != "help"))))
    return "\n".join(parts)


def _parsers(verb):
    """(name, parser) of a verb's actions; of one without them ("", parser)."""
    if verb == "study":  # its options depend on its action
        return [(action, parser_of(verb, [action])) for action in ("new", "report")]
    parser = parser_of(verb)
    for action in parser._actions:  # argparse has no other way to them
        if isinstance(action, argparse._SubParsersAction):
            return list(action.choices.items())
    return [("", parser)]


def _model(name):
    entry, rows = zoo.MODELS[name], []
    for field in dataclasses.fields(zoo.model_class(name).Config):
        choices = kind_of(field)[1]
        known = f"; one of {', '.join(map(str, choices))}" if choices else ""
        rows.append((f"--{field.name}", f"{field.metadata['help']} [{field.default}]{known}"))
    return f"## tfi2i train --model={name}\n\n{entry.paper}: {entry.task}.\n\n{_table(rows)}"


def _option(option):
    """(how it is written, what it means)."""
    value = option.metavar or "|".join(map(str, option.choices or [])) or option.dest.upper()
    written = [", ".join(option.option_strings)] if option.option_strings else []
    told = (option.help or "") % {"default": option.default}
    return " ".join([*written, *([value] if option.nargs != 0 else [])]), told


def _table(rows):
    cells = ((name.replace("|", r"\|"), told.replace("|", r"\|")) for name, told in rows)
    return "\n".join(["| | |", "| --- | --- |", *(f"| `{name}` | {told} |" for name, told in cells), ""])


if __name__ == "__main__":
    print(page(), end="")
