"""The one kind of error that is the user's to mend, and the hint that most of them end with."""


class UserError(Exception):
    """A wrong option, file or data set; the command line prints it as one line and exits with status 2.

    The message reads `what: which option or file (expected, received); how to mend it`.
    """


class NoImages(UserError):
    """A folder holds no image where some were looked for; another split may."""


def nearest(name, known, otherwise):
    """The hint for a name that isn't known: "did you mean ...?", or `otherwise` where nothing is near."""
    import difflib

    near = difflib.get_close_matches(name, known, 1)
    return f"did you mean {near[0]}?" if near else otherwise
