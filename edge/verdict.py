"""What comes out: the one outcome of a frame, and the evidence for it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

AnomalyMap = NDArray[np.float32]
"""[h, w] float32, >= 0, higher is stranger; covers the whole picture, whatever its aspect."""


class Outcome(StrEnum):
    """The four ways in which a frame can end. None of them is a default."""

    OK = "ok"
    DEFECT = "defect"
    UNSURE = "unsure"
    NOT_INSPECTED = "not_inspected"


FLAGGED = (Outcome.DEFECT, Outcome.UNSURE)
"""Outcomes that a person should look at; these frames keep their picture and map."""

WORST_FIRST = (Outcome.DEFECT, Outcome.UNSURE, Outcome.NOT_INSPECTED, Outcome.OK)
"""A part's outcome is its worst frame's; a frame that nobody inspected is no promise that the part is ok."""


class Reason(StrEnum):
    """Why a frame is not `ok`."""

    # defect
    ABOVE_THRESHOLD = "above_threshold"
    # unsure
    UNCALIBRATED = "uncalibrated"  # the camera has no category, so nothing to compare with
    NO_THRESHOLD = "no_threshold"  # the bundle was made from one reference: scores, but no limit
    BETWEEN_THRESHOLDS = "between_thresholds"  # above what good parts are promised to reach, below a certain defect
    # not inspected
    OVERLOAD = "overload"  # the camera was faster than the worker and the overload policy dropped it
    LATE = "late"  # the deadline passed before the verdict
    POISON = "poison"  # two workers died while scoring it
    UNREADABLE = "unreadable"  # the source delivered something that is no picture
    NO_MEMORY = "no_memory"  # the worker had too little memory even for this frame alone
    NO_ROOM = "no_room"  # a live camera's picture came while the disk had no room to write down its number
    TOO_LARGE = "too_large"  # a picture larger than one message may be
    CAPTURE_DIED = "capture_died"  # numbered by a capture that died before the frame was recorded
    STOPPED = "stopped"  # the line was stopped while the frame was waiting
    POSE = "pose"  # the part does not lie where it was taught, within the bundle's tolerance
    NO_PART = "no_part"  # the frame shows the empty belt or fixture


@dataclass(frozen=True, slots=True)
class Region:
    """A connected area of the map above the threshold, as a box in the picture's pixels.

    x0, y0 are inside the box, x1, y1 just outside: 0 <= x0 < x1 <= W, 0 <= y0 < y1 <= H.
    area:  map cells in the region, as a share of the map, 0..1
    peak:  largest map value inside
    """

    x0: int
    y0: int
    x1: int
    y1: int
    area: float
    peak: float


@dataclass(frozen=True, slots=True)
class Nearest:
    """The reference picture that looks most like this frame, and how unlike it still is.

    reference: the reference's file name inside its bundle
    distance:  mean over the map of the distance to that reference's patches alone, summed over stages; 0 is identical
    """

    reference: str
    distance: float


@dataclass(frozen=True, slots=True)
class Scale:
    """The bundle's fixed heatmap scale, in map units: the same colours on every frame.

    low:  at and below it the heatmap is dark (the references' own noise)
    mark: a marked point of the scale, above which an area is suspicious; None where nobody calibrated
    high: at and above it the heatmap is at its brightest
    """

    low: float
    mark: float | None
    high: float


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """A frame's outcome. What the page shows, this holds.

    score and thresholds are in the same units; a score up to the threshold is ok, one above defect_threshold a defect;
                 without the latter, whatever is above the threshold
    head_scores: each head's own image score by its name, for example {"few-shot": 0.41}
    head_limits: by head, what its score reached on good parts when the bundle was made; empty if nobody knows
    recipe:      how the heads were combined into the score
    bundle:      content hash of the bundle that judged, None if none did
    anomaly_map: [h, w] float32, or None if nothing was scored
    """

    outcome: Outcome
    reason: Reason | None = None
    score: float | None = None
    threshold: float | None = None
    defect_threshold: float | None = None
    head_scores: Mapping[str, float] = field(default_factory=dict)
    head_limits: Mapping[str, float] = field(default_factory=dict)
    recipe: str | None = None
    regions: tuple[Region, ...] = ()
    nearest: Nearest | None = None
    scale: Scale | None = None
    category: str | None = None
    bundle: str | None = None
    anomaly_map: AnomalyMap | None = None

    def __post_init__(self) -> None:
        if (self.outcome is Outcome.OK) != (self.reason is None):
            raise ValueError(f"outcome {self.outcome} with reason {self.reason}: only `ok` has no reason")


def worst(outcomes: Collection[Outcome]) -> Outcome | None:
    """The outcome of a part whose frames have these; None without any."""
    return next((outcome for outcome in WORST_FIRST if outcome in outcomes), None)


def not_inspected(reason: Reason) -> Verdict:
    """The outcome of a frame that nobody judged, with the reason for it."""
    return Verdict(Outcome.NOT_INSPECTED, reason)
