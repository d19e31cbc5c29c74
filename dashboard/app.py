"""The page as an ASGI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.staticfiles import StaticFiles
from sqlalchemy.exc import DataError, OperationalError
from starlette.exceptions import HTTPException

from dashboard import api, api_docs, health, media, metrics
from dashboard.audit import api as audit_api
from dashboard.audit import pages as audit_pages
from dashboard.body_limit import BodyLimit
from dashboard.find import api as find_api
from dashboard.find import pages as find_pages
from dashboard.headers import SafeHeaders
from dashboard.line import api as line_api
from dashboard.line import pages as line_pages
from dashboard.line import score
from dashboard.line.board import Board
from dashboard.line.pictures import LivePictures
from dashboard.people import routes as people
from dashboard.people.access import Access
from dashboard.people.door import Door
from dashboard.problems import (
    http_error,
    no_record_yet,
    not_as_described,
    not_in_any_record,
    record_in_trouble,
    record_is_damaged,
)
from dashboard.pulse import Pulse
from dashboard.reader import NoRecordYetError, Reader
from dashboard.regions import api as regions_api
from dashboard.regions import pages as regions_pages
from dashboard.review import api as review_api
from dashboard.review import kinds, reference
from dashboard.review import pages as review_pages
from dashboard.site import HERE, Site
from dashboard.stations import pages as stations_pages
from dashboard.stations.pictures import StationPictures
from dashboard.stations.stations import Stations
from dashboard.trends import pages as trends_pages
from dashboard.writes import Writes
from edge.ledger.damage import Damaged
from edge.settings import Settings


def create_app(settings: Settings) -> FastAPI:
    """The page on the record of `settings.data`; works before that record exists, and writes what people say there.

    `app.state.site.stopping` ends all event streams within half a second.
    """
    app = FastAPI(
        title="Edge inspection",
        docs_url=None,  # FastAPI's own pages load scripts from elsewhere
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        lifespan=_lifespan,
    )
    reader, writes, pictures = Reader(settings.database), Writes(settings.database), LivePictures(settings.live)
    board, pulse = Board(settings, reader, pictures), Pulse(reader)
    stations = None if settings.database.url is None else Stations(settings.database, settings.station_pages)
    token = None if settings.stations_token is None else settings.stations_token.get_secret_value()
    fetched = StationPictures(settings.station_pages, token, settings.thumbnails / "stations")
    app.state.site = Site(settings, reader, writes, Access.of(settings), pictures, board, pulse, stations, fetched)
    app.add_middleware(BodyLimit)
    app.add_middleware(Door)
    app.add_middleware(SafeHeaders)  # the last one added is the first to see a request
    app.add_exception_handler(NoRecordYetError, no_record_yet)
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(RequestValidationError, not_as_described)
    app.add_exception_handler(DataError, not_in_any_record)
    app.add_exception_handler(OperationalError, record_in_trouble)
    app.add_exception_handler(Damaged, record_is_damaged)
    app.mount("/static", StaticFiles(directory=HERE / "static"))
    rooms = (
        *(review_pages, review_api, kinds, reference, audit_pages, audit_api),
        *(line_pages, line_api, score, trends_pages, find_pages, find_api),
        *(regions_pages, regions_api, people, stations_pages),
    )
    for module in (*rooms, media, api, health, metrics, api_docs):
        app.include_router(module.router)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    site = cast(Site, app.state.site)
    yield
    site.stopping.set()
    site.reader.close()
    if site.stations is not None:
        site.stations.close()
