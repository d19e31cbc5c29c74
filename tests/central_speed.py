"""How fast stations record into one PostgreSQL: `python -m tests.central_speed [--seconds 10]`.

A throwaway cluster with fsync on, on this machine; each station writes groups of rows without pictures, as fast as
it can, one process a station.
"""

import multiprocessing
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import numpy as np
import typer

from edge.database import Database
from edge.frame import FrameInfo
from edge.ledger.record import open_engine
from edge.ledger.schema import prepare
from edge.ledger.writer import Entry, Writer
from edge.verdict import Outcome, Verdict
from tests.postgresql import DURABLE, cluster


def write(url: str, station: str, group: int, seconds: float) -> tuple[int, list[float]]:
    """Groups committed, and how long each took in milliseconds."""
    database = Database(url=url, station=station)
    prepare(database)
    engine = open_engine(database, writes=True)
    took: list[float] = []
    with TemporaryDirectory() as media:
        writer = Writer(engine, Path(media))
        writer.register("run", "top", source="test", category=None)
        until_s, seq = time.monotonic() + seconds, 0
        while time.monotonic() < until_s:
            infos = [FrameInfo("run", "top", seq + each, time.time_ns(), "test") for each in range(1, group + 1)]
            began_s = time.monotonic()
            writer.write([Entry(info, Verdict(Outcome.OK, score=0.1)) for info in infos])
            took.append((time.monotonic() - began_s) * 1000)
            seq += group
    engine.dispose()
    return len(took), took


def main(seconds: Annotated[float, typer.Option(help="For each line of the table.")] = 10.0) -> None:
    """Print a table."""
    with cluster(DURABLE) as running:
        typer.echo("| stations | rows a group | groups/s | rows/s | p50 ms | p95 ms |\n|---|---|---|---|---|---|")
        for stations, group in ((1, 1), (1, 16), (4, 1), (4, 16), (8, 16)):
            url = running.new_database()
            with multiprocessing.get_context("spawn").Pool(stations) as pool:
                jobs = [(url, f"press-{number}", group, seconds) for number in range(stations)]
                told = pool.starmap(write, jobs)
            groups = sum(count for count, _ in told)
            p50, p95 = np.percentile([each for _, took in told for each in took], (50, 95))
            rates = f"{groups / seconds:.0f} | {groups * group / seconds:.0f}"
            typer.echo(f"| {stations} | {group} | {rates} | {p50:.1f} | {p95:.1f} |")
            running.drop(url)


if __name__ == "__main__":
    typer.run(main)
