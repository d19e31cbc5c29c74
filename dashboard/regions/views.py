"""A drawn area as the API takes and gives it."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

Share = Annotated[float, Field(ge=0, le=1)]
Corner = tuple[Share, Share]
Polygon = Annotated[list[Corner], Field(min_length=3, max_length=200)]
Polygons = Annotated[list[Polygon], Field(max_length=50)]
LEAST_AREA = 1e-5
"""Share of the picture that a polygon must hold: a slip of the hand holds less."""


class Drawing(BaseModel):
    """What counts: inside any polygon of `area` (everywhere if there is none), outside all of `ignore`."""

    model_config = ConfigDict(extra="forbid")

    bundle: str = Field(description="content hash of the bundle over whose first reference it was drawn")
    area: Polygons = Field(description="corners [x, y] as shares of the picture's width and height, 0 to 1")
    ignore: Polygons

    @field_validator("area", "ignore")
    @classmethod
    def _holds_something(cls, polygons: list[list[Corner]]) -> list[list[Corner]]:
        for number, polygon in enumerate(polygons, 1):
            if _area(polygon) < LEAST_AREA:
                raise ValueError(f"polygon {number} holds nothing: its corners lie on one line")
        return polygons


class DrawnView(BaseModel):
    """The newest drawing of a category, and what became of it."""

    order: int
    bundle: str
    area: list[list[Corner]]
    ignore: list[list[Corner]]
    drawn_by: str
    drawn_at: datetime
    state: str = Field(description="waiting for the line, doing, done, or refused")
    answer: str | None = Field(description="the bundle that was made, or why none was")


class CategoryView(BaseModel):
    """A category whose pictures can be drawn on."""

    category: str
    bundle: str = Field(description="content hash of the bundle over whose first reference one draws")
    bundle_name: str = Field(description="for example pcb@7")
    drawn: DrawnView | None


def _area(polygon: list[Corner]) -> float:
    """The shoelace formula."""
    after = [*polygon[1:], polygon[0]]
    return abs(sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in zip(polygon, after, strict=True))) / 2
