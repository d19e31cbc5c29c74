"""Answers to what cannot be done: a page for people, JSON for programs."""

import logging
from http import HTTPStatus
from typing import cast

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException

from dashboard.rooms import rooms
from dashboard.site import Site
from dashboard.writes import BUSY
from edge.ledger.record import is_busy

log = logging.getLogger(__name__)
MOST_PROBLEMS = 10
NO_PAGE = "There is no page at this address."
NO_FILTER = "This cannot be looked for"
UNREACHABLE = "The database cannot be reached now. Nothing was changed; the page's log says why."


def no_record_yet(request: Request, error: Exception) -> Response:
    """There is nothing to read yet; the first page waits for it."""
    if request.url.path.startswith("/api/"):
        return JSONResponse({"detail": str(error)}, HTTPStatus.SERVICE_UNAVAILABLE)
    status = HTTPStatus.OK if request.url.path == "/" else HTTPStatus.SERVICE_UNAVAILABLE
    return _message(request, "empty.html", str(error), status)


def http_error(request: Request, error: Exception) -> Response:
    """What a route, or the door before it, refused."""
    problem = cast(HTTPException, error)
    if "text/html" in request.headers.get("accept", ""):
        status = HTTPStatus(problem.status_code)
        words = NO_PAGE if problem.detail == HTTPStatus.NOT_FOUND.phrase else problem.detail
        bad_filter = status is HTTPStatus.UNPROCESSABLE_ENTITY
        response = _message(
            request, "problem.html", words, status,
            heading=NO_FILTER if bad_filter else status.phrase,
            back=next((room for room in rooms(request) if room.here and bad_filter), None),
        )  # fmt: skip
        response.headers.update(problem.headers or {})
        return response
    return JSONResponse({"detail": problem.detail}, problem.status_code, problem.headers)


def not_as_described(request: Request, error: Exception) -> Response:
    """What was sent is not what the route takes: where and why, without sending it all back."""
    problems = cast(RequestValidationError, error).errors()
    told = [{"loc": each["loc"], "msg": each["msg"], "type": each["type"]} for each in problems[:MOST_PROBLEMS]]
    return JSONResponse({"detail": told}, HTTPStatus.UNPROCESSABLE_ENTITY)


def not_in_any_record(request: Request, error: Exception) -> Response:
    """A name or number that PostgreSQL refuses even to look for: with a zero byte in it, or far too large."""
    return http_error(request, HTTPException(404, "There is nothing of that name or number in the record."))


def record_in_trouble(request: Request, error: Exception) -> Response:
    """The record cannot be read or written now, in words; what it was is in the log."""
    trouble = cast(OperationalError, error)
    cause = str(trouble.orig)
    log.error("%s %s: %s", request.method, request.url.path, cause)
    if is_busy(trouble):
        return http_error(request, HTTPException(503, BUSY, {"Retry-After": "2"}))
    if cast(Site, request.app.state.site).settings.database.file is None:
        return http_error(request, HTTPException(503, UNREACHABLE, {"Retry-After": "5"}))
    words = f"The record cannot be written or read: {cause}. Nothing was changed. Look at the disk of the station."
    return http_error(request, HTTPException(507, words))


def record_is_damaged(request: Request, error: Exception) -> Response:
    """The record's file is no whole database: in words, which say what to do."""
    log.error("%s %s: %s", request.method, request.url.path, error)
    return http_error(request, HTTPException(500, f"{str(error)[0].upper()}{str(error)[1:]}"))


def _message(request: Request, template: str, message: str, status: HTTPStatus, **more: object) -> Response:
    templates = cast(Site, request.app.state.site).templates
    return templates.TemplateResponse(request, template, {"message": message, **more}, status_code=status)
