"""The one family of errors that a user is meant to read."""


class EdgeError(Exception):
    """Something the user can mend: the message names the thing, its value and the next step.

    Command lines print the message alone, without a traceback, and exit with code 2.
    Anything else that escapes is a defect of ours and keeps its traceback.
    """


BROKEN = (OSError, TypeError, ValueError, LookupError, RuntimeError, ArithmeticError)
"""What a bundle or a picture of unknown origin can raise; the line must not die of what people give it."""
