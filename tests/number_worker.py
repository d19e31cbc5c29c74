"""The real worker process with a scorer that needs no torch: `python -m tests.number_worker [DELAY_S [POISON]]`."""

import sys

from edge.logs import start_logging
from edge.process import stop_on_signal
from edge.settings import Settings
from edge.worker import Worker
from tests.fakes import NumberScorer

CATEGORIES = ("numbers", "letters", "lost")
STUCK = "stuck"  # while the data folder holds a file of this name, scoring does not end


def main() -> None:
    delay_s = float(sys.argv[1]) if len(sys.argv) > 1 else 0.0
    poison = int(sys.argv[2]) if len(sys.argv) > 2 else None
    settings = Settings.read()
    start_logging(settings, "worker")
    stuck = settings.data / STUCK
    scorer = NumberScorer(categories=CATEGORIES, delay_s=delay_s, poison=poison, stuck=stuck)
    worker = Worker(settings, scorer)
    stop_on_signal(worker.stop)
    worker.run()


if __name__ == "__main__":
    main()
