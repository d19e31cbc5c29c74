"""Which frames are scored together: what has arrived when the scorer is free, in fair turns over the cameras."""

import threading
from collections import OrderedDict, deque
from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Batcher(Generic[T]):
    """A queue per camera. A batch takes one item of each camera in turn, oldest first, and never waits to be full.

    While one batch is scored the next one gathers, so a busy line fills its batches and an idle one has no delay.
    Within a camera the order is kept. What bounds the queues is the cameras' credit.
    """

    def __init__(self, *, batch_size: int) -> None:
        self._batch_size = batch_size
        self._queues: OrderedDict[Hashable, deque[T]] = OrderedDict()
        self._ready = threading.Condition()
        self._closed = False

    def put(self, camera: Hashable, item: T) -> None:
        """Add an item at the end of its camera's queue."""
        with self._ready:
            self._queues.setdefault(camera, deque()).append(item)
            self._ready.notify()

    def take(self) -> list[T]:
        """Wait for items; returns 1..batch_size of them, or none once the batcher is closed and empty."""
        with self._ready:
            self._ready.wait_for(lambda: self._closed or any(self._queues.values()))
            batch: list[T] = []
            while len(batch) < self._batch_size and any(self._queues.values()):
                self._one_turn(batch)
            return batch

    def close(self) -> None:
        """Let `take` return what is left, then empty batches."""
        with self._ready:
            self._closed = True
            self._ready.notify_all()

    def _one_turn(self, batch: list[T]) -> None:
        for camera in list(self._queues):
            if len(batch) == self._batch_size:
                return
            if self._queues[camera]:
                batch.append(self._queues[camera].popleft())
                self._queues.move_to_end(camera)  # who was served comes last in the next batch
