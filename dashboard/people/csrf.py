"""The token that a page of ours holds and a page of somebody else's does not."""

import hashlib
import hmac

from fastapi import Request

from dashboard.people.person import visitor_of

HEADER = "x-csrf-token"


def csrf_token(request: Request) -> str:
    """The token that writes from this page must carry in X-CSRF-Token; empty where nobody is signed in."""
    visitor = visitor_of(request)
    return visitor.csrf or "" if visitor else ""


def csrf_of(sign_in_secret: str) -> str:
    """The token that belongs to a sign-in: known to whoever has its secret, and of no use to learn that secret."""
    return hmac.new(sign_in_secret.encode(), b"csrf", hashlib.sha256).hexdigest()


def carries(request_token: str | None, expected: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest((request_token or "").encode(), expected.encode())
