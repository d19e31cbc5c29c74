"""Cameras that deliver whether anybody reads or not: V4L2 and USB devices, RTSP and MJPEG streams."""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from edge.line.camera_spec import CameraSpec, Kind
from edge.line.opencv import cv2
from edge.line.pace import Pace
from edge.line.picture import to_rgb
from edge.line.shot import CameraError, Shot

OPEN_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 5.0
DAMAGED_AT_MOST = 10  # in a row; at the end of a stream every read fails at once
DAMAGED_S = 1.0  # a read that took longer did not fail for a damaged picture
MANUAL_EXPOSURE = 1.0  # V4L2_EXPOSURE_MANUAL; 0, 2 and 3 are automatics
UNSUPPORTED = -1.0  # what OpenCV's V4L2 answers for a control that the device has not
AUTOMATICS = {cv2.CAP_PROP_AUTO_EXPOSURE: MANUAL_EXPOSURE, cv2.CAP_PROP_AUTO_WB: 0.0}
CONTROLS = {
    "exposure": cv2.CAP_PROP_EXPOSURE,
    "gain": cv2.CAP_PROP_GAIN,
    "white_balance": cv2.CAP_PROP_WB_TEMPERATURE,
}


class Capture(Protocol):
    """The part of cv2.VideoCapture that is used here."""

    def isOpened(self) -> bool:  # noqa: N802
        """Whether there is anything to read from."""

    def read(self) -> tuple[bool, Any]:
        """Wait for a frame: (whether one came, [H, W, 3] uint8 BGR)."""

    def set(self, prop: int, value: float, /) -> bool:
        """Set a CAP_PROP; whether the device took it."""

    def get(self, prop: int, /) -> float:
        """The value of a CAP_PROP."""

    def release(self) -> None:
        """Let go of the device."""


def open_capture(spec: CameraSpec, *, read_timeout_s: float = READ_TIMEOUT_S) -> Capture:
    """OpenCV's capture of a device, or of a stream with time limits on opening and on reading.

    A V4L2 device has OpenCV's own limit of 10 s. RTSP goes over TCP, which is OpenCV's default.
    """
    if spec.kind is Kind.DEVICE:
        return cv2.VideoCapture(int(spec.address))
    open_ms, read_ms = round(OPEN_TIMEOUT_S * 1000), round(read_timeout_s * 1000)
    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, open_ms, cv2.CAP_PROP_READ_TIMEOUT_MSEC, read_ms]
    return cv2.VideoCapture(spec.address, cv2.CAP_FFMPEG, limits)


class Live:
    """A device or a stream. With `fps`, frames in between are read and passed over, so that none of them grows old.

    A picture that was delivered and cannot be decoded is a shot without pixels, once a good one follows it.
    Raises CameraError if it cannot be opened; `read` raises it when no frame came in time.
    """

    finite = False
    can_wait = False
    continuous = True

    def __init__(
        self, spec: CameraSpec, *, fps: float | None = None, capture: Callable[[CameraSpec], Capture] = open_capture
    ) -> None:
        self.source = spec.redacted
        self._is_device = spec.kind is Kind.DEVICE
        self._pace = Pace(fps)
        self._delivered = 0
        self._shots: deque[Shot] = deque()  # read, and not given out yet
        self._busy = threading.Lock()  # releasing a capture under a reading thread crashes the process
        self._closed = False
        self._capture = capture(spec)
        if not self._capture.isOpened():
            raise CameraError(f"camera {self.source} cannot be opened. {self._advice()}")

    def read(self) -> Shot | None:
        """The next frame that is due; None once closed. Raises CameraError when the camera delivers no more."""
        try:
            while not self._closed:
                if self._shots:
                    return self._shots.popleft()
                with self._busy:
                    read = self._next()
                self._shots.extend(shot for shot in read if self._pace.due())
            return None
        finally:
            self._release_if_closed()

    def lock_controls(self) -> dict[str, float]:
        """Switch the automatics off and hold exposure, gain and white balance (K) at what they are now.

        Returns those that the device really holds, read back, in its own units; {} for a stream.
        """
        with self._busy:
            return lock_controls(self._capture) if self._is_device and not self._closed else {}

    def close(self) -> None:
        """Release the camera; if a `read` is under way, that one does it at its end."""
        self._closed = True
        self._release_if_closed()

    def _release_if_closed(self) -> None:
        if self._closed and self._busy.acquire(blocking=False):
            self._capture.release()
            self._busy.release()

    def _next(self) -> list[Shot]:
        """The next picture, and before it those that came damaged."""
        shots: list[Shot] = []
        while True:
            began_s = time.monotonic()
            delivered, image = self._capture.read()
            pixels = None if not delivered or image is None or image.size == 0 else to_rgb(image)
            shots.append(Shot(pixels, time.time_ns(), self.source))
            if delivered or self._closed:
                self._delivered += len(shots)
                return shots
            if len(shots) > DAMAGED_AT_MOST or time.monotonic() - began_s > DAMAGED_S:
                raise CameraError(
                    f"camera {self.source} stopped delivering after {self._delivered} frames. {self._advice()}"
                )

    def _advice(self) -> str:
        if self._is_device:
            return "Check its cable, and that no other program uses it."
        return "Check address, user, password and network: does it play in a video player on this machine?"


def lock_controls(capture: Capture) -> dict[str, float]:
    """Hold every control of CONTROLS that the device has; those that it holds, with their values read back."""
    values = {name: capture.get(prop) for name, prop in CONTROLS.items()}
    for automatic, off in AUTOMATICS.items():
        capture.set(automatic, off)
    if capture.get(cv2.CAP_PROP_AUTO_EXPOSURE) not in (MANUAL_EXPOSURE, UNSUPPORTED):
        values["exposure"] = UNSUPPORTED
    if capture.get(cv2.CAP_PROP_AUTO_WB) not in (0.0, UNSUPPORTED):
        values["white_balance"] = UNSUPPORTED
    held = [name for name, value in values.items() if value != UNSUPPORTED and capture.set(CONTROLS[name], value)]
    return {name: capture.get(CONTROLS[name]) for name in held}
