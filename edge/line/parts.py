"""The next parts in front of a camera, for whoever asks for so many known ones."""

from collections.abc import Iterator

from edge.errors import EdgeError
from edge.frame import Pixels
from edge.line.shot import Camera
from edge.line.trigger import Trigger


def next_parts(camera: Camera, count: int, trigger: Trigger, *, what: str) -> Iterator[tuple[str, Pixels]]:
    """The next `count` parts, [H, W, 3] uint8 RGB, each with its source: those that come to rest, or every picture.

    None is left out for how it looks, since the line would not either.
    trigger: kept by whoever asks this camera more than once, see trigger_of;  what: the name of such parts, in errors
    Raises EdgeError if the camera ends before.
    """
    taken = 0
    while taken < count:
        shot = camera.read()
        if shot is None:
            raise EdgeError(
                f"{camera.source}: {taken} of {count} {what} parts, and there are no more pictures. "
                "Show as many as asked for, or ask for fewer."
            )
        if shot.pixels is not None and trigger.feed(shot.pixels):
            taken += 1
            yield shot.source, shot.pixels
