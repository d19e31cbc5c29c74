"""What a capture still owes the worker, in order of sequence numbers. Pure bookkeeping: no sockets, no clocks.

A numbered frame is in exactly one place: waiting (never sent), lost (will never be sent, only told), or out (sent and
not acknowledged). Acknowledged means committed; only then the outbox forgets it. Only a waiting frame may be dropped.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from edge.frame import Frame
from edge.line.message import NOTICE_FRAMES
from edge.settings import Overload
from edge.verdict import Reason

MOST_TOLD = 2 * NOTICE_FRAMES


@dataclass(frozen=True, slots=True)
class Lost:
    """Frames first..last (both included) that were numbered and will never be sent."""

    first: int
    last: int
    reason: Reason


Item = Frame | Lost


class Outbox:
    """The frames of one camera between its journal and the worker's acknowledgement."""

    def __init__(self, policy: Overload, *, capacity: int) -> None:
        """capacity: most frames waiting; with `wait` the caller asks `full` before it reads the next frame."""
        self._policy = policy
        self._capacity = capacity
        self._again: deque[Item] = deque()  # was sent to a worker that is gone; never dropped
        self._waiting: deque[Item] = deque()
        self._frames_waiting = 0
        self._out: dict[int, Frame] = {}
        self._told: dict[int, Reason] = {}

    @property
    def full(self) -> bool:
        """Whether one more frame would exceed the capacity."""
        return self._frames_waiting >= self._capacity

    @property
    def empty(self) -> bool:
        """Whether every frame ever put in was acknowledged."""
        return not (self._again or self._waiting or self._out or self._told)

    @property
    def frames_out(self) -> int:
        """How many frames are sent and not acknowledged: the credit in use."""
        return len(self._out)

    @property
    def frames_held(self) -> int:
        """How many frames, with their pixels, are kept until they are acknowledged."""
        return self._frames_waiting + len(self._out) + sum(isinstance(item, Frame) for item in self._again)

    def put(self, frame: Frame) -> None:
        """Take a numbered frame; if that is one too many, the overload policy decides which frame is lost."""
        if self.full and self._policy == "drop-newest":
            self.lose(frame.info.seq, frame.info.seq, Reason.OVERLOAD)
            return
        if self.full and self._policy == "drop-oldest":
            self._drop_oldest()
        self._waiting.append(frame)
        self._frames_waiting += 1

    def lose(self, first: int, last: int, reason: Reason) -> None:
        """Note that the newest frames first..last will never be sent."""
        self._waiting.append(Lost(first, last, reason))
        self._waiting = _merged(self._waiting)

    def give_up_waiting(self, reason: Reason) -> None:
        """Turn every frame that was never sent into a lost one (the line stops)."""
        self._waiting = _merged(_lost(item, reason) for item in self._waiting)
        self._frames_waiting = 0

    def next(self, *, credits: int) -> Item | None:
        """The next item to send, strictly by sequence number; None if there is none or a frame lacks credit.

        Notices cost no credit; no further one goes out while MOST_TOLD frames or more are told and not acknowledged.
        """
        queue = self._again or self._waiting
        if not queue:
            return None
        item = queue[0]
        if isinstance(item, Lost):
            return None if len(self._told) >= MOST_TOLD else self._take_notice(queue, item)
        if len(self._out) >= credits:
            return None
        queue.popleft()
        if queue is self._waiting:
            self._frames_waiting -= 1
        self._out[item.info.seq] = item
        return item

    def acknowledge(self, first: int, last: int) -> None:
        """Frames first..last are committed; numbers that are not out are ignored, however many they are."""
        for sent in (self._out, self._told):
            for seq in [seq for seq in sent if first <= seq <= last]:
                del sent[seq]

    def start_over(self, *, committed: int) -> None:
        """A new worker answered: forget what it has recorded (all up to `committed`), send the rest again, in order."""
        told: list[Item] = [Lost(seq, seq, reason) for seq, reason in self._told.items()]
        back: list[Item] = [*self._out.values(), *told, *self._again]
        kept = (_after(item, committed) for item in sorted(back, key=_first))
        self._again = _merged(item for item in kept if item)
        self._out.clear()
        self._told.clear()
        self._waiting = deque(item for item in (_after(item, committed) for item in self._waiting) if item)
        self._frames_waiting = sum(isinstance(item, Frame) for item in self._waiting)

    def give_up(self, refused: Callable[[Frame], bool], reason: Reason) -> None:
        """Turn the frames that the new worker takes never into lost ones; after `start_over`, when none is out."""
        self._again, self._waiting = (
            _merged(_lost(item, reason) if isinstance(item, Frame) and refused(item) else item for item in queue)
            for queue in (self._again, self._waiting)
        )
        self._frames_waiting = sum(isinstance(item, Frame) for item in self._waiting)

    def _drop_oldest(self) -> None:
        items = list(self._waiting)
        oldest = next(index for index, item in enumerate(items) if isinstance(item, Frame))
        items[oldest] = _lost(items[oldest], Reason.OVERLOAD)
        self._waiting = _merged(items)
        self._frames_waiting -= 1

    def _take_notice(self, queue: deque[Item], item: Lost) -> Lost:
        queue.popleft()
        last = min(item.last, item.first + NOTICE_FRAMES - 1)
        if last < item.last:
            queue.appendleft(Lost(last + 1, item.last, item.reason))
        self._told.update(dict.fromkeys(range(item.first, last + 1), item.reason))
        return Lost(item.first, last, item.reason)


def _first(item: Item) -> int:
    return item.first if isinstance(item, Lost) else item.info.seq


def _lost(item: Item, reason: Reason) -> Lost:
    return item if isinstance(item, Lost) else Lost(item.info.seq, item.info.seq, reason)


def _after(item: Item, committed: int) -> Item | None:
    """What is left of an item when everything up to `committed` is done."""
    if isinstance(item, Frame):
        return item if item.info.seq > committed else None
    return Lost(max(item.first, committed + 1), item.last, item.reason) if item.last > committed else None


def _merged(items: Iterable[Item]) -> deque[Item]:
    """The same items with adjoining losses of one reason joined, so that a long outage stays one range."""
    result: deque[Item] = deque()
    for item in items:
        last = result[-1] if result else None
        if (
            isinstance(item, Lost)
            and isinstance(last, Lost)
            and (last.last + 1, last.reason) == (item.first, item.reason)
        ):
            result[-1] = Lost(last.first, item.last, item.reason)
        else:
            result.append(item)
    return result
