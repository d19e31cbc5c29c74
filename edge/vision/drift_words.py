"""Drift alarms in sentences: what is measured, what good parts had, and where to look first."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import exp

from edge.alarm import Alarm, State
from edge.vision.normal import Band

Show = Callable[[float, Band], str]


@dataclass(frozen=True, slots=True)
class _Words:
    """What a measure is called, how a value of it is written, and what may be the matter."""

    name: str
    show: Show
    advice: str


def _grey(value: float, _band: Band) -> str:
    return f"{value:.0f} of 255"


def _share(value: float, _band: Band) -> str:
    return f"{100 * value:.1f} %"


def _of_usual(value: float, band: Band) -> str:
    return f"{100 * exp(value - band.mean):.0f} %"


def _offset(value: float, band: Band) -> str:
    return f"{100 * (value - band.mean):+.1f} %"


def _number(value: float, _band: Band) -> str:
    return f"{value:.3f}"


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


def raised(measure: str, value: float, band: Band) -> str:
    """The sentence of an alarm that begins."""
    return f"{state_of(measure, value, band)}. {WORDS[measure].advice}"


def cleared(measure: str, value: float, band: Band) -> str:
    """The sentence of an alarm that ends."""
    return f"Back to normal: {state_of(measure, value, band)}."


def replaced(alarm: Alarm) -> Alarm:
    """The end of an alarm whose bundle is no longer in use, so that nobody knows whether it holds."""
    return replace(alarm, state=State.CLEARED, sentence="Ended: another bundle is in use, and is watched from anew.")


def difference(measure: str, mean: float, band: Band, *, parts: int) -> str:
    """The plain mean of so many parts beside the good parts of the calibration."""
    words = WORDS[measure]
    allowed = band.allowance(parts)
    limits = f"up to {words.show(band.mean + allowed, band)}"
    if not band.upward_only:
        limits = f"{words.show(band.mean - allowed, band)} to {words.show(band.mean + allowed, band)}"
    return (
        f"{words.name} {words.show(mean, band)}, mean of {parts}; good parts had {words.show(band.mean, band)}, "
        f"allowed is {limits}"
    )


def state_of(measure: str, value: float, band: Band) -> str:
    """Value, centre and limits."""
    words = WORDS[measure]
    show = words.show
    limits = f"up to {show(band.high, band)}"
    if band.low is not None:
        limits = f"{show(band.low, band)} to {show(band.high, band)}"
    text = f"{words.name} {show(value, band)}; good parts had {show(band.mean, band)}, allowed is {limits}"
    return text[0].upper() + text[1:]
