"""The signals that end a line, for the process that started it."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def stop_signals() -> Iterator[list[int]]:
    """The signals SIGINT and SIGTERM as they come; a second one is answered with KeyboardInterrupt.

    Not a threading.Event: its lock may be held by the very code that the signal interrupts.
    """
    asked: list[int] = []

    def on_signal(number: int, _frame: object) -> None:
        asked.append(number)
        if len(asked) > 1:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
