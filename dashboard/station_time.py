"""Hours, shifts and days as the station's clock has them, through changes to and from summer time.

An instant is a whole number of seconds since the Unix epoch. `zone` is the station's; None is this machine's own.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator

FIRST_YEAR, LAST_YEAR = 1971, 2200
HOURS = [time(hour) for hour in range(24)]
MIDNIGHT = (time(0),)


class Unit(StrEnum):
    """What time is cut into."""

    HOUR = "hour"
    SHIFT = "shift"
    DAY = "day"


def _in_a_line_s_life(moment: datetime) -> datetime:
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError(f"give a year from {FIRST_YEAR} to {LAST_YEAR}")
    return moment


Moment = Annotated[datetime, AfterValidator(_in_a_line_s_life)]
"""Type of a time that somebody gives; without an offset it is by the station's clock."""


def starts(unit: Unit, begin_s: float, end_s: float, shifts: Sequence[time], zone: tzinfo | None = None) -> list[int]:
    """When the units begin that cover begin..end, ascending: the first at or before `begin_s`, the last before `end_s`.

    The hour that a clock shows twice in autumn is two hours, and the one that it leaves out in spring is none.
    """
    clock = {Unit.HOUR: HOURS, Unit.SHIFT: shifts, Unit.DAY: MIDNIGHT}[unit]
    folds = (0, 1) if unit is Unit.HOUR else (0,)
    first = local(begin_s, zone).date() - timedelta(days=2)
    days = (local(end_s, zone).date() - first).days + 1
    marks = sorted(set(_instants((first + timedelta(days=day) for day in range(days)), clock, folds, zone)))
    before = [mark for mark in marks if mark <= begin_s]
    return before[-1:] + [mark for mark in marks if begin_s < mark < end_s]


def start_of(unit: Unit, now_s: float, shifts: Sequence[time], zone: tzinfo | None = None) -> int:
    """When the unit began in which `now_s` lies."""
    return starts(unit, now_s, now_s, shifts, zone)[0]


def local(instant_s: float, zone: tzinfo | None = None) -> datetime:
    """An instant as the station's clock shows it, with its offset."""
    return datetime.fromtimestamp(instant_s, tz=zone) if zone else datetime.fromtimestamp(instant_s).astimezone()


def _instants(days: Iterable[date], clock: Sequence[time], folds: Sequence[int], zone: tzinfo | None) -> Iterable[int]:
    """Each of these days and times as instants; a time that the clock leaves out stands for the moment of the jump."""
    for day in days:
        for moment in clock:
            for fold in folds:
                yield int(datetime.combine(day, moment, tzinfo=zone).replace(fold=fold).timestamp())
