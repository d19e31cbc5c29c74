"""Pictures that the line itself recorded, as references: frames whose picture was kept, by their number."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.errors import EdgeError
from edge.frame import Pixels
from edge.ledger.record import Inspection, open_engine, unit_of_work
from edge.ledger.schema import prepare
from edge.line.picture import read_picture
from edge.line.shot import Shot


@dataclass(frozen=True, slots=True)
class RecordedPicture:
    """A recorded frame's picture.

    id:     the inspection's number, with which its address on the page ends: /frames/12
    source: what to call it: `frame 12 (top, part.png)`
    path:   the file, a JPEG
    """

    id: int
    source: str
    path: Path

    @property
    def pixels(self) -> Pixels:
        """[H, W, 3] uint8 RGB. Raises UnreadablePicture if the file is damaged."""
        return read_picture(self.path)


def recorded_pictures(database: Path, media: Path, ids: Sequence[int]) -> list[RecordedPicture]:
    """The pictures of these inspections, in the order asked for; pixels are read when asked for.

    database: the record's SQLite file, which must be there;  media: the folder that its paths are relative to
    Raises EdgeError naming the frames that the record does not have, or whose picture was not kept.
    """
    if not database.is_file():
        raise EdgeError(f"record {database}: no such file. Name the station's data folder with --data.")
    prepare(database)
    engine = open_engine(database)
    with unit_of_work(engine) as session:
        rows = {one: session.get(Inspection, one) for one in ids}
        found = {one: _picture(row, media) for one, row in rows.items() if row is not None}
    engine.dispose()
    _check_all("not in the record", [one for one in ids if one not in found])
    _check_all("it has no picture, since only flagged frames keep one", [one for one in ids if found[one] is None])
    pictures = [picture for one in ids if (picture := found[one]) is not None]
    _check_all(
        "its picture's file is gone; `edge verify` lists all such", [p.id for p in pictures if not p.path.is_file()]
    )
    return pictures


class RecordedFrames:
    """A camera (edge.line.shot.Camera) that gives recorded pictures, in order."""

    finite = True
    can_wait = True
    continuous = False

    def __init__(self, pictures: Sequence[RecordedPicture]) -> None:
        self.source = "the record"
        self._pictures: Iterator[RecordedPicture] = iter(pictures)

    def read(self) -> Shot | None:
        """The next picture, None at the end."""
        picture = next(self._pictures, None)
        return None if picture is None else Shot(picture.pixels, time.time_ns(), picture.source)

    def lock_controls(self) -> dict[str, float]:
        """Nothing to lock: {}."""
        return {}

    def close(self) -> None:
        """End it: every later `read` returns None."""
        self._pictures = iter(())


def parse_frames(text: str) -> list[int]:
    """`12,15-18` -> [12, 15, 16, 17, 18], each once. Raises EdgeError for what is no such list."""
    wanted: dict[int, None] = {}
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not (last.isdecimal() and int(first) <= int(last))):
            raise EdgeError(f"--frames {text!r}: {part!r} is no number and no range. Write for example 12,15-18.")
        wanted |= dict.fromkeys(range(int(first), int(last or first) + 1))
    return list(wanted)


def _picture(row: Inspection, media: Path) -> RecordedPicture | None:
    if row.picture_path is None:
        return None
    return RecordedPicture(row.id, f"frame {row.id} ({row.camera.name}, {row.source})", media / row.picture_path)


def _check_all(what: str, wrong: Sequence[int]) -> None:
    if wrong:
        shown = ", ".join(map(str, wrong[:10])) + (", ..." if len(wrong) > 10 else "")
        raise EdgeError(f"frame {shown}: {what}. A frame's page, /frames/NUMBER, has its number.")
