"""The real worker process with a numpy scorer: `python -m tests.number_worker [DELAY_S [POISON [STUCK [FITS]]]]`."""

import sys

from edge.logs import start_logging
from edge.process import stop_on_signal, supervised
from edge.settings import Settings
from edge.worker import Worker
from tests.fakes import NumberScorer

CATEGORIES = ("numbers", "letters", "lost")
HELD = "held"  # while the data folder holds a file of this name, scoring does not end


def main() -> None:
    delay_s, poison, stuck, fits = map(float, (*sys.argv[1:], *"0000"[len(sys.argv) - 1 :]))
    settings = Settings.read()
    start_logging(settings, "worker")
    scorer = NumberScorer(
        categories=CATEGORIES,
        delay_s=delay_s,
        poison=int(poison) or None,
        stuck=int(stuck) or None,
        fits=int(fits) or None,
        held=settings.data / HELD,
    )
    worker = Worker(settings, scorer, supervised=supervised())
    stop_on_signal(worker.stop)
    worker.run()


if __name__ == "__main__":
    main()
