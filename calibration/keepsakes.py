"""What a bundle keeps of the parts that calibration was shown, for the line: bands, and pictures for `edge check`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from calibration.known_parts import Scores, Shown, look, pixels_of
from calibration.normal import NormalLearner
from calibration.references.collect import digest_of
from edge.frame import Pixels
from edge.vision.bundle import PLACE_FILE
from edge.vision.features import Encoder
from edge.vision.heads import Heads
from edge.vision.manifest import Kept
from edge.vision.normal import Normal
from edge.vision.scene import PLAIN, Scene


@dataclass(frozen=True, slots=True, eq=False)
class Keepsakes:
    """For the manifest, and the pictures by their path in the bundle."""

    normal: Normal
    check: tuple[Kept, ...]
    pictures: dict[str, Pixels]


@dataclass(slots=True, eq=False)
class Extremes:
    """Of parts that come one by one, those with the lowest and with the highest scores; holds no others."""

    lowest: int
    highest: int
    parts: list[tuple[float, Shown]] = field(default_factory=list)

    def add(self, part: Shown, score: float) -> None:
        """Take in one more part, and let go of one in the middle if there are too many."""
        self.parts.append((score, part))
        self.parts.sort(key=lambda pair: pair[0])
        if len(self.parts) > self.lowest + self.highest:
            del self.parts[self.lowest]


@dataclass(frozen=True, slots=True)
class KeptBefore:
    """Known parts whose pictures the bundle before kept; kept again where none of their kind are shown anew.

    A defect that was caught and would now be `ok` is kept in any case.
    caught_by: by a picture's digest, the bundle that last flagged it
    """

    good: Sequence[Shown] = ()
    bad: Sequence[Shown] = ()
    caught_by: Mapping[str, str] = field(default_factory=dict)


class Keeper:
    """Chooses, while known parts are scored one by one, what to keep; holds at most eight pictures at a time.

    Of good parts the two most and the two least ordinary. Of bad ones the two that were caught most narrowly, the one
    that was caught most clearly, and of those that were missed the narrowest miss, which is then known to be one.
    """

    def __init__(self, references: Sequence[Pixels], scene: Scene = PLAIN, *, before: KeptBefore | None = None) -> None:
        """references: [H, W, 3] uint8 RGB each;  scene: what of a picture counts when it is scored again."""
        self._scene = scene
        self._before = before or KeptBefore()
        self._good, self._caught, self._missed = Extremes(2, 2), Extremes(2, 1), Extremes(0, 1)
        self._good_scores: list[float] = []
        self._normal = NormalLearner(None if scene.area is None else scene.area.mask)
        for pixels in references:
            self._normal.add(pixels)

    def good(self, part: Shown, scores: Scores) -> Scores:
        """Take in a good part outside the bank; returns its scores."""
        self._normal.add(pixels_of(part)[0])
        self._good_scores.append(scores.part.score)
        self._good.add(part, scores.part.score)
        return scores

    def bad(self, part: Shown, scores: Scores, *, limit: float | None) -> Scores:
        """Take in a bad part; limit: the score above which a part is not `ok`, None: every part is not."""
        caught = limit is None or scores.part.score > limit
        (self._caught if caught else self._missed).add(part, scores.part.score)
        return scores

    def keep(
        self, encoder: Encoder, heads: Heads, *, limit: float | None, left_out_scores: Sequence[float]
    ) -> Keepsakes:
        """What there is to keep: of each chosen part its worst picture, with that one's score.

        left_out_scores: each reference's against the others; the score level goes by the good parts where they are more
        """
        learnt = self._normal.learn(max(self._good_scores, left_out_scores, key=len))
        pictures = {} if learnt.place is None else {PLACE_FILE: learnt.place}
        kept = []
        good = [part for _, part in self._good.parts] or self._before.good
        for name, parts in (("good", good), ("bad", self._bad(encoder, heads, limit))):
            for number, part in enumerate(parts, 1):
                score, pixels = self._worst(encoder, heads, part)
                file = f"check/{name}/{number:02}.png"
                pictures[file] = pixels
                flagged = limit is None or score > limit
                by = None if flagged or name == "good" else self._before.caught_by.get(digest_of(pixels))
                kept.append(
                    Kept(file=file, source=part.source, good=name == "good", score=score, flagged=flagged, caught_by=by)
                )
        return Keepsakes(learnt.normal, tuple(kept), pictures)

    def _bad(self, encoder: Encoder, heads: Heads, limit: float | None) -> Sequence[Shown]:
        """The chosen ones and those kept before that would now pass though they were caught; or all kept before."""
        chosen = [part for _, part in (*self._caught.parts, *self._missed.parts)]
        if not chosen:
            return self._before.bad
        seen = {digest_of(pixels) for part in chosen for pixels in pixels_of(part)}
        for part in self._before.bad:
            score, pixels = self._worst(encoder, heads, part)
            if digest_of(pixels) not in seen and limit is not None and score <= limit:
                chosen += [part] if digest_of(pixels) in self._before.caught_by else []
        return chosen

    def _worst(self, encoder: Encoder, heads: Heads, part: Shown) -> tuple[float, Pixels]:
        """The picture with the highest score, alone in its batch as `edge check` has it."""
        scored = [(look(encoder, heads, [pixels], self._scene)[0][0], pixels) for pixels in pixels_of(part)]
        return max(scored, key=lambda pair: pair[0])
