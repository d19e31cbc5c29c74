"""What finding costs the line's writer: `python -m tests.writer_speed FOLDER`.

Copies the record of a data folder (see tests/big_record.py) twice, drops the indexes of migration r0009 in one of them,
and lets the line's own writer add rows to both by turns, in groups as the worker commits them. Prints rows a second
with and without, and the median ratio of the turns.
"""

import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import text

from edge.frame import FrameInfo, PartIdentity
from edge.ledger.record import open_engine
from edge.ledger.writer import Entry, Writer
from edge.settings import Settings
from edge.verdict import Outcome, Verdict

INDEXES = ("captured_ns", "part", "lot", "serial")
TURNS, GROUPS, GROUP = 12, 60, 8


def command(folder: Annotated[Path, typer.Argument(help="Data folder with a record.")]) -> None:
    """Compare the writer's rows a second with and without the indexes that searches use."""
    with tempfile.TemporaryDirectory(dir=folder) as where:
        writers = {name: writer(folder, Path(where) / name, indexed=name == "with") for name in ("with", "without")}
        rates: dict[str, list[float]] = {name: [] for name in writers}
        for turn in range(TURNS):
            for name, each in writers.items():
                rates[name].append(rate(each, first=1 + turn * GROUPS * GROUP))
    for name, found in rates.items():
        typer.echo(f"{name:>8} {statistics.median(found):8.0f} rows/s")
    ratio = statistics.median(a / b for a, b in zip(rates["with"], rates["without"], strict=True))
    typer.echo(f"{'ratio':>8} {ratio:8.3f}")


def writer(folder: Path, copy: Path, *, indexed: bool) -> Writer:
    """The line's writer on a copy of the record."""
    copy.mkdir()
    shutil.copy(Settings(data=folder).database.file, Settings(data=copy).database.file)
    engine = open_engine(Settings(data=copy).database, writes=True)
    with engine.begin() as connection:
        for column in () if indexed else INDEXES:
            connection.execute(text(f"DROP INDEX ix_inspection_{column}"))
    made = Writer(engine, copy / "media")
    made.register("speed", "top", source="demo:top", category="pcb")
    return made


def rate(made: Writer, *, first: int) -> float:
    """Rows a second of some groups, from number `first` on."""
    began = time.perf_counter()
    for start in range(first, first + GROUPS * GROUP, GROUP):
        made.write([entry(seq) for seq in range(start, start + GROUP)])
    return GROUPS * GROUP / (time.perf_counter() - began)


def entry(seq: int) -> Entry:
    """A passed part with all its numbers."""
    identity = PartIdentity("PCB-2041", f"PCB-L{seq // 500:04}", f"SN9{seq:07}")
    verdict = Verdict(
        Outcome.OK, score=0.2, threshold=0.5, head_scores={"neighbourhood": 0.2}, category="pcb", bundle="2b" * 32
    )
    return Entry(FrameInfo("speed", "top", seq, time.time_ns(), "demo:top", identity), verdict)


if __name__ == "__main__":
    typer.run(command)
