"""Does the line write as fast while ten browsers watch? `python -m tests.watched_line [--browsers 10] [--rounds 4]`.

Real processes and sockets: a capture that reads numbered pictures from a folder and waits for the worker; a worker
whose scorer takes DELAY_S a picture in place of a network (every tenth frame is flagged and keeps its picture); the
page; and Chromium with so many pages open, half on the review queue and half on the page of the line. Frames a second
are counted without and with the browsers, in turns, in one run. Browsers and page server have a lower priority than the
line, since browsers are other machines in a plant, and the page server is started so by the line.
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
from tests.browser import ARGUMENTS, CHROMIUM
from tests.fakes import numbered_folder
from tests.lines import number_line, recorded, wait_until

DELAY_S = 0.01
PHASE_S = 10.0
SETTLE_S = 3.0
FRAMES = 30_000
PORT = 8897
ROOMS = ("/", "/line")


def main(browsers: Annotated[int, typer.Option()] = 10, rounds: Annotated[int, typer.Option()] = 4) -> None:
    """Print frames a second of each phase, and the ratio of their medians."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data=Path(folder) / "data", page_port=PORT)
        line = number_line(settings, numbered_folder(Path(folder) / "parts", FRAMES), delay_s=DELAY_S)
        page = subprocess.Popen([sys.executable, "-m", "dashboard.cli"], env=os.environ | settings.child_environment())
        os.setpriority(os.PRIO_PROCESS, page.pid, 10)
        try:
            wait_until(lambda: recorded(settings) > 100 and answers(), timeout_s=60, tick=line.tick)
            alone, watched = [], []
            for _ in range(rounds):
                alone.append(rate(settings))
                with watching(browsers, Path(folder)):
                    time.sleep(SETTLE_S)
                    watched.append(rate(settings))
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
    """So many pages open, in a Chromium of low priority that is started by a script in `folder`."""
    script = folder / "chromium"
    script.write_text(f'#!/bin/sh\nexec nice -n 10 {CHROMIUM} "$@"\n')
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
