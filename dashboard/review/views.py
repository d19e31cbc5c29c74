"""What the review room shows and takes: typed, as the API says it."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from dashboard.moments import utc
from dashboard.views import FrameView
from edge.ledger.record import LARGEST_ID, Review
from edge.ledger.reviews import LONGEST_WORDS, ReviewVerdict

MOST_FRAMES = 500
"""Frames that one request may review."""


def _text(words: str) -> str:
    if "\0" in words:
        raise ValueError("holds a null character, which is no text")
    return words


def _printable(name: str) -> str:
    if not " ".join(name.split()).isprintable():
        raise ValueError("holds characters that cannot be seen")
    return name


Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=LONGEST_WORDS), AfterValidator(_text)]
FrameId = Annotated[int, Field(ge=1, le=LARGEST_ID)]
ReviewId = FrameId
Said = Literal[
    ReviewVerdict.CONFIRMED_DEFECT, ReviewVerdict.FALSE_ALARM, ReviewVerdict.UNSURE, ReviewVerdict.CONFIRMED_OK
]


class ReviewView(BaseModel):
    """What a person said of a frame."""

    id: int
    frame: int
    verdict: ReviewVerdict = Field(description="withdrawn: the frame counts as not reviewed")
    reviewer: str
    reviewed_at: datetime
    bundle: str | None = Field(description="content hash of the bundle whose verdict was reviewed")
    kind: str | None = Field(description="of defect, in the reviewer's words")
    note: str | None
    blind: bool = Field(description="said in the audit, before score, map and outcome could be seen")
    undoes: int | None = Field(description="the review that this one takes back; it says what counts without that")
    undone_by: str | None = Field(description="who took that back; what counts again stays its reviewer's")


class NewReviews(BaseModel):
    """One verdict for some frames."""

    frames: list[FrameId] = Field(min_length=1, max_length=MOST_FRAMES)
    verdict: Said = Field(description="confirmed_ok is for frames that the line passed, false_alarm for flagged ones")
    kind: Words | None = Field(default=None, description="of defect")
    note: Words | None = None
    seen: dict[FrameId, ReviewId | None] = Field(
        description="by frame, the id of the latest review that the client has seen; null, or left out, if there was "
        "none. If a frame has another one by now, nothing is recorded (409)."
    )


class Undo(BaseModel):
    """Reviews to take back."""

    reviews: list[ReviewId] = Field(min_length=1, max_length=MOST_FRAMES)


class Recorded(BaseModel):
    """Rows that were added."""

    reviews: list[ReviewView]


class Conflict(BaseModel):
    """Why nothing was recorded, and the reviews that the client had not seen."""

    detail: str
    latest: list[ReviewView]


class QueueFrame(FrameView):
    """A frame of the queue."""

    seen: int | None = Field(description="its latest review, which was withdrawn; None if it never had one")


class QueuePage(BaseModel):
    """Some frames of the queue, in its order."""

    frames: list[QueueFrame]
    next: int | None = Field(description="the `after` of the next page; None on the last")


class QueueCounts(BaseModel):
    """Flagged frames that nobody has reviewed yet."""

    waiting: int = Field(description="under the filter")
    all: int = Field(description="without any filter")
    cameras: dict[str, int] = Field(description="by camera, under the rest of the filter")
    categories: dict[str, int] = Field(description="by category, empty for none, under the rest of the filter")
    outcomes: dict[str, int] = Field(description="by outcome, under the rest of the filter")


class KindView(BaseModel):
    """A kind of defect."""

    id: int
    name: str
    added_by: str
    added_at: datetime
    retired_at: datetime | None = Field(description="since when it is offered no more")


class NewKind(BaseModel):
    """A kind to be offered."""

    name: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60), AfterValidator(_printable)
    ]


def review_view(row: Review) -> ReviewView:
    """A review as it is shown."""
    at = utc(row.reviewed_ns)
    columns = {name: getattr(row, name) for name in ReviewView.model_fields if hasattr(row, name)}
    return ReviewView(**columns, frame=row.inspection_id, reviewed_at=at)
