"""One data folder, one run: the second is told who has it, and a killed one gives it back."""

import os
import signal
import subprocess
import sys
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
