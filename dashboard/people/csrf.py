"""The token that a page of ours holds and a page of somebody else's does not."""

from fastapi import Request


def csrf_token(request: Request) -> str:
    """The token that writes from this page must carry in X-CSRF-Token."""
    return ""
