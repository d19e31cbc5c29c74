"""The page's rooms, as the bar at the top lists them."""

from dataclasses import dataclass, replace

from fastapi import Request


@dataclass(frozen=True, slots=True)
class Room:
    """A room and its address; `here` where the request is inside it."""

    name: str
    address: str
    here: bool = False


ROOMS = (Room("Review", "/"), Room("Regions", "/regions"))


def rooms(request: Request) -> list[Room]:
    """All rooms, the one that the request is in marked."""
    return [replace(room, here=_inside(request.url.path, room.address)) for room in ROOMS]


def _inside(path: str, address: str) -> bool:
    return path == address or (address != "/" and path.startswith(f"{address}/"))
