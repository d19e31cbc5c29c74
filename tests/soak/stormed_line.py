"""A line for a storm, under a supervisor that may be killed: `python -m tests.soak.stormed_line FOLDER ...`.

Exit code 0 once every picture of the folders is recorded. Started again after a kill, it goes on with the same run.
"""

import sys
import time
from pathlib import Path

from edge import lock
from edge.hang import Limits
from edge.process_table import Program, Role
from edge.settings import Settings
from tests.lines import number_line

LIMITS = Limits(start_s=60.0, silence_s=3.0, owes_s=60.0)


def main() -> None:
    """Tend the line to its end."""
    settings = Settings.read()
    page = Program("page", Role.PAGE, ["-m", "dashboard.cli"], settings.child_environment(), 5.0)
    settings.data.mkdir(parents=True, exist_ok=True)
    with lock.alone(settings.data, timeout_s=60.0):
        pass  # processes of a supervisor that was killed have ended
    line = number_line(settings, *map(Path, sys.argv[1:]), limits=LIMITS, more=[page])
    while not line.captures_done:
        line.tick()
        time.sleep(0.05)
    line.stop()


if __name__ == "__main__":
    main()
