"""Stored frames judged by another bundle than the one that judged them, by the line's own scorer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from calibration.references.stored_picture import PictureGone, stored_picture
from edge.frame import Pixels
from edge.ledger.reviewed import ReviewedFrame
from edge.settings import Settings
from edge.verdict import Verdict
from edge.vision.bundle import Bundle
from edge.vision.features import Encoder
from edge.vision.scorer import VisionScorer


@dataclass(frozen=True, slots=True, eq=False)
class Rescored:
    """A stored frame with its picture, [H, W, 3] uint8 RGB, and what the bundle says of it."""

    frame: ReviewedFrame
    pixels: Pixels
    verdict: Verdict

    @property
    def flips(self) -> bool:
        """Whether the bundle's outcome is another than the recorded one."""
        return self.frame.outcome != self.verdict.outcome


@dataclass(frozen=True, slots=True)
class Unseen:
    """A frame that could not be scored, and why in a sentence."""

    frame: ReviewedFrame
    why: str


class Rescorer:
    """One bundle, in use or not, with the encoder that it was made with."""

    def __init__(self, encoder: Encoder, bundle: Bundle, settings: Settings) -> None:
        """Raises EdgeError if the bundle was made with another encoder."""
        self._category = bundle.manifest.category
        self._media: Path = settings.media
        self._batch_size = settings.batch_size
        self._scorer = VisionScorer(encoder, settings.bundles)
        self._scorer.use(bundle)

    def judge(self, frames: Sequence[ReviewedFrame]) -> Iterator[Rescored | Unseen]:
        """Each frame scored, in order and in batches as on the line; one whose picture is gone is Unseen."""
        for start in range(0, len(frames), self._batch_size):
            yield from self._judge_together(frames[start : start + self._batch_size])

    def verdict(self, pixels: Pixels) -> Verdict:
        """What the bundle says of a picture, [H, W, 3] uint8 RGB, alone in its batch."""
        return self._scorer.score([pixels], [self._category])[0]

    def _judge_together(self, frames: Sequence[ReviewedFrame]) -> Iterator[Rescored | Unseen]:
        pictures = [self._picture(frame) for frame in frames]
        seen = [picture for picture in pictures if not isinstance(picture, Unseen)]
        verdicts = iter(self._scorer.score(seen, [self._category] * len(seen)))
        for frame, picture in zip(frames, pictures, strict=True):
            yield picture if isinstance(picture, Unseen) else Rescored(frame, picture, next(verdicts))

    def _picture(self, frame: ReviewedFrame) -> Pixels | Unseen:
        try:
            return stored_picture(self._media, frame)
        except PictureGone as error:
            return Unseen(frame, str(error))
