"""A live camera that sends one picture again and again: the sensor, its encoder or a proxy before it hangs.

Two pictures of a sensor differ, if only by noise. A camera may repeat itself for a moment, as one does whose rate is
converted.
"""

import hashlib
from pathlib import Path

import numpy as np

from edge.frame import Pixels
from edge.line.shot import CameraError

FROZEN_S = 5.0
FEWEST = 5  # pictures


class Frozen:
    """Compares each picture of a camera with the one before it. For the thread that reads the camera."""

    def __init__(self, source: str, note: Path) -> None:
        """note: where the picture at which it froze is remembered, so that opening it anew cannot hide that it did."""
        self._source, self._note = source, note
        self._last: Pixels | None = None
        self._since_s = 0.0
        self._times = 0

    def see(self, pixels: Pixels, *, at_s: float) -> None:
        """Take the next picture, [H, W, 3] uint8 RGB. Raises CameraError if the camera shows nothing new.

        at_s: of a clock that nobody sets back
        """
        if self._last is None:
            self._check_note(pixels)
        if self._last is not None and np.array_equal(pixels, self._last):
            self._times += 1
        else:
            self._last, self._since_s, self._times = pixels, at_s, 1
        if self._times >= FEWEST and at_s - self._since_s >= FROZEN_S:
            self._note.write_bytes(_digest(pixels))
            raise CameraError(
                f"camera {self._source} is frozen: {self._times} times the very same picture, for "
                f"{at_s - self._since_s:.0f} s. Switch it off and on; it is taken again once a pixel differs."
            )

    def _check_note(self, pixels: Pixels) -> None:
        if self._note.is_file() and self._note.read_bytes() == _digest(pixels):
            raise CameraError(
                f"camera {self._source} is frozen: it was opened anew and still sends the same picture. "
                "Switch it off and on."
            )
        self._note.unlink(missing_ok=True)


def _digest(pixels: Pixels) -> bytes:
    return hashlib.sha256(np.ascontiguousarray(pixels).data).digest()
