"""Pictures of other stations, fetched over real HTTP from pages that are well, slow, hostile or gone."""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import cv2
import pytest

from dashboard.stations.pictures import MOST_BYTES, TIMEOUT_S, StationPictures
from edge.errors import EdgeError
from tests.ledger_rows import grey_picture

PICTURE = cv2.imencode(".jpg", grey_picture())[1].tobytes()
TOKEN = "edge_token-of-the-plant"


class Page(BaseHTTPRequestHandler):
    """A station's page that answers what the test says."""

    asked: ClassVar[list[tuple[str, str | None]]]
    content = PICTURE
    status = 200
    wait_s = 0.0

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers["Authorization"]))
        time.sleep(self.wait_s)
        self.send_response(self.status)
        if self.status == 302:
            self.send_header("Location", "/elsewhere")
        self.end_headers()
        self.wfile.write(self.content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def page() -> Iterator[tuple[type[Page], str]]:
    class Mine(Page):
        asked: ClassVar[list[tuple[str, str | None]]] = []

    with ThreadingHTTPServer(("127.0.0.1", 0), Mine) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Mine, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def pictures(address: str, tmp_path: Path) -> StationPictures:
    return StationPictures({"press-3": address}, TOKEN, tmp_path / "thumbnails")


def test_a_picture_is_fetched_once_with_the_token_and_kept(page: tuple[type[Page], str], tmp_path: Path) -> None:
    theirs, address = page
    for _ in range(2):
        kept = pictures(address, tmp_path).thumbnail("press-3", 7, 123)
        assert isinstance(kept, Path)
        assert kept.read_bytes() == PICTURE
    assert theirs.asked == [("/frames/7/thumbnail.jpg?v=123", f"Bearer {TOKEN}")]


@pytest.mark.parametrize(
    ("status", "content", "words"),
    [
        (200, b"<html>sign in</html>", "no JPEG"),
        (200, PICTURE + bytes(MOST_BYTES), "no JPEG"),
        (401, b"", "answers 401"),
        (404, b"", "answers 404"),
        (302, b"", "answers 302"),
    ],
)
def test_what_is_no_picture_is_said_and_not_kept(
    page: tuple[type[Page], str], tmp_path: Path, status: int, content: bytes, words: str
) -> None:
    theirs, address = page
    theirs.status, theirs.content = status, content
    with pytest.raises(EdgeError, match=words) as refused:
        pictures(address, tmp_path).thumbnail("press-3", 7, 123)
    assert TOKEN not in str(refused.value)
    assert len(theirs.asked) == 1, "a redirect is not followed"
    theirs.status, theirs.content = 200, PICTURE
    assert pictures(address, tmp_path).thumbnail("press-3", 7, 123)


def test_a_station_that_hangs_is_named_and_not_asked_again_at_once(
    page: tuple[type[Page], str], tmp_path: Path
) -> None:
    theirs, address = page
    theirs.wait_s = TIMEOUT_S + 0.5
    fetched = pictures(address, tmp_path)
    for frame in (7, 8, 9):
        with pytest.raises(EdgeError, match="press-3 cannot be reached at http://127"):
            fetched.thumbnail("press-3", frame, 123)
    assert len(theirs.asked) == 1


def test_a_station_without_an_address_and_one_that_is_gone_are_named(tmp_path: Path) -> None:
    fetched = pictures("http://127.0.0.1:9", tmp_path)
    with pytest.raises(EdgeError, match=r"press-3 cannot be reached at http://127\.0\.0\.1:9: "):
        fetched.thumbnail("press-3", 7, 123)
    with pytest.raises(EdgeError, match="EDGE_STATIONS"):
        fetched.thumbnail("press-4", 7, 123)
