"""Small pictures of other stations' frames, fetched from their own pages, and kept as files that can be made again."""

import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from functools import cached_property
from http.client import HTTPException
from pathlib import Path
from typing import IO

from dashboard import thumbnails
from edge.errors import EdgeError

TIMEOUT_S = 3.0
DOWN_S = 10.0
"""So long nobody asks a station again that could not be reached."""
MOST_BYTES = 1 << 20
JPEG = b"\xff\xd8\xff"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A station's page answers itself: whoever is sent elsewhere would take the token there."""

    def redirect_request(self, *_: object, **__: object) -> None:
        """None, so that the redirect is an error."""


class StationPictures:
    """Safe to use from many threads."""

    def __init__(self, pages: Mapping[str, str], token: str | None, folder: Path) -> None:
        """pages: addresses by station;  token: an API token of theirs, the same at all;  folder: of kept pictures."""
        self._pages, self._folder = pages, folder
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._lock = threading.Lock()
        self._down: dict[str, tuple[float, str]] = {}  # by station: until when nobody asks it, and why

    @cached_property
    def _opener(self) -> urllib.request.OpenerDirector:
        """Asks no proxy. Made at the first question: the world's certificates take long to read, and few pages ask."""
        https = urllib.request.HTTPSHandler(context=ssl.create_default_context())
        return urllib.request.build_opener(urllib.request.ProxyHandler({}), https, _NoRedirect())

    def thumbnail(self, station: str, frame_id: int, captured_ns: int) -> Path | bytes:
        """A frame's thumbnail: a file, or where none can be kept the JPEG itself.

        Raises EdgeError if the station's page is not known, cannot be reached, or gives no picture.
        """

        def fetch() -> bytes:
            return self._fetch(station, f"/frames/{frame_id}/thumbnail.jpg?v={captured_ns}")

        return thumbnails.kept(
            self._folder / station, frame_id=frame_id, captured_ns=captured_ns, ending=".jpg", make=fetch
        )

    def _fetch(self, station: str, path: str) -> bytes:
        page = self._pages.get(station)
        if page is None:
            raise EdgeError(f"the address of {station}'s page is not known: add {station}=https://... to EDGE_STATIONS")
        self._refuse_if_down(station)
        request = urllib.request.Request(page.rstrip("/") + path, headers=self._headers)
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as answer:
                return _jpeg(answer, station)
        except urllib.error.HTTPError as error:
            with error:
                raise EdgeError(f"{station} gives no picture: its page answers {error.code} {error.reason}") from error
        except (OSError, HTTPException) as error:
            why = f"{station} cannot be reached at {page}: {getattr(error, 'reason', None) or error}"
            with self._lock:
                self._down[station] = time.monotonic() + DOWN_S, why
            raise EdgeError(why) from error

    def _refuse_if_down(self, station: str) -> None:
        with self._lock:
            until_s, why = self._down.get(station, (0.0, ""))
        if time.monotonic() < until_s:
            raise EdgeError(why)


def _jpeg(answer: IO[bytes], station: str) -> bytes:
    """What a page answered, if it is a JPEG of a sensible size."""
    content = answer.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES or not content.startswith(JPEG):
        raise EdgeError(f"{station} gives no picture: its page answers what is no JPEG of {MOST_BYTES} bytes at most")
    return content
