"""One data folder, one run: the second is told who has it, and a killed one gives it back."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from edge import lock
from edge.errors import EdgeError

HOLD = """
import sys, time
from pathlib import Path
from edge import lock
with lock.hold(Path(sys.argv[1]), run="first"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_run_on_a_data_folder_is_refused_until_the_first_has_ended_however_it_ended(tmp_path: Path) -> None:
    first = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert first.stdout is not None
    assert first.stdout.readline() == "held\n"
    assert lock.held(tmp_path)
    with pytest.raises(EdgeError, match=f"process {first.pid}, run first"), lock.hold(tmp_path, run="second"):
        pass
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    first.stdout.close()
    with lock.hold(tmp_path, run="second"):
        assert lock.held(tmp_path)


def test_a_run_starts_while_somebody_asks_whether_one_runs(tmp_path: Path) -> None:
    """`edge verify` and `edge status` hold the lock for as long as it takes to see that they can."""
    asks = os.open(tmp_path / lock.RUN, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
    fcntl.flock(asks, fcntl.LOCK_SH)
    with ThreadPoolExecutor() as pool:
        pool.submit(lambda: (time.sleep(0.2), os.close(asks)))
        with lock.hold(tmp_path, run="first"):
            pass
