"""Which pictures become references: sharp ones, of parts that lie still, each another picture."""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

import numpy as np

from edge.errors import EdgeError
from edge.frame import Pixels
from edge.line.camera import Camera
from edge.line.trigger import Every, Still, sharpness

LEAST_SHARPNESS = 4.0
"""Below it a picture shows nothing at all: a covered lens, or light that is off."""

LEAST_OF_MEDIAN = 0.25
"""Share of the median sharpness that a candidate needs."""

MOST_REFUSED = 10
"""Refused candidates for each reference wanted, after which collecting ends."""

SETTLING_FRAMES = 15
"""Frames that a live camera is given to set its exposure before that is locked."""


@dataclass(frozen=True, slots=True, eq=False)
class Taken:
    """A reference picture: [H, W, 3] uint8 RGB, and where it came from.

    learned: it was chosen because the line had flagged it; it widens the bank and has no say in the threshold
    """

    pixels: Pixels
    source: str
    learned: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided on a candidate; `why` says it to a person. A picture taken before may be refused later."""

    source: str
    taken: bool
    why: str


class References:
    """Collects `wanted` references out of candidates offered one by one."""

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self._taken: list[tuple[Taken, float]] = []
        self._seen: list[float] = []
        self.refused = 0

    @property
    def taken(self) -> list[Taken]:
        """The references so far, in the order in which they came."""
        return [reference for reference, _ in self._taken]

    @property
    def complete(self) -> bool:
        """Whether there are as many as wanted."""
        return len(self._taken) >= self.wanted

    def offer(self, source: str, pixels: Pixels | None) -> list[Decision]:
        """Decide on a candidate, [H, W, 3] uint8 RGB or None if unreadable.

        Once there are enough, those that turn out to be much blurrier than the median are refused after all.
        """
        why = self._why_not(pixels)
        if pixels is None or why:
            self.refused += 1
            return [Decision(source, taken=False, why=why)]
        self._taken.append((Taken(pixels, source), self._seen[-1]))
        decision = Decision(source, taken=True, why=f"{len(self._taken)} of {self.wanted}")
        return [decision, *self._drop_blurred()] if self.complete else [decision]

    def _why_not(self, pixels: Pixels | None) -> str:
        """Why a candidate is refused; empty if it is not."""
        if pixels is None:
            return "not readable as a picture"
        for earlier in self.taken:
            if np.array_equal(earlier.pixels, pixels):
                return f"the same picture as {earlier.source}"
        sharp = sharpness(pixels)
        if sharp < LEAST_SHARPNESS:
            return f"blank or out of focus: sharpness {sharp:.1f}, at least {LEAST_SHARPNESS:g} is needed"
        self._seen.append(sharp)
        return self._blurred(sharp)

    def _blurred(self, sharp: float) -> str:
        typical = median(self._seen)
        if sharp >= LEAST_OF_MEDIAN * typical:
            return ""
        return f"blurred: sharpness {sharp:.0f}, the median is {typical:.0f}"

    def _drop_blurred(self) -> list[Decision]:
        dropped = [(taken, sharp) for taken, sharp in self._taken if self._blurred(sharp)]
        self._taken = [pair for pair in self._taken if not self._blurred(pair[1])]
        self.refused += len(dropped)
        return [Decision(taken.source, taken=False, why=self._blurred(sharp)) for taken, sharp in dropped]


def collect(camera: Camera, references: References) -> Iterator[Decision]:
    """Read the camera until the references are complete; yields what is decided on each candidate, as it happens.

    A camera that sees parts move gives one candidate for each part that comes to rest; any other, every picture.
    Raises EdgeError, with the counts, if the camera ends or too many candidates were refused before that.
    """
    trigger = Still() if camera.continuous else Every()
    while not references.complete:
        if references.refused >= MOST_REFUSED * references.wanted:
            raise too_few(camera, references, "too many were refused")
        shot = camera.read()
        if shot is None:
            raise too_few(camera, references, "there are no more pictures")
        if shot.pixels is None or trigger.feed(shot.pixels):
            yield from references.offer(shot.source, shot.pixels)


def settle(camera: Camera) -> dict[str, float]:
    """Let a live camera set its exposure, then lock it; what was locked. Does nothing to a source that can wait."""
    if camera.can_wait:
        return {}
    for _ in range(SETTLING_FRAMES):
        camera.read()
    return camera.lock_controls()


def too_few(camera: Camera, references: References, why: str) -> EdgeError:
    """The error for references that did not come together."""
    return EdgeError(
        f"{camera.source}: {len(references.taken)} of {references.wanted} references, {references.refused} candidates "
        f"refused, and {why}. Give more or sharper pictures of good parts, or ask for fewer with --refs."
    )
