"""Which pictures become references: sharp and well exposed ones, of parts that lie still, each another part."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from statistics import median

import numpy as np

from calibration.lazily import Lazily
from calibration.references.exposure import badly_exposed
from calibration.references.same_part import ALIKE, Likeness, PartsSeen
from edge.errors import EdgeError
from edge.frame import Pixels
from edge.line.camera import Camera
from edge.line.opencv import cv2
from edge.line.picture import read_picture
from edge.line.trigger import Trigger, sharpness, trigger_of

LEAST_SIDE = 32
"""Pixels of a reference's shorter side: a thumbnail, or a damaged file, shows no detail that could be learnt."""

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
    """A reference picture, and where it came from.

    kept:    [H, W, 3] uint8 RGB, or the file where it lies without loss
    learned: it was chosen because the line had flagged it; it widens the bank and has no say in the threshold
    """

    kept: Pixels | Path
    source: str
    learned: bool = False

    @property
    def pixels(self) -> Pixels:
        """[H, W, 3] uint8 RGB."""
        return read_picture(self.kept) if isinstance(self.kept, Path) else self.kept


def pictures_of(references: Sequence[Taken]) -> Sequence[Pixels]:
    """The references' pictures, [H, W, 3] uint8 RGB each, read when asked for."""
    return Lazily(len(references), lambda index: references[index].pixels)


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided on a candidate; `why` says it to a person. A picture taken before may be refused later."""

    source: str
    taken: bool
    why: str


@dataclass(frozen=True, slots=True, eq=False)
class _Reference:
    taken: Taken
    sharp: float
    digest: str
    like: Likeness | None


class References:
    """Collects `wanted` references out of candidates offered one by one."""

    def __init__(self, wanted: int, *, shelf: Path | None = None) -> None:
        """shelf: a folder for the pictures taken, so that thousands need no memory; None: they are kept in memory."""
        self.wanted = wanted
        self.refused = 0
        self._shelf = shelf
        self._references: dict[int, _Reference] = {}
        self._parts = PartsSeen()
        self._seen: list[float] = []
        self._offered = 0

    @property
    def taken(self) -> list[Taken]:
        """The references so far, in the order in which they came."""
        return [reference.taken for reference in self._references.values()]

    @property
    def complete(self) -> bool:
        """Whether there are as many as wanted."""
        return len(self._references) >= self.wanted

    def offer(self, source: str, pixels: Pixels | None) -> list[Decision]:
        """Decide on a candidate, [H, W, 3] uint8 RGB or None if unreadable.

        Once there are enough, those that turn out to be much blurrier than the median, or to show the part of another
        one, are refused after all.
        """
        self._offered += 1
        why = self._why_not(source, pixels)
        like = None if pixels is None or why else self._parts.find(pixels)
        if like is not None and self._parts.is_same(like):
            why = self._same_part(like, source)
        if pixels is None or why:
            self.refused += 1
            return [Decision(source, taken=False, why=why)]
        taken = Taken(pixels if self._shelf is None else self._put(self._shelf, pixels), source)
        self._references[self._offered] = _Reference(taken, self._seen[-1], digest_of(pixels), like)
        self._parts.add(self._offered, pixels)
        decision = Decision(
            source, taken=True, why=f"{len(self._references)} of {self.wanted}{self._alike(like, source)}"
        )
        return [decision, *self._drop_late()] if self.complete else [decision]

    def refuse(self, reference: Taken, why: str) -> Decision:
        """Take back a reference; another candidate is wanted in its place."""
        key = next(key for key, each in self._references.items() if each.taken is reference)
        del self._references[key]
        self._parts.forget(key)
        self.refused += 1
        return Decision(reference.source, taken=False, why=why)

    def _why_not(self, source: str, pixels: Pixels | None) -> str:
        """Why a candidate is refused; empty if it is not."""
        if pixels is None:
            return "not readable as a picture"
        height, width = pixels.shape[:2]
        if min(height, width) < LEAST_SIDE:
            return f"too small: {width} x {height} pixels, at least {LEAST_SIDE} a side are needed"
        digest = digest_of(pixels)
        for key, earlier in self._references.items():
            if earlier.digest == digest:
                return f"the same picture as {self._called(key, source)}"
        if why := badly_exposed(pixels):
            return why
        sharp = sharpness(pixels)
        if sharp < LEAST_SHARPNESS:
            said = _below(sharp, LEAST_SHARPNESS)
            return f"blank or out of focus: sharpness {said}, at least {LEAST_SHARPNESS:g} is needed"
        self._seen.append(sharp)
        return self._blurred(sharp)

    def _blurred(self, sharp: float) -> str:
        typical = median(self._seen)
        if sharp >= LEAST_OF_MEDIAN * typical:
            return ""
        return f"blurred: sharpness {sharp:.0f}, the median is {typical:.0f}"

    def _same_part(self, like: Likeness, source: str) -> str:
        return (
            f"the same part as {self._called(like.key, source)} (unlikeness {max(0, like.unlikeness):.2g}; two parts "
            f"here differ by {self._parts.typical:.2g} in the median)"
        )

    def _alike(self, like: Likeness | None, source: str) -> str:
        """What is added for a picture that may show an earlier one's part, while nothing shows how parts differ."""
        if like is None or like.unlikeness >= ALIKE:
            return ""
        return f"; perhaps the same part as {self._called(like.key, source)} (unlikeness {max(0, like.unlikeness):.2g})"

    def _called(self, key: int, source: str) -> str:
        """How to name a reference beside a candidate: a live camera's pictures all have one source."""
        earlier = self._references[key].taken.source
        return earlier if earlier != source else f"reference {1 + list(self._references).index(key)}"

    def _drop_late(self) -> list[Decision]:
        """Refuse what only shows now that there are enough to compare with."""
        blurred = [each for each in self._references.values() if self._blurred(each.sharp)]
        decisions = [self.refuse(each.taken, self._blurred(each.sharp)) for each in blurred]
        for each in list(self._references.values()):
            if each.like and each.like.key in self._references and self._parts.is_same(each.like):
                decisions.append(self.refuse(each.taken, self._same_part(each.like, each.taken.source)))
        return decisions

    def _put(self, shelf: Path, pixels: Pixels) -> Path:
        path = shelf / f"{self._offered:06}.png"
        if not cv2.imwrite(str(path), cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, 1]):
            raise EdgeError(f"{path} cannot be written. Make room in {shelf.parent}, or set TMPDIR to another folder.")
        return path


def collect(camera: Camera, references: References, trigger: Trigger | None = None) -> Iterator[Decision]:
    """Read the camera until the references are complete; yields what is decided on each candidate, as it happens.

    A camera that sees parts move gives one candidate for each part that comes to rest; any other, every picture.
    trigger: of a camera that was asked before
    Raises EdgeError, with the counts, if the camera ends or too many candidates were refused before that.
    """
    trigger = trigger or trigger_of(continuous=camera.continuous)
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
        f"refused, and {why}. Give sharp, well exposed pictures of more good parts, or ask for fewer with --refs."
    )


def _below(value: float, limit: float) -> str:
    """With so many decimals that a value below a limit does not read as the limit."""
    decimals = next((each for each in range(1, 6) if round(value, each) < limit), 6)
    return f"{value:.{decimals}f}"


def digest_of(pixels: Pixels) -> str:
    """Equal for pictures that are equal to the pixel."""
    return sha256(repr(pixels.shape).encode() + np.ascontiguousarray(pixels).tobytes()).hexdigest()
