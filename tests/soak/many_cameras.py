"""Frames a second with many cameras on one worker, and the worst camera's share: `python -m tests.soak.many_cameras`.

One real worker process with the numpy scorer, DELAY_S a picture; so many real capture processes, each with a folder of
pictures that never ends within the time. Counted over PHASE_S, after every camera has begun.
"""

import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from edge.settings import Settings
from tests.lines import number_line, recorded_by_camera, wait_until
from tests.soak.folders import long_folder

DELAY_S = 0.002
PHASE_S = 20.0
FRAMES = 30_000


def main(cameras: Annotated[list[int] | None, typer.Option()] = None) -> None:
    """Print a line for each number of cameras."""
    os.nice(5)
    sys.stdout.write("cameras | frames/s | worst camera's share of an equal part\n")
    for number in cameras or [1, 4, 16, 32]:
        counts, seconds = counted(number)
        share = min(counts.values()) / (counts.total() / number)
        sys.stdout.write(f"{number} | {counts.total() / seconds:.0f} | {share:.2f}\n")
        sys.stdout.flush()


def counted(cameras: int) -> tuple[Counter[str], float]:
    """Frames recorded by camera while all were at work, and in how many seconds."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data=Path(folder) / "data", batch_size=16)
        parts = long_folder(Path(folder) / "pictures", FRAMES)
        names = [f"cam{number:02d}" for number in range(1, cameras + 1)]
        for name in names:
            (Path(folder) / name).symlink_to(parts)
        line = number_line(settings, *(Path(folder) / name for name in names), delay_s=DELAY_S)
        try:
            wait_until(lambda: len(recorded_by_camera(settings)) == cameras, timeout_s=600, tick=line.tick)
            before, began_s = recorded_by_camera(settings), time.monotonic()
            while time.monotonic() < began_s + PHASE_S:
                line.tick()
                time.sleep(0.2)
            after, seconds = recorded_by_camera(settings), time.monotonic() - began_s
            assert not line.captures_done
        finally:
            line.kill()
    return Counter({name: after[name] - before[name] for name in names}), seconds


if __name__ == "__main__":
    typer.run(main)
