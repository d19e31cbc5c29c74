"""Server-sent events: what is new in the record, asked about twice a second in short reads."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from fastapi.concurrency import run_in_threadpool
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from dashboard import queries
from dashboard.pulse import Beat
from dashboard.reader import NoRecordYetError
from dashboard.review.views import ReviewView, review_view
from dashboard.site import Site
from edge.ledger.damage import Damaged
from edge.ledger.record import Review
from edge.verdict import FLAGGED

POLL_S = 0.5
PING_S = 10.0
MOST_IDS = 500
"""Flagged ids in one look at most; the rest follows at once."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one look found: the record's newest, flagged ids after the last one, oldest first, and what was said since.

    reviews: after the last one that was heard, oldest first
    """

    beat: Beat
    flagged: list[int]
    reviews: list[ReviewView]


async def opened(site: Site, after: int | None) -> AsyncIterator[str]:
    """A stream that tells whatever is said from this moment on, however long its first look takes."""
    beat = await run_in_threadpool(_beat, site)
    return stream(site, after, heard=None if beat is None else beat.newest_review)


async def stream(site: Site, after: int | None, *, heard: int | None = None) -> AsyncIterator[str]:
    """Events from frame id `after` on (from now on, if None), until the client goes or the page ends.

    heard: the newest review that the client need not be told of; None: of none that is there already
    flagged: a frame id, also as the event's id, so that a client that comes back misses none
    counts:  Counts as JSON, when they changed
    review:  what a person just said of a frame, as JSON; of many at once only the latest
    reset:   the client's last id is not in this record: it is a new one, load the page again
    """
    yield "retry: 1000\n\n"
    last, before, spoke = after, None, time.monotonic()
    while not site.stopping.is_set():
        beat = await run_in_threadpool(_beat, site)
        text, full = "", False
        if beat is not None and beat != before:
            look = await run_in_threadpool(_look, site, beat, last, heard)
            text = _news(look, last, shown="" if before is None else before.counts_json)
            last = look.flagged[-1] if look.flagged else _not_beyond(beat.newest_id, last)
            heard, full = beat.newest_review, len(look.flagged) == MOST_IDS
            before = None if full else beat
        if not text and time.monotonic() - spoke > PING_S:
            text = ": still here\n\n"
        if text:
            spoke = time.monotonic()
            yield text
        await asyncio.sleep(0 if full else POLL_S)


def _beat(site: Site) -> Beat | None:
    """The record's newest; None while there is no record, or it cannot be reached."""
    try:
        return site.pulse.look()
    except (NoRecordYetError, Damaged, OperationalError):
        return None


def _look(site: Site, beat: Beat, last: int | None, heard: int | None) -> Look:
    """What came since, up to this beat."""
    after = beat.newest_id if last is None else last
    with site.reader.read() as reading:
        flagged = queries.ids_after(reading.session, FLAGGED, after=after, limit=MOST_IDS)
        reviews = [] if heard is None else _reviews_after(reading.session, heard)
    return Look(beat, [frame_id for frame_id in flagged if frame_id <= beat.newest_id], reviews)


def _reviews_after(session: Session, heard: int) -> list[ReviewView]:
    """Reviews added after the one that was heard last, oldest first."""
    rows = session.scalars(select(Review).where(Review.id > heard).order_by(Review.id.desc()).limit(MOST_IDS))
    return [review_view(row) for row in rows][::-1]


def _news(look: Look, last: int | None, *, shown: str) -> str:
    """The events that tell a client what it does not know yet."""
    beat = look.beat
    reset = ["event: reset\ndata: new record\n\n"] if last is not None and last > beat.newest_id else []
    flagged = [f"id: {frame_id}\nevent: flagged\ndata: {frame_id}\n\n" for frame_id in look.flagged]
    counts = [f"event: counts\ndata: {beat.counts_json}\n\n"] if beat.counts_json != shown else []
    reviews = [f"event: review\ndata: {review.model_dump_json()}\n\n" for review in look.reviews]
    return "".join(reset + flagged + reviews + counts)


def _not_beyond(newest_id: int, last: int | None) -> int:
    return newest_id if last is None else min(newest_id, last)
