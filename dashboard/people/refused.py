"""An EdgeError as an answer."""

from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import HTTPException

from edge.errors import EdgeError


@contextmanager
def saying(status: int) -> Iterator[None]:
    """Answer an EdgeError of the block with its own words and this status."""
    try:
        yield
    except EdgeError as error:
        raise HTTPException(status, str(error)) from error
