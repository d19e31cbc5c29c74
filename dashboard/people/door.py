"""Every request passes here first: is it for this page, who asks, and did they mean it? What is not open is closed."""

import asyncio
from typing import cast
from urllib.parse import quote

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse, Response
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.people import cookie
from dashboard.people.access import UNSAFE, from_our_own_page, host_name
from dashboard.people.csrf import HEADER, carries, csrf_of
from dashboard.people.person import LOCAL, Person, Visitor
from dashboard.problems import http_error, no_record_yet
from dashboard.reader import NoRecordYetError
from dashboard.site import Site
from edge.ledger.accounts import TOKEN_MARK
from edge.ledger.holders import signed_in, token_holder
from edge.ledger.people import record_event

OPEN = ("/sign-in", "/healthz", "/readyz")
OPEN_FOLDER = "/static/"
FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-proto")
LONGEST_FORM_BYTES = 8192
RECHECK_S = 2.0
"""A stream outlives its sign-in by this much at most."""
NOT_MEANT = (
    "This did not come from a page of ours, or from an old one: load the page again. A program sends an API token: "
    "Authorization: Bearer TOKEN. An admin makes one at /people."
)


class Door:
    """ASGI middleware that lets a request in with `request.state.visitor` set, or answers it itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let in, or answer: 421 other host, 401 or the sign-in page, 403 forged or not encrypted, 413 long form."""
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        if scope["type"] != "http":
            raise RuntimeError(f"the page has no {scope['type']} routes")
        request = Request(scope)
        answer: Response | None = None
        try:
            visitor = request.state.visitor = await self._visitor(request)
        except HTTPException as error:
            request.state.visitor = None
            answer = _sign_in_page(request) if error.status_code == 401 else None
            answer = answer or http_error(request, error)
        except NoRecordYetError as error:
            request.state.visitor = None
            answer = no_record_yet(request, error)
        if answer is not None:
            return await answer(scope, receive, send)
        if visitor is None or visitor.secret is None:
            return await self._app(scope, receive, send)
        return await _WhileSignedIn(request, visitor, receive, send).run(self._app)

    async def _visitor(self, request: Request) -> Visitor | None:
        """Who asks; None on an open address. Raises HTTPException for whoever may not come in."""
        site = _site(request)
        if not site.access.knows(request.headers.get("host", "")):
            name = host_name(request.headers.get("host", ""))[:80]
            raise HTTPException(
                421, f"This page does not answer to {name!r}. If it should, set EDGE_PAGE_HOSTS={name}."
            )
        if _is_open(request.url.path):
            _check_open(request, site)
            return None
        check_way(request, site)
        visitor = await run_in_threadpool(visitor_now, request)
        if visitor is None:
            raise HTTPException(401, "Sign in, or send an API token.", {"WWW-Authenticate": "Bearer"})
        if request.method in UNSAFE and visitor.csrf is not None and not _is_meant(request, visitor.csrf):
            if visitor.secret is not None:
                await run_in_threadpool(_record_refusal, request, visitor, "sent a forged request")
            raise HTTPException(403, NOT_MEANT)
        return visitor


class _WhileSignedIn:
    """Passes a request of somebody with a secret on, and notes its refusal.

    The answer, if it is a stream, ends soon after the sign-in or token has ended.

    A stream listens for its client to leave; it is told so when the visitor's right to see more is gone.
    """

    def __init__(self, request: Request, visitor: Visitor, receive: Receive, send: Send) -> None:
        self._request, self._visitor = request, visitor
        self._receive, self._send = receive, send
        self._status = 0
        self._complete = False
        self._ended = False

    async def run(self, app: ASGIApp) -> None:
        await app(self._request.scope, self._receive_while, self._note)
        if self._ended and self._status and not self._complete:
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        if self._status == 403:
            await run_in_threadpool(_record_refusal, self._request, self._visitor, "was refused")

    async def _note(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            MutableHeaders(scope=message).setdefault("Cache-Control", "no-store")  # no way back to it after a sign-out
        elif message["type"] == "http.response.body":
            self._complete = not message.get("more_body", False)
        await self._send(message)

    async def _receive_while(self) -> Message:
        received = asyncio.ensure_future(self._receive())
        try:
            while not (await asyncio.wait({received}, timeout=RECHECK_S))[0]:
                if not await run_in_threadpool(_goes_on, self._request, self._visitor):
                    self._ended = True
                    return {"type": "http.disconnect"}
            return received.result()
        finally:
            received.cancel()


def visitor_now(request: Request) -> Visitor | None:
    """Who asks, by the record as it is now: a token before a sign-in, and the local operator only where one may be."""
    site, address = _site(request), request.client.host if request.client else None
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        with site.reader.read() as reading:
            holder = token_holder(reading.session, token.strip())
        if holder is None:
            return None
        return Visitor(Person(holder.name + TOKEN_MARK, holder.role, address), None, token.strip())
    if site.access.local:
        return Visitor(Person(LOCAL.name, LOCAL.role, address), site.access.local_csrf)
    secret = cookie.secret_in(request)
    if not secret:
        return None
    with site.reader.read() as reading:
        holder = signed_in(reading.session, secret)
    return None if holder is None else Visitor(Person(holder.name, holder.role, address), csrf_of(secret), secret)


def _goes_on(request: Request, visitor: Visitor) -> bool:
    try:
        now = visitor_now(request)
    except NoRecordYetError:
        return False
    return now is not None and now.secret == visitor.secret


def _is_open(path: str) -> bool:
    return path in OPEN or path.startswith(OPEN_FOLDER)


def _is_meant(request: Request, csrf: str) -> bool:
    ours = from_our_own_page(request.headers, scheme=request.url.scheme)
    return ours and carries(request.headers.get(HEADER), csrf)


def _check_open(request: Request, site: Site) -> None:
    """The sign-in form is the one thing that a stranger may send."""
    if request.method not in UNSAFE:
        return
    check_way(request, site)
    if not from_our_own_page(request.headers, scheme=request.url.scheme):
        raise HTTPException(403, "This did not come from a page of ours. Open the sign-in page itself.")
    length = request.headers.get("content-length", "")
    if not length.isdecimal() or int(length) > LONGEST_FORM_BYTES:
        raise HTTPException(413, "This is longer than a name and a password.")


def check_way(request: Request, site: Site) -> None:
    """Raise HTTPException 403 where it is not safe to say more.

    No password and no picture goes over the plant's network in the clear, and nobody comes in as the local
    operator through a proxy that the page was not told of.
    """
    if site.access.local and any(name in request.headers for name in FORWARDED):
        raise HTTPException(403, "This came through a proxy. Say so with EDGE_PAGE_PROXY=ADDRESS, and people sign in.")
    if not site.access.local and request.url.scheme != "https":
        raise HTTPException(403, "This page is for HTTPS alone. Use its https:// address, or that of its proxy.")


def _sign_in_page(request: Request) -> Response | None:
    """People are led to the sign-in page and back; programs get the status."""
    if request.method != "GET" or "text/html" not in request.headers.get("accept", ""):
        return None
    asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse("/sign-in" if asked == "/" else f"/sign-in?next={quote(asked, safe='')}", 303)


def _record_refusal(request: Request, visitor: Visitor, what: str) -> None:
    with _site(request).writes.write() as session:
        record_event(session, visitor.person, what, f"{request.method} {request.url.path[:200]}")


def _site(request: Request) -> Site:
    return cast(Site, request.app.state.site)
