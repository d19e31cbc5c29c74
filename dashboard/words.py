"""The record's terms and numbers in an operator's words."""

from datetime import datetime

from dashboard.moments import utc
from edge.verdict import Outcome

OUTCOMES = {
    Outcome.OK: "OK",
    Outcome.DEFECT: "Defect",
    Outcome.UNSURE: "Unsure",
    Outcome.NOT_INSPECTED: "Not inspected",
}
MILLIONS = 10_000_000
NONE = "\u2013"
REASONS = {  # by name: a record may hold reasons of other versions
    "above_threshold": "Above the threshold",
    "uncalibrated": "Camera not calibrated yet",
    "between_thresholds": "Between the two thresholds",
    "no_threshold": "No threshold yet: one reference only",
    "overload": "Camera faster than the line",
    "late": "Verdict came too late",
    "poison": "Frame stopped two workers",
    "unreadable": "No readable picture",
    "no_memory": "Too little memory",
    "no_room": "No room on the disk",
    "too_large": "Picture too large",
    "capture_died": "Camera process died",
    "stopped": "Line was stopped",
    "pose": "Part not in its place",
    "no_part": "No part there",
}
REVIEWS = {
    "confirmed_defect": "Confirmed defect",
    "false_alarm": "False alarm",
    "unsure": "Unsure",
    "unreviewed": "Unreviewed",
    "confirmed_ok": "Good part",
    "withdrawn": "Withdrawn",
}
HEADS = {  # by name, as above
    "few-shot": "Unlike every good part shown",
    "neighbourhood": "Unlike every good part shown",
    "adapters": "Looks damaged (trained map)",
    "text": "Reads as damaged (prompts)",
    "clip-pair": "Reads as damaged (one prompt pair)",
    "random-words": "Reads as damaged (random words)",
    "references": "Whole picture unlike the good parts",
}


STATES = {  # of a camera, as above
    "starting": "Starting",
    "inspecting": "Inspecting",
    "stopping": "Stopping",
    "stopped": "Stopped",
    "restarting": "Restarting",
    "ended": "Ended",
    "failed": "Failed",
    "unknown": "Not supervised",
}
GONE = {  # why retention removed a picture, as above
    "age": "it was older than such pictures are kept",
    "budget": "all pictures together took more than their budget",
    "reserve": "the disk was nearly full",
}
ALARMS = {  # by kind, as above
    "light": "light has changed",
    "focus": "focus has changed",
    "position": "parts lie elsewhere",
    "score": "score level is high",
}


def alarm(kind: str) -> str:
    """A drift alarm's kind in words; one that this version does not know is shown as it is."""
    return ALARMS.get(kind, kind)


def gone(why: str) -> str:
    """Why retention removed a picture, in words; what this version does not know is shown as it is."""
    return GONE.get(why, why)


def head(name: str) -> str:
    """What a head looks for, in words; one that this version does not know is shown as it is."""
    return HEADS.get(name, name)


def reason(name: str | None) -> str:
    """A reason in words; one that this version does not know is shown as it is."""
    return REASONS.get(name or "", name or "")


def reviewed(name: str) -> str:
    """A review's verdict in words; one that this version does not know is shown as it is."""
    return REVIEWS.get(name, name)


def number(value: int) -> str:
    """Thousands apart by a narrow no-break space: 12 345; from ten millions on as 12.35 M."""
    return f"{value:,}".replace(",", "\u202f") if value < MILLIONS else f"{value / 1e6:.2f}\u202fM"


def score(value: float | None) -> str:
    """A score with three decimals below 10, else with one; a dash for none."""
    if value is None:
        return NONE
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


def milliseconds(value: float | None) -> str:
    """A latency: `43 ms` below a second, else `1.2 s`."""
    if value is None:
        return NONE
    return f"{value:.0f} ms" if value < 1000 else f"{value / 1000:.1f} s"


def clock(moment: datetime) -> str:
    """Time of day in the station's time zone."""
    return moment.astimezone().strftime("%H:%M:%S")


def clock_ns(ns: int) -> str:
    """Time of day in the station's time zone, of nanoseconds since the Unix epoch."""
    return clock(utc(ns))


def date(moment: datetime) -> str:
    """Date in the station's time zone."""
    return moment.astimezone().strftime("%Y-%m-%d")


def moment(value: datetime) -> str:
    """Date and time to the millisecond, with the zone's name."""
    local = value.astimezone()
    return f"{local:%Y-%m-%d %H:%M:%S}.{local.microsecond // 1000:03d} {local.tzname()}"


def local_field(value: datetime | None) -> str:
    """A time as a form's field shows it, by the station's clock; empty for none."""
    return "" if value is None else value.astimezone().strftime("%Y-%m-%dT%H:%M")


def bar(score_value: float, threshold: float, *, length: float = 200.0) -> float:
    """How much of a bar is filled when the threshold stands in its middle: 0..length."""
    share = score_value / threshold / 2 if threshold > 0 else 1.0
    return round(length * min(max(share, 0.0), 1.0), 1)


def doing(name: str) -> str:
    """What a camera does, in words; what this version does not know is shown as it is."""
    return STATES.get(name, name)


FILTERS = {
    "doing": doing,
    "reason": reason,
    "gone": gone,
    "head": head,
    "alarm": alarm,
    "reviewed": reviewed,
    "number": number,
    "score": score,
    "milliseconds": milliseconds,
    "clock": clock,
    "date": date,
    "moment": moment,
}
