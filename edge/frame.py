"""What comes in: one frame, numbered before anything else happens to it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""A picture: [H, W, 3] uint8, RGB, 0..255."""


@dataclass(frozen=True, slots=True)
class PartIdentity:
    """What the plant calls the part in front of the camera; each field may be unknown."""

    part: str | None = None
    lot: str | None = None
    serial: str | None = None


NO_IDENTITY = PartIdentity()


@dataclass(frozen=True, slots=True)
class FrameInfo:
    """Everything about a frame but its pixels; (run, camera, seq) is unique for ever.

    run:         name of the run that numbered the frame
    camera:      name of the camera within the run
    seq:         1, 2, 3, ... by the capture's journal; never used twice
    captured_ns: wall clock when the camera delivered the picture, nanoseconds since the Unix epoch
    source:      file name, or the camera's address without its password
    identity:    what the trigger said about the part
    deadline_ns: this machine's CLOCK_MONOTONIC when the verdict gets worthless, or None; an expired frame is never `ok`
    """

    run: str
    camera: str
    seq: int
    captured_ns: int
    source: str
    identity: PartIdentity = NO_IDENTITY
    deadline_ns: int | None = None

    @property
    def key(self) -> tuple[str, str, int]:
        """(run, camera, seq)."""
        return self.run, self.camera, self.seq


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A numbered frame with its picture.

    pixels: [H, W, 3] uint8 RGB
    """

    info: FrameInfo
    pixels: Pixels
