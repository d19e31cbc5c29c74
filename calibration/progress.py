"""How far long work is: a bar on a terminal, and where nobody looks a line now and then, for a log."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

LINE_EVERY_S = 10.0


class RateColumn(ProgressColumn):
    """Steps a second, or a minute where there is less than one."""

    def render(self, task: Task) -> Text:
        """The rate of the last half minute, `-` before there is one."""
        speed = task.finished_speed or task.speed
        return Text("-" if speed is None else rate_text(speed))


def rate_text(speed: float) -> str:
    """Steps a second, with its unit."""
    return f"{speed:.1f}/s" if speed >= 1 else f"{60 * speed:.1f}/min"


@contextmanager
def bar(what: str, total: int, *, shown: bool = True, every_s: float = LINE_EVERY_S) -> Iterator[Callable[[int], None]]:
    """A bar of `total` steps on stderr; gives the function that says how many more steps are done.

    shown:   whether it is drawn at all
    every_s: seconds from one line to the next where stderr is no terminal
    """
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    if not console.is_terminal:
        lines = _Lines(what, total, console, every_s)
        yield lines.advance if shown else lambda steps: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), RateColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not shown) as progress:
        task = progress.add_task(what, total=total)
        yield lambda steps: progress.advance(task, steps)


class _Lines:
    """Says how far it is, at most once in `every_s` seconds."""

    def __init__(self, what: str, total: int, console: Console, every_s: float) -> None:
        self._what, self._total, self._console, self._every_s = what, total, console, every_s
        self._done = 0
        self._begun = self._said = time.monotonic()

    def advance(self, steps: int) -> None:
        """So many more are done."""
        self._done += steps
        now = time.monotonic()
        if now - self._said < self._every_s:
            return
        self._said = now
        speed = self._done / max(now - self._begun, 1e-9)
        left = f", about {(self._total - self._done) / speed:.0f} s left" if speed else ""
        self._console.print(f"{self._what}: {self._done} of {self._total}, {rate_text(speed)}{left}", markup=False)
