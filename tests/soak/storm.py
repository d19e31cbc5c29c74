"""Hundreds of SIGKILLs at random moments: `python -m tests.soak.storm [--kills 400] [--seed 1]`.

Real processes over real sockets: two captures that read folders of numbered pictures, the worker with the numpy scorer,
the page. Every now and then one of them is killed, now and then stopped (SIGSTOP) instead, at a random moment; and the
supervisor itself, a process of its own. At the end every numbered frame must have exactly one outcome, by its own
picture, and none may be lost: a folder can be read again. (A capture whose supervisor is gone ends in order; what it
had not sent by then is `stopped`, as on any stop.)
"""

import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.exc import OperationalError

from edge.settings import Settings
from tests.lines import recorded, report, rows
from tests.soak.folders import long_folder, number_at

PARTS = 2
PAUSE_S = (0.1, 2.0)
HARMLESS = ("page", "supervisor")


def main(
    kills: Annotated[int, typer.Option()] = 400,
    frames: Annotated[int, typer.Option(help="In each of the two folders.")] = 20_000,
    seed: Annotated[int, typer.Option()] = 1,
    limit_s: Annotated[float, typer.Option()] = 3600.0,
) -> None:
    """Storm, then account for every frame. Exit code 1 if one is missing, doubled or lost."""
    os.nice(5)
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data=Path(folder) / "data", page_port=8931, queue_frames=16, credits=16)
        parts = [long_folder(Path(folder) / f"cam{number}", frames) for number in range(1, PARTS + 1)]
        storm = Storm(settings, parts, chance)
        storm.rage(kills, until_s=time.monotonic() + limit_s)
        storm.calm()
        storm.account()


class Storm:
    """A line, and what is done to it."""

    def __init__(self, settings: Settings, parts: list[Path], chance: random.Random) -> None:
        self._settings, self._parts, self._chance = settings, parts, chance
        self._done: Counter[str] = Counter()
        self._gaps_s: list[float] = []
        self._supervisor = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        arguments = [sys.executable, "-m", "tests.soak.stormed_line", *map(str, self._parts)]
        environment = os.environ | self._settings.child_environment()
        return subprocess.Popen(arguments, env=environment, stderr=subprocess.DEVNULL)

    def rage(self, kills: int, *, until_s: float) -> None:
        """Kill, until that was often enough, time is up or the line has done its work."""
        self._wait_for_frames(recorded_or_none(self._settings) + 1)
        while self._done.total() < kills and time.monotonic() < until_s:
            if self._supervisor.poll() is not None:
                if self._supervisor.returncode == 0:
                    return  # all pictures were inspected
                self._supervisor = self._start()
            time.sleep(self._chance.uniform(*PAUSE_S))
            self._strike()

    def _strike(self) -> None:
        pids = {"supervisor": self._supervisor.pid, **children(self._supervisor.pid)}
        target = self._chance.choice(sorted(pids))
        if target == "supervisor" and self._chance.random() < 0.7:
            return  # its death costs all others theirs
        stop = target not in HARMLESS and self._chance.random() < 0.1
        before, began_s = recorded_or_none(self._settings), time.monotonic()
        try:
            os.kill(pids[target], signal.SIGSTOP if stop else signal.SIGKILL)
        except ProcessLookupError:
            return
        self._done[f"{'SIGSTOP' if stop else 'SIGKILL'} {target}"] += 1
        if target == "supervisor":
            self._supervisor.wait()
            self._supervisor = self._start()
        if target == "worker":
            self._wait_for_frames(before + self._settings.credits * PARTS + 1)
            self._gaps_s.append(time.monotonic() - began_s)

    def _wait_for_frames(self, wanted: int) -> None:
        until_s = time.monotonic() + 120
        while recorded_or_none(self._settings) < wanted and self._supervisor.poll() is None:
            assert time.monotonic() < until_s, "the line did not come back within two minutes"
            time.sleep(0.02)

    def calm(self) -> None:
        """Let the line finish its work."""
        while self._supervisor.poll() is None or self._supervisor.returncode != 0:
            if self._supervisor.poll() is not None:
                self._supervisor = self._start()
            time.sleep(0.5)

    def account(self) -> None:
        """Print the table. Raises AssertionError if a frame is missing, doubled, lost or has another one's outcome."""
        found, verified = rows(self._settings), report(self._settings)
        reasons = Counter(row.reason for row in found if row.outcome == "not_inspected")
        wrong = [row.seq for row in found if row.outcome != "not_inspected" and row.score != number_at(row.seq)]
        numbered = sum(each.numbered or 0 for each in verified.accounts)
        lines = [f"{what} | {times}" for what, times in sorted(self._done.items())]
        lines += [f"all | {self._done.total()}", f"frames numbered | {numbered}", f"frames recorded | {len(found)}"]
        lines += [f"not inspected: {reason} | {count}" for reason, count in reasons.items()]
        lines += [f"verify good | {verified.good_while(running=False)}", f"with another frame's score | {len(wrong)}"]
        if len(self._gaps_s) > 1:
            p50, p95 = statistics.median(self._gaps_s), statistics.quantiles(self._gaps_s, n=20)[-1]
            lines.append(
                f"worker dead until frames not in flight at its death are recorded, s | p50 {p50:.1f}, p95 {p95:.1f}"
            )
        sys.stdout.write("\n".join(lines) + "\n")
        assert verified.good_while(running=False)
        assert not wrong
        assert reasons.keys() <= {"poison", "stopped"}, "stopped: a capture ends in order once its supervisor is gone"


def children(supervisor: int) -> dict[str, int]:
    """The process ids of a line's processes by name, from their own command lines."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((path / "stat").read_text().rpartition(") ")[2].split()[1])
            words = (path / "cmdline").read_bytes().decode().split("\0")
        except (OSError, ValueError):
            continue
        if parent == supervisor and len(words) > 2:  # a process that has ended, or not quite begun, has none
            name = words[words.index("--name") + 1] if "--name" in words else words[2].rpartition(".")[2]
            found[{"number_worker": "worker", "cli": "page"}.get(name, name)] = int(path.name)
    return found


def recorded_or_none(settings: Settings) -> int:
    """How many rows there are; 0 before there is a record."""
    try:
        return recorded(settings)
    except OperationalError:
        return 0


if __name__ == "__main__":
    typer.run(main)
