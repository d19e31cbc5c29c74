"""The longest outage bridged without a lost frame: `python -m tests.outage [--fps 10] [--queue-frames 64]`.

Two network namespaces with a veth cable, the real capture of a camera that cannot wait, the real worker with a numpy
scorer, TCP with CURVE. The cable is cut for longer and longer, silently or by pulling it, and lost frames are counted.
"""

import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer

from tests.fakes import numbered_folder
from tests.lines import recorded, recorded_yet, rows, wait_until
from tests.two_machines import TwoMachines, sleep_until, two_machines

SHARES = (0.25, 0.5, 0.7, 0.8, 0.9, 1.0, 1.2, 1.5)  # of the time that credits and queue last
REST_S = 10.0


def main(fps: Annotated[float, typer.Option()] = 10.0, queue_frames: Annotated[int, typer.Option()] = 4) -> None:
    """Print outages and what each cost."""
    with tempfile.TemporaryDirectory() as folder, two_machines(Path(folder), queue_frames=queue_frames) as machines:
        held_s = (machines.there.credits + queue_frames) / fps
        outages = [(silent, share * held_s) for silent in (True, False) for share in SHARES]
        frames = int(fps * (sum(outage_s + REST_S for _, outage_s in outages) + 600))
        machines.start_worker()
        pictures = numbered_folder(Path(folder) / "live", frames)
        machines.start_capture("live", pictures, "--fps", str(fps), "--overload", "drop-oldest")
        wait_until(lambda: recorded_yet(machines.here) > fps, timeout_s=120)
        sys.stdout.write(f"{fps:g} frames/s, credits 8, queue_frames {queue_frames}: (8 + {queue_frames}) / fps = ")
        sys.stdout.write(f"{held_s:.1f} s\nend of the cable   outage s   lost   first row after s\n")
        for silent, outage_s in outages:
            lost, back_s = cut(machines, silent=silent, outage_s=outage_s)
            kind = "silent" if silent else "unplugged"
            sys.stdout.write(f"{kind:18} {outage_s:8.2f} {lost:6d} {back_s:12.2f}\n")
            sys.stdout.flush()
        machines.captures["live"].terminate()
        machines.captures["live"].wait(30)
        found = machines.report().accounts[0]
        sys.stdout.write(f"numbered {found.numbered}, missing {len(found.missing)}, balanced {found.balanced}\n")


def cut(machines: TwoMachines, *, silent: bool, outage_s: float) -> tuple[int, float]:
    """Cut the cable for so long; frames lost, and how long after its mending the first row came."""
    before = lost_frames(machines)
    began_s = time.monotonic()
    machines.cable.break_silently() if silent else machines.cable.unplug()
    sleep_until(began_s + outage_s)
    at_end = recorded(machines.here)
    machines.cable.mend() if silent else machines.cable.plug()
    mended_s = time.monotonic()
    wait_until(lambda: recorded(machines.here) > at_end, timeout_s=60)
    back_s = time.monotonic() - mended_s
    time.sleep(REST_S)
    return lost_frames(machines) - before, back_s


def lost_frames(machines: TwoMachines) -> int:
    """How many frames are recorded as not inspected."""
    return sum(row.outcome == "not_inspected" for row in rows(machines.here))


if __name__ == "__main__":
    typer.run(main)
