"""What blind verdicts say of the parts that passed, and reviews of those that were flagged.

Frames of one category, judged by one bundle and drawn at one rate, are one simple random sample of what passed. Each
such group has an exact interval as long as what a frame shows has no say in whether it gets a verdict of good or
defect: who is unsure, skips or chooses breaks that, so the unsure are also counted as the worst. Groups are not added
up: frames of a time with a higher rate would count for more, and no weighting of them keeps the interval exact.
"""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dashboard.audit.views import Escape, Estimates, FalseAlarms, Share
from dashboard.moments import utc
from dashboard.queries import hidden
from edge.ledger.flagged import FlaggedRows
from edge.ledger.record import Inspection
from edge.ledger.reviews import ReviewVerdict
from edge.proportion import exact_interval

DEFECT, GOOD = ReviewVerdict.CONFIRMED_DEFECT.value, ReviewVerdict.CONFIRMED_OK.value
FALSE_ALARM, UNSURE = ReviewVerdict.FALSE_ALARM.value, ReviewVerdict.UNSURE.value
CAPTURED = hidden(Inspection.captured_ns)
"""The index of capture times leads to every row of the time; those of this room hold no others than are counted."""
Verdicts = dict[str | None, int]
"""Frames by what was said of them."""


def estimates(session: Session, *, since_ns: int | None, until_ns: int) -> Estimates:
    """Both rates over frames captured in since_ns <= t < until_ns, wall clock in nanoseconds since the Unix epoch."""
    return Estimates(
        since=None if since_ns is None else utc(since_ns),
        until=utc(until_ns),
        escapes=_escapes(session, since_ns or 0, until_ns),
        false_alarms=_false_alarms(session, since_ns or 0, until_ns),
    )


def share(count: int, *, of: int) -> Share:
    """A share with its exact 95 % interval; of nothing it may be anything."""
    low, high = exact_interval(count, of=of)
    return Share(count=count, of=of, rate=count / of if of else None, low=low, high=high)


def _escapes(session: Session, since_ns: int, until_ns: int) -> list[Escape]:
    keys = Inspection.category, Inspection.bundle, Inspection.audit_rate
    query = (
        select(*keys, Inspection.audited_as, func.count())
        .where(Inspection.audit_rate.is_not(None))
        .where(since_ns <= CAPTURED, until_ns > CAPTURED)
        .group_by(*keys, Inspection.audited_as)
    )
    groups: dict[tuple[str | None, str | None, float], Verdicts] = {}
    for category, bundle, rate, verdict, frames in session.execute(query):
        groups.setdefault((category, bundle, rate or 0.0), {})[verdict] = frames
    return [
        Escape(
            category=category, bundle=bundle, audit_rate=rate, drawn=sum(said.values()), unsure=said.get(UNSURE, 0),
            escaped=share(said.get(DEFECT, 0), of=said.get(DEFECT, 0) + said.get(GOOD, 0)),
            low_if_unsure_are_good=_whatever_unsure_are(said)[0],
            high_if_unsure_are_defects=_whatever_unsure_are(said)[1],
        )
        for (category, bundle, rate), said in groups.items()
    ]  # fmt: skip


def _whatever_unsure_are(said: Verdicts) -> tuple[float, float]:
    """From the lower end of the interval if every unsure frame is good, to the upper if every one is a defect."""
    defects, unsure = said.get(DEFECT, 0), said.get(UNSURE, 0)
    judged = defects + unsure + said.get(GOOD, 0)
    return exact_interval(defects, of=judged)[0], exact_interval(defects + unsure, of=judged)[1]


def _false_alarms(session: Session, since_ns: int, until_ns: int) -> list[FalseAlarms]:
    keys = Inspection.category, Inspection.bundle
    query = (
        select(*keys, Inspection.reviewed_as, func.count())
        .where(FlaggedRows(), since_ns <= CAPTURED, until_ns > CAPTURED)
        .group_by(*keys, Inspection.reviewed_as)
    )
    groups: dict[tuple[str | None, str | None], Verdicts] = {}
    for category, bundle, verdict, frames in session.execute(query):
        groups.setdefault((category, bundle), {})[verdict] = frames
    return [
        FalseAlarms(
            category=category, bundle=bundle, flagged=sum(said.values()), unsure=said.get(UNSURE, 0),
            false_alarms=share(said.get(FALSE_ALARM, 0), of=said.get(FALSE_ALARM, 0) + said.get(DEFECT, 0)),
        )
        for (category, bundle), said in groups.items()
    ]  # fmt: skip
