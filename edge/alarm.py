"""What is said when a camera's pictures are no longer like those of the calibration."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What has drifted."""

    LIGHT = "light"
    FOCUS = "focus"
    POSITION = "position"
    SCORE = "score"


class State(StrEnum):
    """Which end of an alarm; each is kept as a row of its own."""

    RAISED = "raised"
    CLEARED = "cleared"


@dataclass(frozen=True, slots=True)
class Alarm:
    """A drift alarm that began or ended with a frame, whose camera it is about.

    measure:   what was measured, a key of edge.vision.normal.MEASURES
    bundle:    content hash of the bundle whose good parts `centre`, `low` and `high` come from
    value:     the smoothed measure, in its own unit;  centre: what good parts had
    low, high: an alarm is raised when `value` leaves them; None: not limited on that side
    sentence:  all of it for a person
    """

    kind: Kind
    measure: str
    state: State
    category: str
    bundle: str
    value: float
    centre: float
    low: float | None
    high: float | None
    sentence: str
