"""Drift alarms in sentences: what is measured, what good parts had, and where to look first."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import exp

from edge.alarm import Alarm, State
from edge.vision.normal import Band

Show = Callable[[float, Band, int], str]
"""A value with its unit; the number says how many decimals more than usual."""

MOST_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class _Words:
    """What a measure is called, how a value of it is written, and what may be the matter."""

    name: str
    show: Show
    advice: str


def _grey(value: float, _band: Band, more: int) -> str:
    return f"{value:.{more}f} of 255"


def _share(value: float, _band: Band, more: int) -> str:
    return f"{100 * value:.{1 + more}f} %"


def _of_usual(value: float, band: Band, more: int) -> str:
    return f"{100 * exp(value - band.mean):.{more}f} %"


def _offset(value: float, band: Band, more: int) -> str:
    return f"{100 * (value - band.mean):+.{1 + more}f} %"


def _number(value: float, _band: Band, more: int) -> str:
    return f"{value:.{3 + more}f}"


LOOK_AT_LIGHT = "Look at the lamp, the exposure and light from outside."
LOOK_AT_PLACE = "Look at the fixture and at how the camera is held."
WORDS = {
    "brightness": _Words("brightness", _grey, LOOK_AT_LIGHT),
    "clipping": _Words("white share of the picture", _share, LOOK_AT_LIGHT),
    "focus": _Words("sharpness", _of_usual, "Look at the lens: is it clean, and focused?"),
    "right": _Words("place of the part, of the width to the right", _offset, LOOK_AT_PLACE),
    "down": _Words("place of the part, of the height downwards", _offset, LOOK_AT_PLACE),
    "unplaced": _Words(
        "share of the parts that are not found where they may lie",
        _share,
        "Look at the fixture and at how the camera is held, and whether there is light and a part to be seen.",
    ),
    "score": _Words(
        "score level", _number, "Either most parts are defective, or they or the view have changed since calibration."
    ),
}


def raised(measure: str, value: float, band: Band, *, seen: float, parts: int) -> str:
    """The sentence of an alarm that begins.

    value: the smoothed measure;  seen: the plain mean of the newest `parts` parts, which is what the pictures show
    """
    text = state_of(measure, value, band, seen=seen, parts=parts)
    return f"{text[0].upper()}{text[1:]}. {WORDS[measure].advice}"


def cleared(measure: str, value: float, band: Band, *, seen: float, parts: int) -> str:
    """The sentence of an alarm that ends, of the same values."""
    return f"Back to normal: {state_of(measure, value, band, seen=seen, parts=parts)}."


def replaced(alarm: Alarm) -> Alarm:
    """The end of an alarm whose bundle is no longer in use, so that nobody knows whether it holds."""
    return replace(alarm, state=State.CLEARED, sentence="Ended: another bundle is in use, and is watched from anew.")


def difference(measure: str, mean: float, band: Band, *, parts: int) -> str:
    """The plain mean of so many parts beside the good parts of the calibration."""
    allowed = band.allowance(parts)
    low = None if band.upward_only else band.mean - allowed
    shown, beside = _beside(measure, mean, band, low, band.mean + allowed)
    return f"{WORDS[measure].name} {shown}, mean of {parts}; {beside}"


def state_of(measure: str, value: float, band: Band, *, seen: float, parts: int) -> str:
    """What the newest parts had, their moving average, centre and limits; the limits are the average's."""
    words = WORDS[measure]
    average, beside = _beside(measure, value, band, band.low, band.high)
    newest = "the newest part" if parts == 1 else f"mean of the newest {parts} parts"
    return f"{words.name} {words.show(seen, band, 0)}, {newest}; the moving average is {average}, {beside}"


def _beside(measure: str, value: float, band: Band, low: float | None, high: float) -> tuple[str, str]:
    """The value, and the good parts' beside the limits.

    With so many decimals that a value which differs from a limit does not read as that limit.
    """
    words = WORDS[measure]
    limits = [high] if low is None else [low, high]
    for more in range(MOST_DECIMALS):
        shown, *edges = [words.show(each, band, more) for each in (value, *limits)]
        if all(edge != shown or limit == value for edge, limit in zip(edges, limits, strict=True)):
            break
    allowed = f"up to {edges[0]}" if low is None else " to ".join(edges)
    centre = words.show(band.mean, band, more)
    return shown, f"good parts had {centre}, allowed is {allowed}"
