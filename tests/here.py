"""A command run in this process, by its own entry point: what it says, without the seconds that a new process takes."""

import io
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from unittest import mock


@dataclass(frozen=True, slots=True)
class Ended:
    """As of subprocess.CompletedProcess."""

    returncode: int
    stdout: str
    stderr: str


def run_here(main: Callable[[], None], *words: str) -> Ended:
    """main: an entry point, which reads sys.argv and may end by sys.exit."""
    said, errors, code = io.StringIO(), io.StringIO(), 0
    with redirect_stdout(said), redirect_stderr(errors), mock.patch.object(sys, "argv", ["command", *words]):
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
    return Ended(code, said.getvalue(), errors.getvalue())
