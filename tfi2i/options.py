"""Hyper-parameters as dataclass fields that know their help, values and bounds, for the command line to read."""

import dataclasses
import difflib
import types
import typing

from tfi2i.errors import UserError

# How images are brought to size; see `tfi2i.data.Preprocess`.
PREPROCESS = typing.Literal[
    "resize_and_crop", "crop", "scale_width", "scale_width_and_crop", "scale_shortside_and_crop", "square", "none"
]


def option(default, help, least=None):
    """A dataclass field with a default, one line of help and, for a number, the least value it may have."""
    return dataclasses.field(default=default, metadata={"help": help, "least": least})


def validate(options):
    """Checks every field of a dataclass instance against its type, its choices and its bound. Raises `UserError`."""
    for field in dataclasses.fields(options):
        value, (kind, choices, optional) = getattr(options, field.name), kind_of(field)
        if value is None and optional:
            continue
        if choices and value not in choices:
            raise UserError(
                f"--{field.name}={value} (expected one of {', '.join(map(str, choices))}){_near(value, choices)}"
            )
        if not isinstance(value, (int, float) if kind is float else kind) or (
            isinstance(value, bool) and kind is not bool
        ):
            raise UserError(f"--{field.name}={value} (expected {_NAMES[kind]})")
        least = field.metadata.get("least")
        if least is not None and not value >= least:  # `not >=`, so that nan is refused too
            raise UserError(f"--{field.name}={value} (expected at least {least})")


def kind_of(field):
    """(type, choices or None, may it be None?) of a field annotated int, float, str, bool, Literal or X | None."""
    annotation, optional = field.type, False
    if isinstance(annotation, types.UnionType):
        annotation, optional = typing.get_args(annotation)[0], True
    if typing.get_origin(annotation) is typing.Literal:
        choices = typing.get_args(annotation)
        return type(choices[0]), choices, optional
    return annotation, None, optional


def parse(field, text):
    """The value of a field from the text after `=`. Raises `UserError`."""
    kind, _, _ = kind_of(field)
    if kind is bool:
        words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
        if text.lower() in words:
            return words[text.lower()]
    else:
        try:
            return kind(text)
        except ValueError:
            pass
    raise UserError(f"--{field.name}={text} (expected {_NAMES[kind]})")


_NAMES = {int: "a whole number", float: "a number", str: "a word", bool: "true or false"}


def _near(value, choices):
    near = difflib.get_close_matches(str(value), map(str, choices), 1)
    return f"; did you mean {near[0]}?" if near else ""
