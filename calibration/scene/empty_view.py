"""Pictures of the empty belt or fixture: from a folder, or from a live camera once a person has cleared its view."""

from collections.abc import Callable
from pathlib import Path

from calibration.references.collect import Taken
from edge.errors import EdgeError
from edge.line.camera import Camera
from edge.line.picture import is_picture, read_picture
from edge.line.sources import pictures_in
from edge.line.trigger import Trigger

LEAST, MOST = 2, 32
"""Pictures of the empty view: one alone does not say how they differ, and more than that say no more."""

MOST_NAMED = 5

APART = 10
"""Frames of a live camera from one picture to the next, lest all show one moment."""


def parse_empty(text: str) -> int | Path:
    """How many frames to take, or where pictures are; a folder of digits is written ./5.

    Raises EdgeError for a number that cannot be, or where no picture is.
    """
    if text.isdecimal():
        if not LEAST <= int(text) <= MOST:
            raise EdgeError(f"--empty {text}: give {LEAST} to {MOST} frames, or a folder of pictures (./{text}).")
        return int(text)
    path = Path(text).expanduser()
    if not path.exists():
        raise EdgeError(f"--empty {path}: no such file or folder. Give a folder of pictures, or a number of frames.")
    return path


def read_empties(path: Path) -> list[Taken]:
    """The pictures of a folder, the first MOST by name.

    Raises EdgeError for fewer than LEAST, and UnreadablePicture.
    """
    files = pictures_in(path) if path.is_dir() else [path] if is_picture(path) else []
    inner = [] if files or not path.is_dir() else [each for each in sorted(path.iterdir()) if each.is_dir()]
    if named := ", ".join([each.name for each in inner if pictures_in(each)][:MOST_NAMED]):
        raise EdgeError(
            f"--empty {path}: there are no pictures in this folder itself, only in {named}. Name one of these folders."
        )
    if len(files) < LEAST:
        raise EdgeError(
            f"--empty {path}: {len(files)} pictures of the empty view, at least {LEAST} are needed: "
            "one alone does not say how they differ."
        )
    return [Taken(read_picture(file), file.name) for file in files[:MOST]]


def take_empties(camera: Camera, count: int, clear: Callable[[], None], trigger: Trigger | None = None) -> list[Taken]:
    """`count` frames of a live camera, after `clear` has asked a person to clear the view and returned.

    trigger: is shown the empty view as well, so that it takes none of it for a part

    Raises EdgeError if the camera is none whose view a person can clear, or ends.
    """
    if camera.can_wait:
        raise EdgeError(
            f"--empty {count}: {camera.source} is no live camera whose view could be cleared. "
            "Give a folder with pictures of the empty view: --empty PATH."
        )
    clear()
    taken: list[Taken] = []
    number = 0
    while len(taken) < count:
        shot = camera.read()
        if shot is None:
            raise EdgeError(f"{camera.source}: ended after {len(taken)} of {count} frames of the empty view.")
        number += shot.pixels is not None
        if trigger is not None and shot.pixels is not None:
            trigger.feed(shot.pixels)
        if shot.pixels is not None and number % APART == 0:
            taken.append(Taken(shot.pixels, f"{shot.source} empty {len(taken) + 1}"))
    return taken
