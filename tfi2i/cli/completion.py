"""Print the completion of commands for a shell, of every verb and option as they are here.

tfi2i completion bash > ~/.local/share/bash-completion/completions/tfi2i
tfi2i completion zsh > "${fpath[1]}/_tfi2i"
"""

import dataclasses
import importlib

from absl.flags import argparse_flags

from tfi2i import zoo
from tfi2i.cli import VERBS, import_tensorflow
from tfi2i.options import kind_of

SHELLS = ("bash", "zsh", "tcsh")


def add_arguments(parser, argv):
    parser.add_argument("shell", choices=SHELLS)


def run(args):
    import shtab

    print(shtab.complete(command_line(), args.shell))


def command_line():
    """One parser of all verbs; `train` has the options of all models."""
    import_tensorflow()
    parser = argparse_flags.ArgumentParser(prog="tfi2i", inherited_absl_flags=None)
    verbs = parser.add_subparsers(dest="verb")
    for name, text in VERBS.items():
        verb = verbs.add_parser(name, help=text, inherited_absl_flags=None)
        importlib.import_module(f"tfi2i.cli.{name}").add_arguments(verb, [])
        for action in verb._actions:  # argparse has no other way to them
            if "--model" in action.option_strings:
                action.choices = sorted(zoo.MODELS)
    _add_all_models(verbs.choices["train"])
    return parser


def _add_all_models(train):
    known = set(train._option_string_actions)
    for model in zoo.MODELS:
        for field in dataclasses.fields(zoo.model_class(model).Config):
            if (option := f"--{field.name}") not in known:
                known.add(option)
                train.add_argument(option, choices=kind_of(field)[1], help=field.metadata["help"].replace("%", "%%"))
