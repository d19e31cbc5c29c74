"""Who runs a command, as the system knows it."""

import getpass
import os


def local_account() -> str:
    """The account's name, or its number where it has none, as in a container."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
