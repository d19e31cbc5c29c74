"""Does anything grow? `python -m tests.soak.long_run [--frames 500000] [--cameras 4]`.

Real capture and worker processes over real sockets, folders of small numbered pictures, the numpy scorer; every tenth
frame is flagged and keeps picture and map. Sampled while it runs: resident memory and open files of each process, bytes
of the record a frame. At the end: `edge verify`, and each row has the score of its own picture.
"""

import os
import sqlite3
import statistics
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import text

from edge.ledger.beats import capture_name
from edge.ledger.record import open_engine
from edge.settings import Settings
from edge.supervisor import Supervisor
from tests.lines import number_line, recorded, report, wait_until
from tests.soak.folders import DIFFERENT, long_folder

SAMPLES = 40
START_S = 600.0


@dataclass(frozen=True)
class Sample:
    """resident_mb and files: by process; database_bytes: the record with its write-ahead log."""

    frames: int
    at_s: float
    resident_mb: dict[str, float]
    files: dict[str, int]
    database_bytes: int


def main(
    frames: Annotated[int, typer.Option()] = 500_000,
    cameras: Annotated[int, typer.Option()] = 4,
    limit_s: Annotated[float, typer.Option(help="Stop in order after so long, whatever is done by then.")] = 7200.0,
) -> None:
    """Run, and print the table."""
    os.nice(5)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data=Path(folder) / "data", batch_size=16, credits=64, queue_frames=64)
        parts = [long_folder(Path(folder) / f"cam{number}", frames // cameras) for number in range(1, cameras + 1)]
        names = ["worker", *(capture_name(part.name) for part in parts)]
        line = number_line(settings, *parts)
        try:
            samples = list(watch(line, settings, names, frames=frames, limit_s=limit_s))
        finally:
            line.stop()
        show(samples)
        check(settings, samples[-1].frames)


def watch(line: Supervisor, settings: Settings, names: list[str], *, frames: int, limit_s: float) -> list[Sample]:
    """Samples at equal steps of frames, until the sources end."""
    wait_until(lambda: recorded(settings) > 0, timeout_s=START_S, tick=line.tick)
    began_s = time.monotonic()
    samples: list[Sample] = []
    while not line.captures_done and time.monotonic() - began_s < limit_s:
        line.tick()
        time.sleep(0.2)
        done = last_row(settings)
        if done >= (len(samples) + 0.5) * frames / SAMPLES:
            samples.append(sample(settings, pids(line, names), frames=done, at_s=time.monotonic() - began_s))
            sys.stderr.write(f"{done} frames, {done / samples[-1].at_s:.0f} frames/s\n")
    return samples


def pids(line: Supervisor, names: list[str]) -> dict[str, int]:
    """The process ids of what runs."""
    return {name: pid for name in names if (pid := line.pid(name))}


def file_of(settings: Settings) -> Path:
    """The record's file."""
    assert settings.database.file is not None
    return settings.database.file


def last_row(settings: Settings) -> int:
    """The id of the newest row, which nobody deletes here; counting all of them takes long in the end."""
    with closing(sqlite3.connect(file_of(settings))) as connection:
        return int(connection.execute("SELECT max(id) FROM inspection").fetchone()[0])


def sample(settings: Settings, pids: dict[str, int], *, frames: int, at_s: float) -> Sample:
    """What the processes take at this moment."""
    files = (file_of(settings), file_of(settings).with_name(file_of(settings).name + "-wal"))
    return Sample(
        frames,
        at_s,
        {name: resident_mb(pid) for name, pid in pids.items()},
        {name: len(list(Path(f"/proc/{pid}/fd").iterdir())) for name, pid in pids.items()},
        sum(file.stat().st_size for file in files if file.exists()),
    )


def resident_mb(pid: int) -> float:
    """The resident size of a process, MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))


def show(samples: list[Sample]) -> None:
    """The table: medians of the samples in the second tenth, the middle and the last tenth of the run."""
    tenth = max(1, len(samples) // 10)
    middle = len(samples) // 2
    parts = {"second tenth": samples[tenth : 2 * tenth], "middle": samples[middle : middle + tenth]}
    parts["last tenth"] = samples[-tenth:]
    print_line("part of the run | frames/s | worker MiB | capture MiB | worker files | capture files | bytes a frame")
    for name, some in parts.items():
        first, last = samples[max(0, samples.index(some[0]) - 1)], some[-1]
        rate = (last.frames - first.frames) / (last.at_s - first.at_s)
        growth = (last.database_bytes - first.database_bytes) / (last.frames - first.frames)
        captures = [process for process in some[-1].resident_mb if process != "worker"]
        memory = statistics.median(each.resident_mb["worker"] for each in some)
        files = statistics.median(each.files["worker"] for each in some)
        print_line(
            f"{name} | {rate:.0f} | {memory:.0f} | {max(some[-1].resident_mb[each] for each in captures):.0f} | "
            f"{files:.0f} | {max(some[-1].files[each] for each in captures)} | {growth:.0f}"
        )


def check(settings: Settings, frames: int) -> None:
    """Raise AssertionError unless every frame has its own outcome, in order."""
    found = report(settings)
    assert found.good_while(running=False), found.accounts
    engine = open_engine(settings.database)
    with engine.connect() as connection:
        wrong = "SELECT count(*) FROM inspection WHERE score IS NULL OR score != (seq - 1) % :different + 1"
        count = connection.execute(text(wrong), {"different": DIFFERENT}).scalar_one()
        rows = connection.execute(text("SELECT count(*) FROM inspection")).scalar_one()
    engine.dispose()
    print_line(f"{rows} frames recorded, {count} without the score of their own picture; verify: good")
    assert count == 0
    assert rows >= frames


def print_line(line: str) -> None:
    """One line of the table."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    typer.run(main)
