"""`edge run --check`: each category is checked before the line starts, in a process that takes torch away with it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable

from edge.errors import EdgeError
from edge.process_table import LineStopped
from edge.settings import Settings


def check_first(settings: Settings, categories: Iterable[str | None], say: Callable[[str], None]) -> None:
    """Run `edge check` on each category once.

    Raises LineStopped with the reason if one fails, and EdgeError if one cannot be made.
    """
    for category in dict.fromkeys(name for name in categories if name is not None):
        say(f"checking {category}")
        done = subprocess.run(
            [sys.executable, "-m", "edge.cli", "check", "--category", category, "--json"],
            env={**os.environ, **settings.child_environment()},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode not in (0, 1) or not done.stdout:
            last = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
            raise EdgeError(f"the check of {category} could not be made: {last[0].removeprefix('error: ')}")
        result = json.loads(done.stdout)
        for note in result["notes"]:
            say(f"check of {category}: {note}")
        if not result["passed"]:
            raise LineStopped(f"before its start the check of {category} failed: {result['reason']}")
        say(f"check of {category} passed: {result['reason']}")
