"""The page as an ASGI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import cast

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from dashboard import api, media, metrics, pages
from dashboard.headers import SafeHeaders
from dashboard.reader import NoRecordYetError, Reader
from dashboard.regions import api as regions_api
from dashboard.regions import pages as regions_pages
from dashboard.site import HERE, Site
from dashboard.writes import Writes
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
    app.state.site = Site(settings, Reader(settings.database), Writes(settings.database))
    app.add_middleware(SafeHeaders)
    app.add_exception_handler(NoRecordYetError, _no_record_yet)
    app.add_exception_handler(HTTPException, _http_error)
    app.mount("/static", StaticFiles(directory=HERE / "static"))
    for module in (pages, media, api, metrics, regions_pages, regions_api):
        app.include_router(module.router)
    app.add_api_route("/healthz", _health, response_class=JSONResponse)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    site = cast(Site, app.state.site)
    yield
    site.stopping.set()
    site.reader.close()


def _health(request: Request) -> dict[str, str]:
    """The page answers, and whether it can read a record: `ready` or why not."""
    try:
        with cast(Site, request.app.state.site).reader.read():
            return {"page": "ok", "record": "ready"}
    except NoRecordYetError as error:
        return {"page": "ok", "record": str(error)}


def _no_record_yet(request: Request, error: Exception) -> Response:
    if request.url.path.startswith("/api/"):
        return JSONResponse({"detail": str(error)}, HTTPStatus.SERVICE_UNAVAILABLE)
    status = HTTPStatus.OK if request.url.path == "/" else HTTPStatus.SERVICE_UNAVAILABLE
    return _message(request, "empty.html", str(error), status)


def _http_error(request: Request, error: Exception) -> Response:
    problem = cast(HTTPException, error)
    if "text/html" in request.headers.get("accept", ""):
        return _message(request, "problem.html", problem.detail, HTTPStatus(problem.status_code))
    return JSONResponse({"detail": problem.detail}, problem.status_code, problem.headers)


def _message(request: Request, template: str, message: str, status: HTTPStatus) -> Response:
    templates = cast(Site, request.app.state.site).templates
    return templates.TemplateResponse(request, template, {"message": message, "status": status}, status_code=status)
