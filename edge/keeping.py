"""Keeps pictures within their age and budget, and the disk from filling up, beside the line's work."""

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from edge import lock
from edge.errors import EdgeError
from edge.ledger.damage import Damaged
from edge.ledger.ownership import own
from edge.ledger.retention import DAY_NS, KeptPicture, Limits, Why, Worth, least_valued, too_old
from edge.ledger.room import Room
from edge.ledger.trimming import Folders, ids_of, kept_bytes, kept_pictures, sweep, trim, weigh
from edge.settings import Settings
from edge.vision.bundle_sources import frames_taught

log = logging.getLogger(__name__)

EVERY_S = 60.0
BUDGET_SLACK, RESERVE_SLACK = 0.01, 0.1  # so much more goes at once, so that not every picture asks for the next look
IN_VAIN_S = 60.0  # after pictures went and the disk was as full as before


@dataclass(frozen=True, slots=True)
class Step:
    """Pictures that go for one reason, in their order."""

    why: Why
    pictures: list[KeptPicture]

    @property
    def bytes(self) -> int:
        """What they take, with their maps."""
        return _bytes(self.pictures)


class Keeper:
    """Removes what may not stay. For one thread."""

    def __init__(
        self,
        settings: Settings,
        *,
        writes: Engine,
        reads: Engine,
        room: Room,
        ended: Callable[[], bool] = lambda: False,
    ) -> None:
        """writes: opened with `writes=True`;  ended: asked now and then whether to leave the rest

        Raises EdgeError if the pictures are not the record's, see `own`.
        """
        self._data, self._bundles, self._room = settings.data, settings.bundles, room
        self._folders = Folders(settings.media, settings.thumbnails)
        self._writes, self._reads, self._ended = writes, reads, ended
        budget = settings.media_budget
        self._limits = Limits(settings.keep_days, settings.keep_sample_days, None if budget is None else int(budget))
        own(reads, settings.media)

    def weigh(self) -> None:
        """Note how large the pictures are that an earlier version kept; nothing can be planned before."""
        with lock.media(self._data):
            weigh(self._writes, self._folders.media, ended=self._ended)

    def sweep(self) -> list[str]:
        """Remove what a killed trimming left; the files that those were."""
        with lock.media(self._data):
            return sweep(self._writes, self._folders.media, ended=self._ended)

    def plan(self, *, now_ns: int, only_reserve: bool = False) -> list[Step]:
        """What would go now, and why; only_reserve: whatever age and budget say."""
        limits = Limits() if only_reserve else self._limits
        taught = ids_of(self._reads, frames_taught(self._bundles))
        steps = []
        if ages := [days for days in (limits.keep_days, limits.keep_sample_days) if days is not None]:
            pictures = kept_pictures(self._reads, taught, before_ns=now_ns - min(ages) * DAY_NS)
            steps.append(Step(Why.AGE, too_old(pictures, limits, now_ns=now_ns)))
        if limits.budget_bytes is not None:
            over_bytes = kept_bytes(self._reads) - _freed(steps) - limits.budget_bytes
            wanted_bytes = over_bytes + int(limits.budget_bytes * BUDGET_SLACK) if over_bytes > 0 else 0
            steps.append(Step(Why.BUDGET, least_valued(self._others(steps, taught), wanted_bytes)))
        short_bytes = self._room.short_bytes - _freed(steps)
        wanted_bytes = short_bytes + int(self._room.reserve_bytes * RESERVE_SLACK) if short_bytes > 0 else 0
        spared = Worth.CONFIRMED  # whatever fills the disk must not cost these
        steps.append(Step(Why.RESERVE, least_valued(self._others(steps, taught), wanted_bytes, below=spared)))
        return [step for step in steps if step.pictures]

    def carry_out(
        self, steps: Iterable[Step], *, now_ns: int, told: Callable[[int, int], None] = lambda done, total: None
    ) -> None:
        """Remove these pictures. told: how many of how many of a step are gone.

        Raises EdgeError if the folder is no longer theirs: its disk may have been unmounted.
        """
        with lock.media(self._data):
            own(self._reads, self._folders.media)
            for step in steps:
                freed_bytes = trim(
                    self._writes, self._folders, step.pictures, step.why, now_ns=now_ns, told=told, ended=self._ended
                )
                log.info("%.1f MB of pictures were removed: %s", freed_bytes / 1e6, step.why.value)
                if self._ended():
                    break

    def _others(self, steps: Iterable[Step], taught: set[int]) -> Iterable[KeptPicture]:
        chosen = {picture.id for step in steps for picture in step.pictures}
        return (picture for picture in kept_pictures(self._reads, taught) if picture.id not in chosen)


class KeepingThread:
    """A line's keeper: looks at the disk at every tick, and at age and budget once a minute. Never ends the line."""

    def __init__(self, room: Room, open_keeper: Callable[[], Keeper]) -> None:
        """open_keeper: called at the first tick, and again as long as it raises EdgeError"""
        self._room, self._open_keeper = room, open_keeper
        self._keeper: Keeper | None = None
        self._looked_s = self._in_vain_s = float("-inf")

    def tick(self) -> None:
        """Do what is due; what hinders it is logged, and tried again a minute later. Raises Damaged."""
        now_s = time.monotonic()
        due = now_s - self._looked_s > EVERY_S
        short = self._room.short_bytes > 0 and now_s - self._in_vain_s > IN_VAIN_S
        if not due and not (short and self._keeper):
            return
        try:
            self._keep(only_reserve=not due)
        except Damaged:
            raise
        except (EdgeError, OperationalError, OSError) as error:
            log.error("pictures cannot be trimmed now: %s", error)
            self._in_vain_s = now_s
        if due:
            self._looked_s = now_s

    def _keep(self, *, only_reserve: bool) -> None:
        if self._keeper is None:
            keeper = self._open_keeper()
            keeper.weigh()
            if swept := keeper.sweep():
                log.info("%d files that a killed trimming had left were removed", len(swept))
            self._keeper = keeper
        free_bytes, now_ns = self._room.free_bytes, time.time_ns()
        steps = self._keeper.plan(now_ns=now_ns, only_reserve=only_reserve)
        self._keeper.carry_out(steps, now_ns=now_ns)
        self._judge(sum(step.bytes for step in steps if step.why is Why.RESERVE), free_bytes)

    def _judge(self, removed_bytes: int, free_before_bytes: int) -> None:
        """Say so if the disk is as full as before, and rest: what fills it may cost no more pictures than it must."""
        if not self._room.short_bytes:
            return
        free_bytes = self._room.free_bytes
        if free_bytes - free_before_bytes < removed_bytes / 2 or not removed_bytes:
            self._in_vain_s = time.monotonic()
            log.error(
                "the disk has %.0f MB left, and %.0f MB should be: %s. Below %.0f MB frames are recorded without their "
                "picture. Make room on it.",
                free_bytes / 1e6,
                self._room.reserve_bytes / 1e6,
                "removing pictures did not help" if removed_bytes else "no picture is left that may be removed",
                self._room.reserve_bytes / 2e6,
            )


def _bytes(pictures: Iterable[KeptPicture]) -> int:
    return sum(picture.media_bytes for picture in pictures)


def _freed(steps: Iterable[Step]) -> int:
    return sum(step.bytes for step in steps)
