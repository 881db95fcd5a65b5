"""The command line: `tfi2i VERB ...`, one file a verb; nothing slow is imported before a verb needs it.

Exit status: 0 done; 1 failed while running; 2 the user's to mend, said in one line; 130 interrupted, with all saved.
"""

import contextlib
import importlib
import os
import re
import sys

from tfi2i.errors import UserError, nearest

VERBS = {
    "train": "train a model, or go on with a run",
    "translate": "translate pictures with a run or an export",
    "sample": "make images of noise with the run of a GAN",
    "evaluate": "measure a run on a test set",
    "compare": "one page of several runs: the same inputs, metrics, curves",
    "import": "make a run of official PyTorch checkpoints",
    "export": "write a SavedModel, LiteRT or ONNX files, proven equal to the model",
    "verify": "check an export again: its files and what they answer",
    "demo": "an export as a page in the browser",
    "study": "ask people: real or fake, which is best, how good",
    "benchmark": "measure how fast exported networks are, or what models learn",
    "datasets": "check a folder of pictures, or prepare it",
    "card": "what a run is, for those it is passed on to",
    "list": "models, presets and data sets",
    "doctor": "what this machine has, and what would hold a training up",
    "completion": "of commands, for your shell",
}


USAGE = """usage: tfi2i VERB [options]

Image-to-image translation in TensorFlow and Keras.

{verbs}

`tfi2i VERB --help` tells more. Start with: tfi2i train --model=pix2pix --dataset=synthetic_facades"""


def entry():
    """The console script."""
    from absl import app, flags

    def parse(argv):
        flags.FLAGS(argv[:1])  # absl's own flags stay at their defaults; each verb parses its options itself
        return argv[1:]

    app.run(main, flags_parser=parse)


def main(argv):
    """Runs one command; `argv` is what follows the program's name. Returns the exit status."""
    argv = [_underscored(argument) for argument in argv]
    debug = "--debug" in argv or os.environ.get("TFI2I_DEBUG") == "1"
    argv = [argument for argument in argv if argument != "--debug"]
    return status_of(lambda: _run(argv), debug)


def status_of(action, debug=False):
    """Calls `action` and returns its exit status, or that of the error it ends with, which is told in one line."""
    try:
        return action()
    except SystemExit as stop:  # argparse: 0 after --help, 2 after an error it has printed
        return stop.code or 0
    except UserError as error:
        if debug:
            raise
        print(f"tfi2i: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("tfi2i: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output, `head` say, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if debug:
            raise
        print(f"tfi2i: failed: {_first_line(error)} (--debug shows where)", file=sys.stderr)
        return 1


def _run(argv):
    from absl.flags import argparse_flags

    class Parser(argparse_flags.ArgumentParser):
        def error(self, message):
            raise UserError(f"{message}; see `{self.prog} --help`")

    if not argv or argv[0] in ("-h", "--help"):
        print(USAGE.format(verbs="\n".join(f"  {name:10} {text}" for name, text in VERBS.items())))
        return 0
    if argv[0] == "--version":
        from importlib.metadata import version

        print(f"tfi2i {version('tfi2i')}")
        return 0
    verb, arguments = argv[0], argv[1:]
    if verb not in VERBS:
        hint = nearest(verb, VERBS, "see `tfi2i --help`")
        raise UserError(f"unknown command: {verb} (expected one of {', '.join(VERBS)}); {hint}")
    module = importlib.import_module(f"tfi2i.cli.{verb}")
    parser = Parser(prog=f"tfi2i {verb}", description=module.__doc__, allow_abbrev=False, inherited_absl_flags=None)
    module.add_arguments(parser, arguments)
    return module.run(parser.parse_args(arguments)) or 0


def _underscored(argument):
    """--load-size is --load_size; a value keeps its dashes."""
    return re.sub(r"^--[\w-]+", lambda match: "--" + match[0][2:].replace("-", "_"), argument)


def _first_line(error):
    """The error in one line, without the node names that TensorFlow puts before its own."""
    text = re.sub(r"\{\{.*?\}\}\s*", "", str(error)).strip()
    return f"{type(error).__name__}: {text.splitlines()[0] if text else ''}"


def import_tensorflow():
    """Imports TensorFlow without its start-up notices, some of which no setting silences; errors are still raised."""
    from absl import logging

    logging.set_verbosity(logging.WARNING)  # under absl's app.run it would tell of every file that it writes
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with quiet_libraries():
        importlib.import_module("tensorflow")


@contextlib.contextmanager
def quiet_libraries():
    """Within it, what C++ libraries write to standard error is dropped; what Python writes there is still seen."""
    sys.stderr.flush()
    own, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    python, at_two = sys.stderr, sys.stderr is sys.__stderr__
    if at_two:
        sys.stderr = open(own, "w", buffering=1, closefd=False)  # noqa: SIM115
    try:
        yield
    finally:
        sys.stderr = python
        os.dup2(own, 2)
        os.close(own)
        os.close(nowhere)
