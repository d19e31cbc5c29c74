"""Which pictures go first when they may not all stay. Pure: no clock, no disk, no database."""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from edge.ledger.reviews import ReviewVerdict
from edge.verdict import Outcome, Reason

DAY_NS = 86_400_000_000_000


class Why(StrEnum):
    """Why a frame has no picture any more."""

    AGE = "age"  # it was older than such pictures are kept
    BUDGET = "budget"  # all pictures together were more than their budget
    RESERVE = "reserve"  # the disk was nearly full
    NO_ROOM = "no_room"  # the disk was so full that it was never written


class Worth(IntEnum):
    """What a picture is worth, the least first; the older of two with one worth goes first."""

    UNCALIBRATED = 0  # flagged since nobody taught the camera, and not since anything looked odd
    SAMPLE = 1  # of a passed part that was drawn for the audit, and that nobody has judged
    FLAGGED = 2
    REVIEWED = 3
    CONFIRMED = 4  # a confirmed defect, or what a bundle was made from


@dataclass(frozen=True, slots=True)
class KeptPicture:
    """A frame that has its picture, and what decides over it.

    media_bytes: of picture and map together;  taught: whether a bundle says that it was made from this frame
    """

    id: int
    captured_ns: int
    media_bytes: int
    outcome: str
    reason: str | None
    reviewed_as: str | None
    taught: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """How long pictures stay, and how much they may take together; None: no limit.

    keep_days:        flagged and reviewed frames; confirmed defects and what a bundle was made from have no age limit
    keep_sample_days: passed parts drawn for the audit, and frames of cameras that nobody calibrated
    """

    keep_days: int | None = None
    keep_sample_days: int | None = None
    budget_bytes: int | None = None


def worth(picture: KeptPicture) -> Worth:
    """What a picture is worth."""
    if picture.taught or picture.reviewed_as == ReviewVerdict.CONFIRMED_DEFECT:
        return Worth.CONFIRMED
    if picture.reviewed_as is not None:
        return Worth.REVIEWED
    if picture.outcome == Outcome.OK:
        return Worth.SAMPLE
    untaught = picture.reason in (Reason.UNCALIBRATED, Reason.NO_THRESHOLD)
    return Worth.UNCALIBRATED if untaught else Worth.FLAGGED


def too_old(pictures: Iterable[KeptPicture], limits: Limits, *, now_ns: int) -> list[KeptPicture]:
    """The pictures that are past their age, the oldest first."""
    days = {
        Worth.UNCALIBRATED: limits.keep_sample_days,
        Worth.SAMPLE: limits.keep_sample_days,
        Worth.FLAGGED: limits.keep_days,
        Worth.REVIEWED: limits.keep_days,
        Worth.CONFIRMED: None,
    }

    def old(picture: KeptPicture) -> bool:
        kept_days = days[worth(picture)]
        return kept_days is not None and picture.captured_ns < now_ns - kept_days * DAY_NS

    return sorted(filter(old, pictures), key=lambda picture: (picture.captured_ns, picture.id))


def least_valued(
    pictures: Iterable[KeptPicture], wanted_bytes: int, *, below: Worth | None = None
) -> list[KeptPicture]:
    """The least valued pictures, in the order in which they go, just enough to free so many bytes, or all there are.

    below: only those worth less
    Holds no more pictures at a time than it returns, and one.
    """
    if wanted_bytes <= 0:
        return []
    chosen: list[tuple[tuple[int, int, int], KeptPicture]] = []  # a heap with the most valued on top
    chosen_bytes = 0
    for picture in pictures:
        rank = worth(picture)
        if below is not None and rank >= below:
            continue
        heapq.heappush(chosen, ((-rank, -picture.captured_ns, -picture.id), picture))
        chosen_bytes += picture.media_bytes
        while chosen_bytes - chosen[0][1].media_bytes >= wanted_bytes:
            chosen_bytes -= heapq.heappop(chosen)[1].media_bytes
    return [picture for _, picture in sorted(chosen, key=lambda entry: entry[0], reverse=True)]
