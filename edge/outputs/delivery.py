"""One output's way through the outbox: take what waits, deliver it, forget it; when that fails, wait and try again.

Nothing is passed over for ever: what the receiver refuses is set aside for a while, so that the others get through.
"""

import logging
import math
import random
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from edge.ledger.outbox import Waiting, backlog, delivered, give_up_oldest, waiting
from edge.outputs.messages import OutputHealth, Result, moment, result_of

log = logging.getLogger(__name__)

BATCH = 100
POLL_S = 0.05
FORGET_EVERY_S = 0.5  # a kill repeats what is not forgotten yet; each time takes the writer's lock
HEALTH_EVERY_S = 5.0
DRAIN_S = 2.0
BACKOFF_S = 0.25
MOST_REFUSED = 20  # in a row: more are not asked about before a wait, since it may not be the results that are wrong
MOST_ASIDE = 10_000
AGAIN_AT_ONCE = MOST_REFUSED // 2  # refused results that are tried again in one batch, before those never tried


class NotDelivered(Exception):
    """The receiver cannot be reached, or takes nothing: the message says which one and why."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The receiver answers and takes others, but not this result."""

    why: str


class Sender(Protocol):
    """Brings results to somebody. Used by one thread."""

    def send(self, results: Sequence[Result]) -> Iterator[Refused | None]:
        """Deliver in order; gives None for each that has arrived. Raises NotDelivered: this one and all after it wait.

        What was delivered before that may be asked for again.
        """

    def tend(self) -> None:
        """Keep a connection alive while nothing is to be sent. Raises NotDelivered."""

    def close(self) -> None:
        """Let go of the connection, if there is one."""


def backoff_s(failures: int, *, most_s: float) -> float:
    """How long to wait after so many failures in a row; by chance up to half of it less, so that not all come at once.

    failures: 1 or more
    """
    return min(most_s, BACKOFF_S * 2.0 ** min(failures - 1, 16)) * random.uniform(0.5, 1.0)


class Delivery:
    """The delivery to one output, on its own thread: `run`."""

    def __init__(
        self, output: str, sender: Sender, *, station: str, reads: Engine, writes: Engine, most_backoff_s: float
    ) -> None:
        """most_backoff_s: how long it waits at most before it tries again, and always for a result that is refused."""
        self.output = output
        self._sender, self._station, self._reads, self._writes = sender, station, reads, writes
        self._most_backoff_s = most_backoff_s
        self._stop = threading.Event()
        self._until_s = math.inf  # monotonic: when no other result is begun
        self._done: set[int] = set()  # delivered, and still in the outbox
        self._aside: dict[int, float] = {}  # refused: when to try again
        self._refused = 0  # in a row
        self._failures = 0
        self._failing: str | None = None
        self._given_up = 0
        self._looked_s = self._forgot_s = 0.0
        self.health = OutputHealth(waiting=0, oldest=None, failing=None, refused=0, given_up=0)

    def run(self) -> None:
        """Deliver until `stop`, and then for two seconds what is there already, unless it fails."""
        try:
            while not self._stop.is_set():
                if not self._try():
                    self._stop.wait(POLL_S)
            while time.monotonic() < self._until_s and self._try():
                pass
            self._forget()
        except OperationalError as error:
            log.warning("%s: %d results will be told again; the record: %s", self.output, len(self._done), error.orig)
        finally:
            self._sender.close()

    def stop(self) -> None:
        """Let `run` end, in two seconds and the time of one answer."""
        self._until_s = time.monotonic() + DRAIN_S
        self._stop.set()

    def _try(self) -> bool:
        """Deliver some of what waits; whether there may be more. What fails is noted, and waited for."""
        try:
            more = self._deliver()
        except (NotDelivered, OperationalError) as error:
            self._fail(f"the record: {error.orig}" if isinstance(error, OperationalError) else str(error))
            self._stop.wait(backoff_s(self._failures, most_s=self._most_backoff_s))
            return False
        if self._refused < MOST_REFUSED:
            self._recover()
        return more

    def _deliver(self) -> bool:
        self._keep_up()
        self._let_back()
        batch = waiting(self._reads, self.output, limit=BATCH, but=self._aside.keys() | self._done)
        if not batch:
            self._sender.tend()
            return False
        answers = self._sender.send([result_of(one, station=self._station) for one in batch])
        for one, refused in zip(batch, answers, strict=True):
            self._note(one, refused)
            self._keep_up()
            if time.monotonic() > self._until_s:
                return False
        return True

    def _keep_up(self) -> None:
        """What is due, also within a batch: one of slow answers takes minutes."""
        self._look()
        if time.monotonic() - self._forgot_s > FORGET_EVERY_S:
            self._forget()

    def _let_back(self) -> None:
        """Of what was refused, let some be tried again; not all, or those never tried might not get through."""
        due = [row_id for row_id, due_s in self._aside.items() if due_s <= time.monotonic()]
        for row_id in due[:AGAIN_AT_ONCE]:
            del self._aside[row_id]

    def _note(self, one: Waiting, refused: Refused | None) -> None:
        if refused is None:
            self._done.add(one.id)
            self._refused = 0
            return
        row = one.inspection
        name = f"{row.run.name}/{row.camera.name}/{row.seq}"
        log.error("%s refuses %s, which is tried again: %s", self.output, name, refused.why)
        self._aside[one.id] = time.monotonic() + self._most_backoff_s
        self._refused += 1
        if self._refused % MOST_REFUSED == 0 or len(self._aside) >= MOST_ASIDE:
            raise NotDelivered(f"results are refused, the last because: {refused.why}")

    def _forget(self) -> None:
        """Take what was delivered out of the outbox. Raises OperationalError; it is not sent again meanwhile."""
        if self._done:
            delivered(self._writes, self._done)
            self._done.clear()
        self._forgot_s = time.monotonic()

    def _look(self) -> None:
        """Now and then: how much waits, and whether it is too much."""
        if time.monotonic() - self._looked_s < HEALTH_EVERY_S:
            return
        self._looked_s = time.monotonic()
        given_up = give_up_oldest(self._writes, self.output)
        if given_up:
            self._given_up += given_up
            log.error("%s: too many results wait; the oldest %d are given up", self.output, given_up)
        self._tell_health()

    def _tell_health(self) -> None:
        found = backlog(self._reads, self.output)
        self.health = OutputHealth(
            waiting=found.waiting,
            oldest=None if found.oldest_ns is None else moment(found.oldest_ns),
            failing=self._failing,
            refused=len(self._aside),
            given_up=self._given_up,
        )

    def _fail(self, why: str) -> None:
        self._failures += 1
        if why != self._failing:
            log.warning("%s: %s; results wait, and are tried again", self.output, why)
            self._failing = why
            self.health = self.health.model_copy(update={"failing": why})

    def _recover(self) -> None:
        self._failures = 0
        if self._failing is not None:
            log.info("%s: delivers again", self.output)
            self._failing = None
            self._looked_s = 0.0
