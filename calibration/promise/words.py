"""What a bundle's threshold promises, and what it cannot, in sentences: for the terminal, the report and `show`."""

from calibration.promise.threshold import Grade
from edge.proportion import exact_interval
from edge.vision.manifest import Calibration, Manifest, Promise

ANOTHER_DAY = (
    "Parts of one session prove nothing about another day's light, fixture or material: certify with parts of another "
    "day, or calibrate again when something has changed."
)

KEPT_BY_ESTIMATES = "on four sets of real parts, with four references, they were kept in 85% to 100% of calibrations"
"""Measured by `python -m tests.promise_table`; the table is in calibration/TEACHING.md."""


def sentences(made: Manifest) -> list[str]:
    """The threshold's promise, the miss rate and the limits of both, in the order in which they should be read."""
    said = made.calibration
    return [*_thresholds(made), *_promise(said), misses(made), *_lost(made), ANOTHER_DAY]


def _lost(made: Manifest) -> list[str]:
    """Known defects that a bundle before caught and that are ok under this one."""
    return [
        f"The known defect {kept.source} passes: {kept.caught_by} caught it, and here it is ok, with score "
        f"{kept.score:.3f}. Parts with that defect will pass."
        for kept in made.check
        if kept.caught_by is not None
    ]


def _thresholds(made: Manifest) -> list[str]:
    if made.threshold is None:
        return ["No threshold: one good part says nothing about how good parts differ. Every frame will be unsure."]
    said = [f"Threshold {made.threshold:.3f} ({made.calibration.method}): a part is ok up to it."]
    if made.defect_threshold is not None and made.defect_threshold > made.threshold:
        said.append(f"Between it and {made.defect_threshold:.3f} a part is unsure, above that a defect.")
    elif made.defect_threshold is not None:
        said.append("The defect threshold is the same, so no part will be unsure.")
    return said


def _promise(said: Calibration) -> list[str]:
    promise = said.promise
    if promise is None:
        return [f"Grade: {Grade.NO_PROMISE}."]
    return [f"Grade: {_grade(said, promise)}", _bounds(promise), *_given(promise), *_seen(said)]


def grade_words(grade: str, *, target: float | None) -> str:
    """The grade in two words or three, with the rate that it is about: a grade alone says nothing of that."""
    about_a_rate = grade in (Grade.CERTIFIED, Grade.NOT_CERTIFIED) and target is not None
    return f"{grade}, {100 * target:.3g}%" if about_a_rate and target is not None else grade


def _seen(said: Calibration) -> list[str]:
    """That the threshold was asked for after its parts had been scored; it is no promise then, unless nobody looked."""
    seen = said.seen_before
    if seen is None or said.promise is None:
        return []
    what = "threshold" if said.promise.by_hand else f"target of {100 * said.promise.target:.3g}%"
    return [
        f"This {what} was chosen after these parts had been seen: {_counted(seen.parts)} had been scored before, for "
        f"{seen.bundle} with a target of {100 * seen.target:.3g}%. The bounds hold only if it was chosen without "
        "looking at what that gave."
    ]


def _grade(said: Calibration, promise: Promise) -> str:
    grade = said.grade
    target, needed = f"{100 * promise.target:.3g}%", f"{promise.parts_to_certify} good parts outside the references"
    if grade == Grade.CERTIFIED:
        hand = " if the threshold was chosen before these parts were seen" if promise.by_hand else ""
        unseen = ", if the target was chosen without looking at these parts" if said.seen_before else ""
        return (
            f"certified{hand} for a false-reject rate of {target}, by {_counted(promise.parts)} outside the "
            f"references{unseen}. That says nothing of the defects it finds."
        )
    if grade == Grade.NOT_CERTIFIED:
        if promise.parts >= promise.parts_to_certify:
            return (
                f"not certified for a false-reject rate of {target}: too many of {promise.parts} good parts lie above."
            )
        return f"not certified for a false-reject rate of {target}: {_counted(promise.parts)}; {needed} would do."
    return (
        f"estimate, from {promise.parts} references, each scored against the others. The bounds are approximate: "
        f"{KEPT_BY_ESTIMATES}. {needed} would certify a false-reject rate of {target}: --good PATH."
    )


def _counted(parts: int) -> str:
    return "1 good part" if parts == 1 else f"{parts} good parts"


def _bounds(promise: Promise) -> str:
    above = f"{promise.rank - 1} of these {promise.parts} lie above it"
    return (
        f"{above}. If parts to come are like them, up to {promise.rate_bound:.1%} of good parts may be rejected in the "
        f"long run, and up to {promise.count_bound} of the next {promise.next_parts} (95 % confidence each)."
    )


def _given(promise: Promise) -> list[str]:
    if promise.by_hand:
        return ["The threshold was given by hand: the bounds hold only if that was done before these parts were seen."]
    if promise.kept:
        return [
            "The threshold was kept from the bundle before, and the bounds say what these parts alone can show of it."
        ]
    return []


def misses(made: Manifest) -> str:
    """How many of the known defects would pass as ok, with the exact interval; or that nobody knows."""
    bad = made.calibration.bad
    if not bad:
        return "No defect was shown: how many it misses is unknown (--bad PATH)."
    if made.threshold is None:
        return f"{len(bad)} known defects were scored; without a threshold none is ok."
    missed = sum(part.score <= made.threshold for part in bad)
    low, high = exact_interval(missed, of=len(bad))
    return (
        f"Of {len(bad)} known defects {missed} would pass as ok: miss rate {missed / len(bad):.1%} "
        f"(95 % interval {low:.1%} to {high:.1%}, for defects like these)."
    )
