"""The one kind of error that is the user's to mend."""


class UserError(Exception):
    """A wrong option, file or data set; the command line prints it as one line and exits with status 2.

    The message reads `what: which option or file (expected, received); how to mend it`.
    """


class NoImages(UserError):
    """A folder holds no image where some were looked for; another split may."""
