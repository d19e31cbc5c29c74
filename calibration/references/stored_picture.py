"""The picture that the record kept of a frame, and what it is called where it serves as a reference."""

from pathlib import Path

from edge.errors import EdgeError
from edge.frame import Pixels
from edge.ledger.reviewed import ReviewedFrame
from edge.line.picture import UnreadablePicture, read_picture


class PictureGone(EdgeError):
    """A frame's picture is not where the record says."""


def source_of(frame: ReviewedFrame) -> str:
    """Its run, camera and number: ids mean nothing outside the record that they are from."""
    return f"frame {frame.key}"


def stored_picture(media: Path, frame: ReviewedFrame) -> Pixels:
    """[H, W, 3] uint8 RGB, as JPEG of quality 95 left it of what the line scored.

    Raises PictureGone, naming the frame, if none was kept or the file is missing or damaged.
    """
    if frame.picture_path is None:
        raise PictureGone(
            f"frame {frame.id} ({frame.key}) has no picture: none was kept, or retention removed it; "
            f"it was {frame.outcome}."
        )
    try:
        return read_picture(media / frame.picture_path)
    except UnreadablePicture as error:
        raise PictureGone(
            f"frame {frame.id} ({frame.key}): {error} `edge verify` lists all files that are missing."
        ) from error
