"""What the pictures of good parts have in common -> the bands that a running line is watched by (edge.vision.drift).

With few good parts their spread is hardly known, so the bands are wide. A band's reach is such that, if the values of
parts are normal and independent, at most FALSE_ALARMS of all calibrations give a measure a false alarm in the line's
first RUN_PARTS parts; that counts the calibration's own luck. Parts that change from lot to lot are not independent:
then more good parts, of several lots, are the remedy.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from edge.frame import Pixels
from edge.vision.area import Mask
from edge.vision.normal import Band, Normal
from edge.vision.view import measure, place, shift, small_grey, thumbnail

FALSE_ALARMS = 0.02
"""Chance, for each measure, of an alarm in the first RUN_PARTS parts of a line on which nothing drifts."""

RUN_PARTS = 10_000
LARGEST_AVERAGE = 0.92
"""The largest that the moving average of RUN_PARTS standard normal values gets, in the mean of 1,000 runs and a little
more (0.89, with a deviation of 0.08); it changes with drift.SMOOTHING."""

CHECK_LEVEL = 0.002
"""Chance, for each measure, that `edge check` finds good parts to differ that do not."""

DRAWS = 200_000
LEAST = {"brightness": 3.0, "clipping": 0.01, "focus": 0.15, "right": 0.01, "down": 0.01, "score": 0.0}
"""By measure that good parts tell, what is never worth an alarm, however alike they are: 3 grey levels, 15 % of the
sharpness, ..."""

LEAST_OF_SCORE = 0.1
"""The same for the score, as a share of the good parts' mean."""

MOST_SPREAD = 0.03
LEAST_SURE = 0.6
"""Parts lie in one place if each is found with certainty where the others lie, give or take 3 % of the picture."""


@dataclass(frozen=True, slots=True, eq=False)
class LearntNormal:
    """The bands, and the good parts' mean thumbnail, [64, 64, 3] uint8; None if they do not lie in one place."""

    normal: Normal
    place: Pixels | None


class NormalLearner:
    """Looks at pictures of good parts one by one, references and others, and keeps a few kilobytes of each."""

    def __init__(self, mask: Mask | None = None) -> None:
        """mask: what of the pictures counts, for light and focus; None: all."""
        self._mask = mask
        self._measured: list[dict[str, float]] = []
        self._thumbs: list[Pixels] = []

    def add(self, pixels: Pixels) -> None:
        """Take in the picture of one more part, [H, W, 3] uint8 RGB."""
        grey = small_grey(pixels)
        self._measured.append(measure(grey, self._mask))
        self._thumbs.append(thumbnail(grey))

    def learn(self, scores: Sequence[float]) -> LearntNormal:
        """The bands of the pictures so far; of one picture nothing is watched, since it has no spread.

        scores: of good parts, each by a bank that the part itself is not in
        """
        if len(self._measured) < 2:
            why = "one good part has no spread"
            return LearntNormal(Normal(unwatched=dict.fromkeys(LEAST, why)), None)
        values = {name: [one[name] for one in self._measured] for name in self._measured[0]}
        unwatched: dict[str, str] = {}
        thumbs = np.stack(self._thumbs)
        if (where := _places(thumbs)) is None:
            unwatched |= dict.fromkeys(("right", "down"), "the good parts do not lie in one place")
        else:
            values |= {"right": where[:, 0].tolist(), "down": where[:, 1].tolist()}
        if len(scores) < 2:
            unwatched["score"] = "fewer than two scores of good parts outside the bank"
        else:
            values["score"] = list(scores)
        bands = {name: _band(name, values[name]) for name in LEAST if name in values}
        normal = Normal(bands, unwatched, within_area=self._mask is not None)
        return LearntNormal(normal, None if where is None else _mean_picture(thumbs))


def reach_in_spreads(count: int) -> float:
    """How far the smoothed measure may go from the mean of `count` good parts, in their standard deviations.

    Of a calibration, the mean is off by z / sqrt(count) true deviations, and its deviation s is off as well; both are
    drawn here. The line's moving average adds LARGEST_AVERAGE. The quantile of the sum over s is the reach.
    """
    return float(np.quantile(_extremes(count), 1 - FALSE_ALARMS))


@cache
def _extremes(count: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(0)
    off = np.abs(rng.standard_normal(DRAWS)) / np.sqrt(count)
    return np.asarray((off + LARGEST_AVERAGE) / np.sqrt(rng.chisquare(count - 1, DRAWS) / (count - 1)), np.float64)


def _band(name: str, values: Sequence[float]) -> Band:
    mean, spread, count = float(np.mean(values)), float(np.std(values, ddof=1)), len(values)
    least = LEAST_OF_SCORE * abs(mean) if name == "score" else LEAST[name]
    return Band(
        count, mean, spread,
        reach=max(least, reach_in_spreads(count) * spread),
        least=least,
        students_t=float(stdtrit(count - 1, 1 - CHECK_LEVEL / 2)),
        upward_only=name in ("score", "clipping"),
    )  # fmt: skip


def _places(thumbs: NDArray[np.uint8]) -> NDArray[np.float64] | None:
    """[n, 2] where each part lies, right and down, against the mean of the others; None if all over the place."""
    total = thumbs.sum(axis=0, dtype=np.float32)
    others = [(total - thumb) / (len(thumbs) - 1) for thumb in thumbs]
    found = np.array([shift(place(mean), place(thumb)) for mean, thumb in zip(others, thumbs, strict=True)])
    spread = found[:, :2].std(axis=0, ddof=1).max()
    return None if spread > MOST_SPREAD or np.median(found[:, 2]) < LEAST_SURE else found[:, :2]


def _mean_picture(thumbs: NDArray[np.uint8]) -> Pixels:
    mean = np.rint(thumbs.mean(axis=0)).astype(np.uint8)
    return np.repeat(mean[..., None], 3, axis=2)
