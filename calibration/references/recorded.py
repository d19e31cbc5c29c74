"""Pictures that the line itself recorded, as references: frames whose picture was kept, by their number."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from calibration.references.stored_picture import source_of, stored_picture
from edge.database import Database
from edge.errors import EdgeError
from edge.ledger.reviewed import ReviewedFrame, frames_by_id
from edge.ledger.schema import open_existing
from edge.line.shot import Shot


def recorded_frames(database: Database, media: Path, ids: Sequence[int]) -> list[ReviewedFrame]:
    """The inspections with these ids, in the order asked for, each with its picture.

    database: of the record, which must be there;  media: the folder that its paths are relative to
    Raises EdgeError naming the frames that the record does not have, or whose picture was not kept.
    """
    engine = open_existing(database)
    found = {frame.id: frame for frame in frames_by_id(engine, ids)}
    engine.dispose()
    _check_none("not in the record", [one for one in ids if one not in found])
    paths = {one: found[one].picture_path for one in ids}
    _check_none(
        "it has no picture: only flagged frames keep one, and retention may have removed it",
        [one for one, path in paths.items() if path is None],
    )
    _check_none(
        "its picture's file is gone; `edge verify` lists all such",
        [one for one, path in paths.items() if path is not None and not (media / path).is_file()],
    )
    return [found[one] for one in ids]


class RecordedFrames:
    """A camera (edge.line.shot.Camera) that gives recorded pictures, in order."""

    finite = True
    can_wait = True
    continuous = False

    def __init__(self, media: Path, frames: Sequence[ReviewedFrame]) -> None:
        self.source = "the record"
        self._media = media
        self._frames: Iterator[ReviewedFrame] = iter(frames)

    def read(self) -> Shot | None:
        """The next picture, None at the end. Raises PictureGone if its file is damaged."""
        frame = next(self._frames, None)
        return None if frame is None else Shot(stored_picture(self._media, frame), time.time_ns(), source_of(frame))

    def lock_controls(self) -> dict[str, float]:
        """Nothing to lock: {}."""
        return {}

    def close(self) -> None:
        """End it: every later `read` returns None."""
        self._frames = iter(())


def _check_none(what: str, wrong: Sequence[int]) -> None:
    if wrong:
        shown = ", ".join(map(str, wrong[:10])) + (", ..." if len(wrong) > 10 else "")
        raise EdgeError(f"frame {shown}: {what}. A frame's page, /frames/NUMBER, has its number.")
