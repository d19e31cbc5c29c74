"""The cookie that holds a sign-in's secret."""

from fastapi import Request
from fastapi.responses import Response

from edge.ledger.holders import SIGN_IN_NS

NAME = "__Host-edge-sign-in"
"""The prefix lets a browser take it over HTTPS only, and from this very host."""


def give(response: Response, secret: str) -> None:
    """Let the browser keep the secret for as long as the sign-in lasts, out of any script's reach."""
    response.set_cookie(
        NAME, secret, max_age=SIGN_IN_NS // 10**9, path="/", secure=True, httponly=True, samesite="strict"
    )


def take_back(response: Response) -> None:
    """Let the browser forget it."""
    response.delete_cookie(NAME, path="/", secure=True, httponly=True, samesite="strict")


def secret_in(request: Request) -> str | None:
    """What the browser holds."""
    return request.cookies.get(NAME)
