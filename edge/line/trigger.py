"""Which frames are parts: every one, one that came to rest, or one that the plant asked for."""

import threading
import time
from collections import deque
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edge.errors import EdgeError
from edge.frame import PartIdentity, Pixels
from edge.line.opencv import cv2

THUMBNAIL_PX = 64
MOTION_LIMIT = 1.0
"""Grey levels (0..255): less is a view at rest. Measured on the demo board with 3 % flicker: sensor noise of standard
deviation 16 makes 0.5 at 640 x 480 and 0.9 at 320 x 240; the whole board moved by 2 pixels makes 1.3."""

QUIET_FRAMES = 4


class Every:
    """Every frame is a part."""

    def feed(self, pixels: Pixels) -> bool:
        """Always True; `pixels` [H, W, 3] uint8 RGB."""
        return True


class Still:
    """A part is what came to rest: True once, on the last of `quiet_frames` frames without motion.

    The first frames count as if something had moved before them. After that, motion is needed before the next part: a
    frame that differs by `limit` or more from the one with which the rest began. So a slow drift is motion too, as soon
    as it adds up; after the part was taken, the view is allowed to drift slowly, as daylight does.
    Whatever moves counts: a passing hand makes the part be inspected again rather than the next one be missed, and an
    empty place that came to rest is a part as well. A belt that never stops needs another trigger.
    """

    def __init__(self, *, quiet_frames: int = QUIET_FRAMES, limit: float = MOTION_LIMIT) -> None:
        """quiet_frames: 2 or more. limit: grey levels, see `motion`."""
        self._quiet_frames = quiet_frames
        self._limit = limit
        self._rest: NDArray[np.float32] | None = None
        self._quiet = 0

    def feed(self, pixels: Pixels) -> bool:
        """Look at the next frame, [H, W, 3] uint8 RGB; whether it is the one to inspect."""
        now = thumbnail(pixels)
        if self._rest is None or self._rest.shape != now.shape or difference(self._rest, now) >= self._limit:
            self._rest, self._quiet = now, 1
            return False
        self._quiet += 1
        if self._quiet > self._quiet_frames:
            self._rest += 0.02 * (now - self._rest)
        return self._quiet == self._quiet_frames


Trigger = Every | Still


def trigger_of(*, continuous: bool) -> Trigger:
    """What tells parts apart: what comes to rest before a camera that sees them move, else every picture.

    Whoever asks a camera for parts more than once keeps one trigger: a new one would take what still lies there.
    """
    return Still() if continuous else Every()


def motion(previous: Pixels, current: Pixels) -> float:
    """How much moved between two frames [H, W, 3] uint8 RGB of one size, in grey levels, 0..255.

    The mean absolute difference of their thumbnails, after a common gain is taken out: a lamp that flickers changes all
    of the picture and is no motion.
    """
    return difference(thumbnail(previous), thumbnail(current))


def sharpness(pixels: Pixels) -> float:
    """The variance of the Laplacian of a picture [H, W, 3] uint8 RGB: >= 0, falls with blur; depends on the scene."""
    return float(cv2.Laplacian(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), cv2.CV_64F).var())


def thumbnail(pixels: Pixels) -> NDArray[np.float32]:
    """[H, W, 3] uint8 RGB -> [h, THUMBNAIL_PX] float32 grey, 0..255.

    Averaged over 3 x 3 as well: that takes out noise, while an edge that moves makes the same mean difference.
    """
    height = max(1, round(THUMBNAIL_PX * pixels.shape[0] / pixels.shape[1]))
    small = cv2.resize(pixels, (THUMBNAIL_PX, height), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.blur(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32), (3, 3)), np.float32)


def difference(previous: NDArray[np.float32], current: NDArray[np.float32]) -> float:
    """Mean absolute difference of two thumbnails after a common gain (at most 1.25) is taken out."""
    gain = np.clip(np.median((previous + 1) / (current + 1)), 0.8, 1.25)
    return float(np.abs(current * gain - previous).mean())


class TriggerError(EdgeError):
    """A requested frame was not taken."""


class TriggerQueueFull(TriggerError):
    """More requests wait than the queue holds."""


@dataclass(eq=False)
class PendingTrigger:
    """A request that waits for its frame.

    identity:     what the plant said about the part
    requested_ns: wall clock of the request, nanoseconds since the Unix epoch
    """

    identity: PartIdentity
    requested_ns: int
    seq: int | None = None
    settled: threading.Event = field(default_factory=threading.Event)

    def done(self, seq: int | None) -> None:
        """Tell the requester that its frame has this number; None: it could not be given one."""
        self.seq = seq
        self.settled.set()


class TriggerQueue:
    """Requests for frames, oldest first: `request` from any thread, `take` from the thread that reads the camera."""

    def __init__(self, *, capacity: int = 8) -> None:
        self._capacity = capacity
        self._waiting: deque[PendingTrigger] = deque()
        self._lock = threading.Lock()
        self._closed = False

    @property
    def waiting(self) -> int:
        """How many requests wait for a frame."""
        return len(self._waiting)

    def request(self, identity: PartIdentity, *, timeout_s: float) -> int:
        """Wait until a frame was taken for this part and numbered; its number.

        Raises TriggerQueueFull at once, and TriggerError when no frame came within `timeout_s` or the line stopped. A
        request whose frame was taken just then waits up to `timeout_s` more for the number, so that no frame is
        numbered for a part whose requester was told that there is none.
        """
        pending = PendingTrigger(identity, time.time_ns())
        with self._lock:
            if not self._closed and len(self._waiting) >= self._capacity:
                raise TriggerQueueFull(
                    f"{self._capacity} triggers are waiting for a frame already. Trigger more slowly."
                )
            if not self._closed:
                self._waiting.append(pending)
        if not self._closed and not pending.settled.wait(timeout_s) and not self._withdraw(pending):
            pending.settled.wait(timeout_s)
        if pending.seq is not None:
            return pending.seq
        if self._closed:
            raise TriggerError("the line is stopping: no frame was taken for this part. Trigger again when it runs.")
        raise TriggerError(f"no frame came within {timeout_s:g} s. Check that the camera delivers; then trigger again.")

    def take(self, *, captured_ns: int | None = None) -> PendingTrigger | None:
        """The oldest request, or None. Call it with a frame in hand, then call its `done` with the frame's number.

        captured_ns: when that frame was delivered; a request that came later waits for the next frame. None: any frame.
        """
        with self._lock:
            if not self._waiting or (captured_ns is not None and captured_ns < self._waiting[0].requested_ns):
                return None
            return self._waiting.popleft()

    def close(self) -> None:
        """Fail the requests that wait, and every later one."""
        with self._lock:
            self._closed = True
            while self._waiting:
                self._waiting.popleft().settled.set()

    def _withdraw(self, pending: PendingTrigger) -> bool:
        """Take a request back; False if its frame was taken already."""
        with self._lock:
            if pending not in self._waiting:
                return False
            self._waiting.remove(pending)
            return True
