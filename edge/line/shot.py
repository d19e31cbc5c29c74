"""What every source of frames has in common."""

from dataclasses import dataclass
from typing import Protocol

from edge.errors import EdgeError
from edge.frame import Pixels


class CameraError(EdgeError):
    """A camera cannot be opened, or it stopped delivering."""


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """One delivery of a camera, not yet numbered.

    pixels:      [H, W, 3] uint8 RGB; None: delivered, but no readable picture
    captured_ns: wall clock of the delivery, nanoseconds since the Unix epoch
    source:      the picture's file name, `clip.mp4#12`, `demo:pcb#17`, or the camera's address without its password
    """

    pixels: Pixels | None
    captured_ns: int
    source: str


class Camera(Protocol):
    """A source of frames. One thread reads; `close` may come from another and makes a waiting `read` return soon.

    source:     the camera's address without its password
    finite:     `read` returns None some day
    can_wait:   nothing is lost when nobody reads for a while: folder, video, demo
    continuous: a view in which parts move, so a frame need not be a part: device, stream, video
    """

    source: str
    finite: bool
    can_wait: bool
    continuous: bool

    def read(self) -> Shot | None:
        """The next frame, waiting for it; None once a finite source is exhausted or the camera was closed.

        Raises CameraError when a live camera stops delivering.
        """

    def lock_controls(self) -> dict[str, float]:
        """Stop the automatics of exposure, gain and white balance; what was locked, with its value in device units."""

    def close(self) -> None:
        """Let go of the device or file; may be called twice."""
