"""What every request needs, made once by create_app and handed to the routes."""

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, cast

from fastapi import Depends, Request
from fastapi.templating import Jinja2Templates

from dashboard import words
from dashboard.find.parts import part_address
from dashboard.line.board import Board
from dashboard.line.pictures import LivePictures
from dashboard.people.access import Access
from dashboard.people.attempts import Attempts
from dashboard.people.csrf import csrf_token
from dashboard.people.person import visitor_of
from dashboard.pulse import Pulse
from dashboard.reader import Reader
from dashboard.rooms import rooms
from dashboard.stations.pictures import StationPictures
from dashboard.stations.stations import Stations
from dashboard.streams import Streams
from dashboard.writes import Writes
from edge.settings import Settings

HERE = Path(__file__).parent


def _templates() -> Jinja2Templates:
    templates = Jinja2Templates(directory=HERE / "templates")
    templates.env.filters |= words.FILTERS
    templates.env.globals |= {"OUTCOMES": words.OUTCOMES, "bar": words.bar, "rooms": rooms, "csrf": csrf_token}
    templates.env.globals |= {"visitor": visitor_of, "part_address": part_address}
    templates.env.trim_blocks = templates.env.lstrip_blocks = True
    return templates


@dataclass(frozen=True, slots=True)
class Site:
    """One page's settings, its ways to and from the record, who may come in, and the sign that it is to end."""

    settings: Settings
    reader: Reader
    writes: Writes
    access: Access
    pictures: LivePictures
    board: Board
    pulse: Pulse
    stations: Stations | None  # where several share a database
    station_pictures: StationPictures
    attempts: Attempts = field(default_factory=Attempts)
    streams: Streams = field(default_factory=Streams)
    templates: Jinja2Templates = field(default_factory=_templates)
    stopping: threading.Event = field(default_factory=threading.Event)


def _site(request: Request) -> Site:
    return cast(Site, request.app.state.site)


SiteOf = Annotated[Site, Depends(_site)]
"""Parameter type of a route that needs the site."""
