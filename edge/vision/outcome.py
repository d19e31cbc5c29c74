"""The outcome of a score under a bundle's thresholds."""

from edge.verdict import Outcome, Reason
from edge.vision.manifest import Manifest


def outcome_of(score: float, made: Manifest) -> tuple[Outcome, Reason | None]:
    """What a part with this score is, and why if it is not `ok`."""
    if made.threshold is None:
        return Outcome.UNSURE, Reason.NO_THRESHOLD
    if score <= made.threshold:
        return Outcome.OK, None
    if made.defect_threshold is not None and score <= made.defect_threshold:
        return Outcome.UNSURE, Reason.BETWEEN_THRESHOLDS
    return Outcome.DEFECT, Reason.ABOVE_THRESHOLD
