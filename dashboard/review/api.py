"""Reviews and their queue under /api/v1."""

import time
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import JSONResponse

from dashboard import queries
from dashboard.people.person import Operator
from dashboard.reader import NoRecordYetError
from dashboard.review import queue
from dashboard.review.queue import FilterOf, Id
from dashboard.review.views import Conflict, NewReviews, QueueCounts, QueuePage, Recorded, ReviewView, Undo, review_view
from dashboard.site import SiteOf
from edge.errors import EdgeError
from edge.ledger.reviews import ReviewConflict, review_frames, reviews_of, undo_reviews

router = APIRouter(prefix="/api/v1", tags=["review"])
CONFLICT: dict[int | str, dict[str, Any]] = {
    409: {"model": Conflict, "description": "a frame has a review that the client has not seen"}
}


@router.get("/queue")
def waiting(
    site: SiteOf, wanted: FilterOf, after: Id = None, limit: Annotated[int, Query(ge=1, le=500)] = 50
) -> QueuePage:
    """Flagged frames that nobody has reviewed, in the order asked for; `after` is a frame's id."""
    with site.reader.read() as reading:
        return queue.page(reading.session, site.settings.media, wanted, after=after, limit=limit)


@router.get("/queue/counts")
def counts(site: SiteOf, wanted: FilterOf) -> QueueCounts:
    """How many flagged frames nobody has reviewed."""
    with site.reader.read() as reading:
        return queue.counts(reading.session, wanted)


@router.get("/frames/{frame_id:int}/reviews")
def reviews(site: SiteOf, frame_id: int) -> list[ReviewView]:
    """What people said of a frame, the latest, which counts, first. 404 if there is no such frame."""
    with site.reader.read() as reading:
        if queries.find(reading.session, frame_id) is None:
            raise HTTPException(404, f"no frame {frame_id} in the record")
        return [review_view(row) for row in reviews_of(reading.session, frame_id)]


@router.post("/reviews", status_code=201, response_model=Recorded, responses=CONFLICT)
def add(site: SiteOf, person: Operator, said: NewReviews) -> Recorded | JSONResponse:
    """Add one review to each frame, in one transaction: all of them or none. Nothing is ever edited."""
    try:
        with site.writes.write() as session:
            rows = review_frames(
                session, said.frames, said.verdict,
                reviewer=person.name, reviewed_ns=time.time_ns(),
                kind=said.kind or None, note=said.note or None, seen=said.seen,
            )  # fmt: skip
            return Recorded(reviews=[review_view(row) for row in rows])
    except EdgeError as error:
        return refused(error)


@router.post("/reviews/undo", status_code=201, response_model=Recorded, responses=CONFLICT)
def undo(site: SiteOf, person: Operator, what: Undo) -> Recorded | JSONResponse:
    """Take back your own reviews while they count: adds rows that say, as its author's, what counts without them."""
    try:
        with site.writes.write() as session:
            rows = undo_reviews(session, what.reviews, reviewer=person.name, reviewed_ns=time.time_ns())
            return Recorded(reviews=[review_view(row) for row in rows])
    except EdgeError as error:
        return refused(error)


def refused(error: EdgeError) -> JSONResponse:
    """A refusal in words: 409 with the reviews that were not seen, else 422. Raises what is no refusal."""
    if isinstance(error, NoRecordYetError):
        raise error
    if isinstance(error, ReviewConflict):
        conflict = Conflict(detail=str(error), latest=[review_view(row) for row in error.latest])
        return JSONResponse(conflict.model_dump(mode="json"), 409)
    raise HTTPException(422, str(error)) from error
