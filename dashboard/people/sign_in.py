"""/sign-in: the one HTML form, and the check of a password that it shares with changing one's own."""

import math
import time
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from dashboard.people import cookie, passwords
from dashboard.people.person import Person
from dashboard.site import Site, SiteOf
from edge.ledger.accounts import account_named
from edge.ledger.holders import begin_sign_in, signed_in
from edge.ledger.page_access import LONGEST_PASSWORD
from edge.ledger.people import Role, record_event

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
WRONG = "Name or password is wrong."
Text = Annotated[str, Form(max_length=LONGEST_PASSWORD)]


@router.get("/sign-in", response_model=None)
def form(request: Request, site: SiteOf, next: str = "/") -> Response:
    """The form; whoever needs none, or is signed in, goes on at once."""
    secret = cookie.secret_in(request)
    with_no_need = site.access.local
    if secret and not with_no_need:
        with site.reader.read() as reading:
            with_no_need = signed_in(reading.session, secret) is not None
    return RedirectResponse(own_path(next), 303) if with_no_need else _form(request, site, next=next)


@router.post("/sign-in", response_model=None)
def sign_in(
    request: Request, site: SiteOf, name: Text = "", password: Text = "", next: Annotated[str, Form()] = "/"
) -> Response:
    """Check name and password, and lead on to where the person wanted to go."""
    try:
        secret = _begin(request, site, name, password)
    except HTTPException as error:
        response = _form(request, site, next=next, name=name, problem=error.detail)
        response.status_code = error.status_code
        response.headers.update(error.headers or {})
        return response
    response = RedirectResponse(own_path(next), 303)
    cookie.give(response, secret)
    return response


def check_password(request: Request, site: Site, name: str, password: str, *, refused: str) -> str | None:
    """The hash that the account has if this is its password; None if it is not, there is none or it is disabled.

    refused: what the log is to say of a wrong password
    Raises HTTPException 429 for one try too many.
    """
    address = address_of(request)
    wait_s = site.attempts.begin(name, address, time.monotonic())
    if wait_s:
        wait = {"Retry-After": str(math.ceil(wait_s))}
        raise HTTPException(429, f"Too many tries. Wait {math.ceil(wait_s / 60)} minutes, or ask an admin.", wait)
    with site.reader.read() as reading:
        account = account_named(reading.session, name)
    password_hash = account.password_hash if account else None
    if passwords.is_right(password_hash, password) and account and account.disabled_ns is None:
        site.attempts.was_right(name, address)
        return password_hash
    with site.writes.write() as session:
        # what was typed for an unknown name may be a password
        who = Person(account.name if account else "unknown name", Role.OPERATOR, address)
        record_event(session, who, refused, "disabled account" if account and account.disabled_ns else "wrong password")
    return None


def address_of(request: Request) -> str | None:
    """The browser's address, as a stated proxy tells it."""
    return request.client.host if request.client else None


def own_path(asked: str) -> str:
    """Where to go after the sign-in: an address of this page, or its first one. Never anywhere else."""
    try:
        parts = urlsplit(asked)
    except ValueError:
        return "/"
    ours = not parts.scheme and not parts.netloc and asked.startswith("/") and asked[1:2] not in ("/", "\\")
    return asked if ours and asked.isascii() and asked.isprintable() and " " not in asked else "/"


def _begin(request: Request, site: Site, name: str, password: str) -> str:
    """A new sign-in's secret. Raises HTTPException in words for the form."""
    password_hash = check_password(request, site, name, password, refused="sign-in refused")
    if password_hash is None:
        raise HTTPException(401, WRONG)
    better = passwords.hashed(password) if passwords.is_outdated(password_hash) else None
    with site.writes.write() as session:
        account = account_named(session, name)
        if account is None or account.disabled_ns is not None or account.password_hash != password_hash:
            raise HTTPException(401, WRONG)  # changed at this very moment
        account.password_hash = better or password_hash
        person = Person(account.name, Role(account.role), address_of(request))
        record_event(session, person, "signed in", account.role)
        return begin_sign_in(session, account)


def _form(request: Request, site: Site, *, next: str, name: str = "", problem: str = "") -> Response:
    context = {"next": own_path(next), "name": name, "problem": problem}
    return site.templates.TemplateResponse(request, "people/sign_in.html", context)
