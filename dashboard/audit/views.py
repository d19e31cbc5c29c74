"""What the audit shows and takes: typed, as the API says it."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from dashboard.review.views import FrameId, Words
from edge.ledger.reviews import ReviewVerdict

Blind = Literal[ReviewVerdict.CONFIRMED_OK, ReviewVerdict.CONFIRMED_DEFECT, ReviewVerdict.UNSURE]


class Sample(BaseModel):
    """A passed part to be judged: its picture, and nothing of what the line made of it."""

    frame: int
    camera: str
    category: str | None
    picture: str = Field(description="address of the JPEG")


class Next(BaseModel):
    """The next part of the audit."""

    sample: Sample | None = Field(description="the first of your own order, which is chance; None if none waits")
    waiting: int = Field(
        description="drawn frames that nobody has judged blind, and you have not reviewed on their page; also those "
        "whose picture is gone, which are not shown"
    )


class BlindVerdict(BaseModel):
    """What a person says of a passed part without knowing what the line made of it."""

    frame: FrameId
    verdict: Blind
    kind: Words | None = Field(default=None, description="of defect")
    note: Words | None = None


class RateView(BaseModel):
    """Which share of a category's `ok` frames is drawn from now on."""

    category: str
    rate: float = Field(description="0..1")
    set_by: str | None
    set_at: datetime | None


class NewRate(BaseModel):
    """A rate to be set."""

    rate: float = Field(ge=0, le=1, description="share of `ok` frames: 0.01 is one part in 100")


class Share(BaseModel):
    """How often something was so, with its exact interval."""

    count: int
    of: int
    rate: float | None = Field(description="count / of; None if nothing was judged")
    low: float = Field(description="lower end of the two-sided 95 % interval of Clopper and Pearson")
    high: float


class Escape(BaseModel):
    """P(defect | ok) of frames of one category, bundle and rate: those drawn at one rate are one random sample."""

    category: str | None
    bundle: str | None = Field(description="content hash")
    audit_rate: float = Field(description="at which these frames were drawn")
    drawn: int = Field(description="frames drawn in the window")
    unsure: int = Field(description="judged, and left open: not in the share")
    escaped: Share = Field(description="defects among those judged good or defect")
    low_if_unsure_are_good: float = Field(description="lower end of the interval if every unsure frame is good")
    high_if_unsure_are_defects: float = Field(description="upper end of the interval if every unsure frame is a defect")


class FalseAlarms(BaseModel):
    """P(false alarm | flagged, reviewed) of one category and bundle."""

    category: str | None
    bundle: str | None = Field(description="content hash")
    flagged: int = Field(description="flagged in the window")
    unsure: int = Field(description="reviewed, and left open: not in the share")
    false_alarms: Share = Field(description="false alarms among those confirmed or called false")


class Estimates(BaseModel):
    """What reviews say of the line, over frames captured in a window."""

    since: datetime | None = Field(description="of capture; None: all that there is")
    until: datetime
    escapes: list[Escape]
    false_alarms: list[FalseAlarms]
