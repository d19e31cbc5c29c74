"""What the pictures of good parts have in common, as calibration found it and a bundle keeps it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import sqrt

from edge.alarm import Kind

MEASURES: Mapping[str, Kind] = {
    "brightness": Kind.LIGHT,  # mean grey level, 0..255
    "clipping": Kind.LIGHT,  # share of the pixels that are white, 0..1
    "focus": Kind.FOCUS,  # natural logarithm of how sharp the picture is for its contrast
    "right": Kind.POSITION,  # how far the part lies to the right, as a share of the width
    "down": Kind.POSITION,  # how far down, as a share of the height
    "unplaced": Kind.POSITION,  # share of the parts that could not be registered to the first reference, 0..1
    "score": Kind.SCORE,  # the anomaly score, in the bundle's units
}
"""What is watched of a camera's pictures, and what an alarm about it is called."""


@dataclass(frozen=True, slots=True)
class Band:
    """One measure of `count` good parts, and how far it may drift.

    mean, spread: of the good parts; the standard deviation has count - 1 in its denominator
    reach:        the smoothed measure of a running line may differ from the mean by so much (edge.vision.drift)
    least:        a difference that is never worth an alarm
    students_t:   Student's t for `allowance`
    upward_only:  whether only a rise is watched
    """

    count: int
    mean: float
    spread: float
    reach: float
    least: float
    students_t: float
    upward_only: bool = False

    @property
    def low(self) -> float | None:
        """The lower limit of the smoothed measure."""
        return None if self.upward_only else self.mean - self.reach

    @property
    def high(self) -> float:
        """The upper limit of the smoothed measure."""
        return self.mean + self.reach

    def beyond(self, value: float, share: float = 1.0) -> bool:
        """Whether a smoothed value is farther from the mean than this share of the reach."""
        deviation = value - self.mean if self.upward_only else abs(value - self.mean)
        return deviation > share * self.reach

    def allowance(self, parts: int) -> float:
        """How far the plain mean of so many new parts may be from `mean`: t * spread * sqrt(1 / count + 1 / parts).

        That is half of its prediction interval; at least `least`.
        """
        return max(self.least, self.students_t * self.spread * sqrt(1 / self.count + 1 / parts))

    def differs(self, mean: float, *, parts: int) -> bool:
        """Whether the plain mean of so many new parts is farther off than that."""
        deviation = mean - self.mean if self.upward_only else abs(mean - self.mean)
        return deviation > self.allowance(parts)


@dataclass(frozen=True, slots=True)
class Normal:
    """Bands by measure, and of what is not watched why not.

    within_area: whether light and focus are those of the bundle's area; of the whole picture otherwise
    """

    bands: Mapping[str, Band] = field(default_factory=dict)
    unwatched: Mapping[str, str] = field(default_factory=dict)
    within_area: bool = False
