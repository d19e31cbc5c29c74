"""Answers to what cannot be done: a page for people, JSON for programs."""

from http import HTTPStatus
from typing import cast

from fastapi import Request
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from dashboard.site import Site


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
        response = _message(request, "problem.html", problem.detail, HTTPStatus(problem.status_code))
        response.headers.update(problem.headers or {})
        return response
    return JSONResponse({"detail": problem.detail}, problem.status_code, problem.headers)


def _message(request: Request, template: str, message: str, status: HTTPStatus) -> Response:
    templates = cast(Site, request.app.state.site).templates
    return templates.TemplateResponse(request, template, {"message": message, "status": status}, status_code=status)
