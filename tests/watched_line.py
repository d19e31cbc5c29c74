"""Does the line write as fast while ten browsers watch? `python -m tests.watched_line [--browsers 10] [--rounds 4]`.

Real processes and sockets: a capture that reads numbered pictures from a folder and waits for the worker; a worker
whose scorer takes DELAY_S a picture in place of a network (every tenth frame is flagged and keeps its picture); the
page; and Chromium with so many pages open, half on the review queue and half on the page of the line. Frames a second
are counted without and with the browsers, in turns, in one run. The line and its page have one core, the browsers the
others, since in a plant browsers are other machines; the page has a lower priority, as a line starts it.
"""

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from playwright.sync_api import sync_playwright

from edge.settings import Settings
from edge.supervisor import PAGE_NICENESS
from tests.browser import ARGUMENTS, CHROMIUM
from tests.fakes import numbered_folder
from tests.lines import number_line, recorded, wait_until

DELAY_S = 0.01
PHASE_S = 10.0
SETTLE_S = 3.0
FRAMES_A_ROUND = 5_000
PORT = 8897
ROOMS = ("/", "/line")


def main(browsers: Annotated[int, typer.Option()] = 10, rounds: Annotated[int, typer.Option()] = 4) -> None:
    """Print frames a second of each phase, and the ratio of their medians. Needs two cores."""
    os.sched_setaffinity(0, {0})
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data=Path(folder) / "data", page_port=PORT)
        line = number_line(settings, numbered_folder(Path(folder) / "parts", FRAMES_A_ROUND * rounds), delay_s=DELAY_S)
        page = subprocess.Popen([sys.executable, "-m", "dashboard.cli"], env=os.environ | settings.child_environment())
        os.setpriority(os.PRIO_PROCESS, page.pid, PAGE_NICENESS)
        try:
            wait_until(lambda: recorded(settings) > 100 and answers(), timeout_s=60, tick=line.tick)
            alone, watched = [], []
            for _ in range(rounds):
                alone.append(rate(settings))
                with watching(browsers, Path(folder)):
                    time.sleep(SETTLE_S)
                    watched.append(rate(settings))
            assert recorded(settings) < FRAMES_A_ROUND * rounds, "the pictures were used up before the end"
        finally:
            page.terminate()
            line.stop()
    ratio = statistics.median(watched) / statistics.median(alone)
    sys.stdout.write(f"alone {shown(alone)}\nwith {browsers} browsers {shown(watched)}\nratio of medians {ratio:.3f}\n")


def answers() -> bool:
    """Whether the page is up."""
    try:
        socket.create_connection(("127.0.0.1", PORT), timeout=1).close()
    except OSError:
        return False
    return True


def rate(settings: Settings) -> float:
    """Frames recorded a second, over PHASE_S."""
    before, began_s = recorded(settings), time.monotonic()
    time.sleep(PHASE_S)
    return (recorded(settings) - before) / (time.monotonic() - began_s)


@contextmanager
def watching(browsers: int, folder: Path) -> Iterator[None]:
    """So many pages open, in a Chromium on the other cores, started by a script in `folder`."""
    script = folder / "chromium"
    script.write_text(f'#!/bin/sh\nexec taskset -c 1-{(os.cpu_count() or 2) - 1} {CHROMIUM} "$@"\n')
    script.chmod(0o755)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=script, args=ARGUMENTS)
        for number in range(browsers):
            opened = chromium.new_page(viewport={"width": 1280, "height": 800})
            opened.goto(f"http://127.0.0.1:{PORT}{ROOMS[number % len(ROOMS)]}", wait_until="domcontentloaded")
        yield
        chromium.close()


def shown(rates: list[float]) -> str:
    """The phases, frames a second."""
    return ", ".join(f"{each:.0f}" for each in rates) + " frames/s"


if __name__ == "__main__":
    typer.run(main)
