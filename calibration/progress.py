"""A bar for long work: how much is done, how fast it goes, and how long it will take."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text


class RateColumn(ProgressColumn):
    """Steps a second, or a minute where there is less than one."""

    def render(self, task: Task) -> Text:
        """The rate of the last half minute, `-` before there is one."""
        speed = task.finished_speed or task.speed
        if speed is None:
            return Text("-")
        return Text(f"{speed:.1f}/s" if speed >= 1 else f"{60 * speed:.1f}/min")


@contextmanager
def bar(what: str, total: int, *, shown: bool = True) -> Iterator[Callable[[int], None]]:
    """A bar of `total` steps on stderr; gives the function that says how many more steps are done.

    shown: whether it is drawn at all
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), RateColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not shown) as progress:
        task = progress.add_task(what, total=total)
        yield lambda steps: progress.advance(task, steps)
