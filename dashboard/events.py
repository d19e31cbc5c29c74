"""Server-sent events: what is new in the record, asked about twice a second in short reads."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from fastapi.concurrency import run_in_threadpool
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dashboard import queries
from dashboard.reader import NoRecordYetError
from dashboard.review.views import ReviewView, review_view
from dashboard.site import Site
from edge.ledger.record import Review
from edge.verdict import FLAGGED

POLL_S = 0.5
PING_S = 10.0
MOST_IDS = 500
"""Flagged ids in one look at most; the rest follows at once."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at the record found: its newest id, flagged ids after the last one, oldest first, and counts.

    reviews: after the last one that was heard, oldest first;  heard: the newest one's id
    """

    newest_id: int
    flagged: list[int]
    counts_json: str
    reviews: list[ReviewView]
    heard: int


async def stream(site: Site, after: int | None) -> AsyncIterator[str]:
    """Events from frame id `after` on (from now on, if None), until the client goes or the page ends.

    flagged: a frame id, also as the event's id, so that a client that comes back misses none
    counts:  Counts as JSON, when they changed
    review:  what a person just said of a frame, as JSON; of many at once only the latest
    reset:   the client's last id is not in this record: it is a new one, load the page again
    """
    yield "retry: 1000\n\n"
    last, shown, spoke = after, "", time.monotonic()
    heard: int | None = None
    while not site.stopping.is_set():
        look = await run_in_threadpool(_look, site, last, heard)
        text = "" if look is None else _news(look, last, shown)
        if look is not None:
            last = look.flagged[-1] if look.flagged else _not_beyond(look.newest_id, last)
            shown = look.counts_json
            heard = look.heard
        if not text and time.monotonic() - spoke > PING_S:
            text = ": still here\n\n"
        if text:
            spoke = time.monotonic()
            yield text
        await asyncio.sleep(0 if look and len(look.flagged) == MOST_IDS else POLL_S)


def _look(site: Site, last: int | None, heard: int | None) -> Look | None:
    """One short read; None while there is no record."""
    try:
        with site.reader.read() as reading:
            newest_id = queries.newest_id(reading.session)
            after = newest_id if last is None else last
            flagged = queries.ids_after(reading.session, FLAGGED, after=after, limit=MOST_IDS)
            reviews, newest_review = _reviews_after(reading.session, heard)
            counts_json = site.counts.look().model_dump_json()
            return Look(newest_id, flagged, counts_json, reviews, newest_review)
    except NoRecordYetError:
        return None


def _reviews_after(session: Session, heard: int | None) -> tuple[list[ReviewView], int]:
    """Reviews added after the one that was heard last, oldest first, and the newest one's id; None: only that id."""
    newest = session.scalar(select(func.max(Review.id))) or 0
    if heard is None:
        return [], newest
    rows = session.scalars(select(Review).where(Review.id > heard).order_by(Review.id.desc()).limit(MOST_IDS))
    return [review_view(row) for row in rows][::-1], newest


def _news(look: Look, last: int | None, shown: str) -> str:
    """The events that tell a client what it does not know yet."""
    reset = ["event: reset\ndata: new record\n\n"] if last is not None and last > look.newest_id else []
    flagged = [f"id: {frame_id}\nevent: flagged\ndata: {frame_id}\n\n" for frame_id in look.flagged]
    counts = [f"event: counts\ndata: {look.counts_json}\n\n"] if look.counts_json != shown else []
    reviews = [f"event: review\ndata: {review.model_dump_json()}\n\n" for review in look.reviews]
    return "".join(reset + flagged + reviews + counts)


def _not_beyond(newest_id: int, last: int | None) -> int:
    return newest_id if last is None else min(newest_id, last)
