"""Numbers while the journal's disk is full: who can wait waits, a live camera's pictures are counted and named."""

import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge.frame import PartIdentity
from edge.line.journal import Journal, frames_in
from edge.line.numbering import Numbering


@contextmanager
def full(journal: Journal, *, room: int = 0) -> Iterator[None]:
    """No file of this process may grow beyond the journal and so many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (journal.path.stat().st_size + room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path, run="r", camera="cam", source="rtsp://cam", category=None) as journal:
        yield journal


def numbering(journal: Journal, *, waits: bool) -> Numbering:
    return Numbering(journal, source="rtsp://cam", waits=waits, stop=threading.Event())


def test_a_live_cameras_pictures_get_their_numbers_once_there_is_room_in_the_order_of_their_capture(
    journal: Journal,
) -> None:
    numbers = numbering(journal, waits=False)
    assert numbers.number(captured_ns=1, source="rtsp://cam").info is not None
    with full(journal, room=10):
        for captured_ns in (2, 3, 4):
            given = numbers.number(captured_ns=captured_ns, source="rtsp://cam")
            assert (given.info, given.late) == (None, None)
        assert numbers.held_by is not None
        assert numbers.missed == 3
    given = numbers.number(captured_ns=5, source="rtsp://cam")
    assert given.info is not None
    assert (given.info.seq, given.late, numbers.missed, numbers.held_by) == (5, (2, 4), 0, None)
    with journal.path.open("rb") as file:
        assert [frame.captured_ns for frame in frames_in(file, run="r", camera="cam")] == [1, 2, 3, 4, 5]


def test_room_for_some_only_numbers_those_and_says_which(journal: Journal) -> None:
    numbers = numbering(journal, waits=False)
    with full(journal):
        for captured_ns in (1, 2, 3):
            numbers.number(captured_ns=captured_ns, source="rtsp://cam")
    with full(journal, room=90):  # a line is about 42 bytes
        given = numbers.number(captured_ns=4, source="rtsp://cam")
    assert (given.info, given.late, numbers.missed) == (None, (1, 2), 2)


def test_a_source_that_can_wait_waits_with_its_picture(journal: Journal) -> None:
    numbers, seqs = numbering(journal, waits=True), []
    with full(journal):
        waiting = threading.Thread(target=lambda: seqs.append(numbers.number(captured_ns=1, source="1.png").info))
        waiting.start()
        waiting.join(0.3)
        assert waiting.is_alive()
    waiting.join(10)
    assert seqs[0] is not None
    assert seqs[0].seq == 1


def test_a_part_that_was_asked_for_and_got_no_number_is_not_numbered_later(journal: Journal) -> None:
    numbers = numbering(journal, waits=False)
    with full(journal):
        given = numbers.number(captured_ns=1, source="rtsp://cam", identity=PartIdentity("board", None, "7"))
        assert given.info is None
    assert numbers.missed == 0
