"""What another bundle would have said of the frames that the record kept: which verdicts flip, each way."""

from collections import Counter
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, replace

from calibration.learning.rescore import Rescored, Rescorer, Unseen
from calibration.references.stored_picture import source_of
from calibration.thumbnail import thumbnail
from edge.ledger.reviewed import ReviewedFrame
from edge.verdict import Outcome, Verdict
from edge.vision.bundle import Bundle
from edge.vision.bundle_name import BundleName

THUMBNAIL_SIDE = 420
"""Pixels of a thumbnail's longer side at most."""


@dataclass(frozen=True, slots=True, eq=False)
class Replayed:
    """A stored frame and what the bundle says of it; the map is left out.

    learned:   the frame is itself a reference of the bundle, so its new score says nothing
    thumbnail: JPEG, of a frame that flips
    """

    frame: ReviewedFrame
    verdict: Verdict
    learned: bool
    thumbnail: bytes | None

    @property
    def flips(self) -> bool:
        """Whether the bundle's outcome is another than the recorded one."""
        return self.frame.outcome != self.verdict.outcome


@dataclass(frozen=True, slots=True)
class Replay:
    """Frames of one category, scored again.

    asked:    how many frames were to be scored; fewer were, if it was interrupted
    unkept:   how many more there are that kept no picture, as most `ok` frames do not
    """

    bundle: BundleName
    sha256: str
    asked: int
    replayed: list[Replayed]
    gone: list[Unseen]
    unkept: int

    @property
    def complete(self) -> bool:
        """Whether every frame that was asked for has been scored."""
        return len(self.replayed) == self.asked

    @property
    def interrupted(self) -> bool:
        """Whether it ended before it had looked at every frame."""
        return len(self.replayed) + len(self.gone) < self.asked

    @property
    def flips(self) -> list[Replayed]:
        """Frames with another outcome, by the recorded and the new one, then in order of time."""
        return sorted((each for each in self.replayed if each.flips), key=_turn)

    @property
    def turns(self) -> Counter[tuple[Outcome, Outcome]]:
        """How many frames were recorded as the one and are now the other."""
        return Counter((Outcome(each.frame.outcome), each.verdict.outcome) for each in self.replayed)

    @property
    def largest_change(self) -> float | None:
        """Of frames that this very bundle had judged: the largest difference of scores, which the JPEG alone makes."""
        same = [each for each in self.replayed if each.frame.bundle == self.sha256]
        changes = [_change(each) for each in same]
        return max((change for change in changes if change is not None), default=None)


def run(
    rescorer: Rescorer,
    frames: Sequence[ReviewedFrame],
    *,
    bundle: Bundle,
    unkept: int,
    advance: Callable[[int], None],
) -> Replay:
    """Score the frames, in order; an interrupt (Ctrl-C) ends it with what there is by then.

    bundle: the rescorer's;  unkept: see Replay;  advance: told after each frame
    """
    learned = {reference.source for reference in bundle.manifest.references}
    replayed: list[Replayed] = []
    gone: list[Unseen] = []
    try:
        for result in rescorer.judge(frames):
            if isinstance(result, Unseen):
                gone.append(result)
            else:
                replayed.append(_replayed(result, learned))
            advance(1)
    except KeyboardInterrupt:
        pass  # what was scored by now is worth showing, and says itself that it is not all
    return Replay(bundle.name, bundle.sha256, len(frames), replayed, gone, unkept)


def _replayed(result: Rescored, learned: Container[str]) -> Replayed:
    frame, verdict = result.frame, replace(result.verdict, anomaly_map=None)
    small = thumbnail(result.pixels, side=THUMBNAIL_SIDE) if result.flips else None
    return Replayed(frame, verdict, source_of(frame) in learned, small)


def _turn(each: Replayed) -> tuple[int, int, int]:
    order = list(Outcome)
    return order.index(Outcome(each.frame.outcome)), order.index(each.verdict.outcome), each.frame.id


def _change(each: Replayed) -> float | None:
    if each.frame.score is None or each.verdict.score is None:
        return None
    return abs(each.frame.score - each.verdict.score)
