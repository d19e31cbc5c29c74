"""The page's rooms, as the bar at the top lists them."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from fastapi import Request

from dashboard.people.person import visitor_of
from edge.ledger.people import Role

if TYPE_CHECKING:
    from dashboard.site import Site


@dataclass(frozen=True, slots=True)
class Room:
    """A room and its address; `here` where the request is inside it, `needs` what it takes to see it."""

    name: str
    address: str
    needs: Role = Role.OPERATOR
    here: bool = False


ROOMS = (
    Room("Review", "/"),
    Room("Audit", "/audit"),
    Room("Line", "/line"),
    Room("Trends", "/trends"),
    Room("Find", "/find"),
    Room("Regions", "/regions"),
    Room("People", "/people", Role.ADMIN),
)
STATIONS = Room("Stations", "/stations")
"""Only where several stations share a database."""


def rooms(request: Request) -> list[Room]:
    """The rooms that whoever asks may see, the one that the request is in marked."""
    visitor = visitor_of(request)
    there = ROOMS if cast("Site", request.app.state.site).stations is None else (*ROOMS, STATIONS)
    mine = [room for room in there if visitor and visitor.person.role.covers(room.needs)]
    return [replace(room, here=_inside(request.url.path, room.address)) for room in mine]


def _inside(path: str, address: str) -> bool:
    return path == address or (address != "/" and path.startswith(f"{address}/"))
