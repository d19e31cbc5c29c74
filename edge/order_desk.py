"""Takes orders out of the record, has them done step by step beside the line's work, and writes the answers."""

import logging
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from edge.errors import EdgeError
from edge.ledger.orders import Order, OrderState, answer_order, begin_order, refuse_open, waiting_orders

log = logging.getLogger(__name__)

Steps = Generator[None, None, str]
"""An order being done: no step takes time worth mentioning, what is returned is the answer, an EdgeError refuses.

It may be closed before its end."""

NOT_RUNNING = "the line was not running; ask again"
STOPPED = "the line was stopped before it was done"
STOP = "stop"


class OrderDesk:
    """Does orders of some kinds, one at a time for each camera. For one thread; call `tick` a few times a second.

    A stop waits for no other order: it ends what was asked of its camera before it and is not done yet.
    """

    def __init__(self, kinds: Mapping[str, Callable[[Order], Steps]], *, reads: Engine, writes: Engine) -> None:
        """kinds: how an order of each kind is done; others are left alone. What was asked before now is refused."""
        self._kinds, self._reads, self._writes = kinds, reads, writes
        self._under_way: dict[str | None, tuple[Order, Steps]] = {}  # by camera
        self._answers: deque[tuple[Order, OrderState, str]] = deque()  # that the record does not have yet
        refuse_open(writes, kinds, NOT_RUNNING)

    def tick(self) -> None:
        """Begin what is asked and take each order one step further.

        Raises OperationalError where the record cannot be written now; no answer is lost by that.
        """
        self._deliver()
        with Session(self._reads, expire_on_commit=False) as session:
            asked = waiting_orders(session, self._kinds)
        for order in self._without_overruled(asked):
            if order.camera not in self._under_way:
                log.info("%s asks: %s of %s (%s)", order.asked_by, order.kind, order.camera, order.reason)
                begin_order(self._writes, order.id)
                self._under_way[order.camera] = order, self._kinds[order.kind](order)
        for order, steps in list(self._under_way.values()):
            self._step(order, steps)
        self._deliver()

    def close(self) -> None:
        """Refuse what has no answer yet."""
        for _, steps in self._under_way.values():
            steps.close()
        self._deliver()
        refuse_open(self._writes, self._kinds, STOPPED)

    def _without_overruled(self, asked: Sequence[Order]) -> list[Order]:
        """End what a waiting stop came after, also what is under way; what is left of `asked`."""
        stops = {order.camera: order for order in asked if order.kind == STOP}  # the last one of each camera
        left = list(asked)
        for order in [*(order for order, _ in self._under_way.values()), *asked]:
            stop = stops.get(order.camera)
            if stop is None or order.kind == STOP or order.id > stop.id:
                continue
            if order in left:
                left.remove(order)
            else:
                self._under_way.pop(order.camera)[1].close()
            self._answer(order, OrderState.REFUSED, f"{stop.asked_by} asked for a stop before it was done")
        return left

    def _step(self, order: Order, steps: Steps) -> None:
        try:
            next(steps)
            return
        except StopIteration as end:
            state, answer = OrderState.DONE, str(end.value)
        except EdgeError as error:
            state, answer = OrderState.REFUSED, str(error)
        del self._under_way[order.camera]
        self._answer(order, state, answer)

    def _answer(self, order: Order, state: OrderState, answer: str) -> None:
        log.info("%s of %s: %s, %s", order.kind, order.camera, state, answer)
        self._answers.append((order, state, answer))

    def _deliver(self) -> None:
        while self._answers:
            order, state, answer = self._answers[0]
            answer_order(self._writes, order.id, state, answer)
            self._answers.popleft()
