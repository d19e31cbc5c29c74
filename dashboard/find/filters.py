"""What frames are looked for: the same names in the address of /find, in the API, and in the exports."""

from collections.abc import Sequence
from datetime import datetime, time
from typing import Annotated, Literal, Self
from urllib.parse import urlencode

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from dashboard.station_time import Moment, Unit, start_of
from edge.ledger.record import LARGEST_ID
from edge.ledger.reviews import ReviewVerdict
from edge.verdict import Outcome

NS = 1_000_000_000
UNREVIEWED = "unreviewed"
REVIEWS = (UNREVIEWED, *(verdict.value for verdict in ReviewVerdict if verdict is not ReviewVerdict.WITHDRAWN))
WHEN = {"hour": "Last hour", "shift": "This shift", "today": "Today"}
PAGING = {"after", "before", "limit", "view"}


def _known_review(value: str) -> str:
    if value not in REVIEWS:
        raise ValueError(f"give one of {', '.join(REVIEWS)}")
    return value


class Filters(BaseModel):
    """All that is given must hold; without any, every frame."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    when: Literal["hour", "shift", "today"] | None = Field(None, description="up to now, by the station's clock")
    since: Moment | None = Field(
        None, alias="from", description="captured at or after; without an offset by the station's clock"
    )
    until: Moment | None = Field(None, alias="to", description="captured before")
    run: str | None = None
    camera: str | None = None
    category: str | None = None
    outcome: tuple[Outcome, ...] = Field((), description="may be repeated")
    reason: str | None = None
    review: Annotated[str, AfterValidator(_known_review)] | None = Field(
        None, description=f"what people said last: {', '.join(REVIEWS)}; what was withdrawn counts as unreviewed"
    )
    score_from: float | None = None
    score_to: float | None = None
    part: str | None = Field(None, description="exact, or a beginning with a star: PCB-*")
    lot: str | None = Field(None, description="as part")
    serial: str | None = Field(None, description="as part")
    bundle: str | None = Field(None, description="beginning of a bundle's name or of its hash")

    def span_ns(self, now_ns: int, shifts: Sequence[time]) -> tuple[int | None, int | None]:
        """From when (inclusive) to when (exclusive) frames were captured, None where nothing is asked."""
        begins = [begin for begin in (_ns(self.since), self._when_ns(now_ns, shifts)) if begin is not None]
        return max(begins, default=None), _ns(self.until)

    def address(self, path: str = "/find", **others: object) -> str:
        """The page (or export) of these filters, and of others in their place; what is None is left out."""
        given = self.model_dump(mode="json", by_alias=True, exclude_defaults=True) | others
        query = {name: value for name, value in given.items() if value not in (None, "", [], ())}
        return f"{path}?{urlencode(query, doseq=True)}" if query else path

    def in_words(self) -> str:
        """What is asked for, for example `camera left, outcome defect or unsure`; `every frame` if nothing is."""
        given = self.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude=PAGING)
        some = (
            f"{name.replace('_', ' ')} {' or '.join(value) if isinstance(value, list) else value}"
            for name, value in given.items()
        )
        return ", ".join(some) or "every frame"

    def wanted(self) -> "Filters":
        """The filters alone, without paging and looks."""
        return Filters.model_validate(self.model_dump(exclude=PAGING))

    def _when_ns(self, now_ns: int, shifts: Sequence[time]) -> int | None:
        if self.when == "hour":
            return now_ns - 3600 * NS
        unit = {"shift": Unit.SHIFT, "today": Unit.DAY}.get(self.when or "")
        return start_of(unit, now_ns / NS, shifts) * NS if unit else None


class PageQuery(Filters):
    """/find: filters, how frames are shown, and where the page begins."""

    view: Literal["cards", "list"] = "cards"
    before: int | None = Field(None, ge=0, le=LARGEST_ID)


class FramesQuery(Filters):
    """GET /api/v1/frames."""

    after: int | None = Field(None, ge=0, le=LARGEST_ID, description="ids above it, oldest first")
    before: int | None = Field(None, ge=0, le=LARGEST_ID, description="ids below it, newest first")
    limit: int = Field(50, ge=1, le=500)

    @classmethod
    def of(cls, **values: object) -> Self:
        """From names as they are in the model."""
        return cls.model_validate(values)


def _ns(moment: datetime | None) -> int | None:
    return None if moment is None else round(moment.timestamp() * 1_000_000) * 1000
