"""Sources that can wait and end: a folder of pictures, a video file, the demo line."""

import logging
import time
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path

from edge.frame import Pixels
from edge.line.camera_spec import CameraSpec
from edge.line.demo import demo_boards
from edge.line.opencv import cv2
from edge.line.pace import Pace
from edge.line.picture import UnreadablePicture, is_picture, read_picture, to_rgb
from edge.line.shot import CameraError, Shot

log = logging.getLogger(__name__)

DEMO_FPS = 5.0
DEMO_TRAY = 60


class PacedSource:
    """Gives out pictures one by one, at most `fps` a second; None is as fast as asked.

    unpaced:  so many at the beginning come as fast as asked: they were inspected before
    pictures: (source, [H, W, 3] uint8 RGB or None if unreadable) in order
    """

    can_wait = True

    def __init__(
        self,
        spec: CameraSpec,
        pictures: Iterator[tuple[str, Pixels | None]],
        *,
        fps: float | None,
        unpaced: int = 0,
        finite: bool = True,
        continuous: bool = False,
    ) -> None:
        self.source = spec.redacted
        self.finite = finite
        self.continuous = continuous
        self._pictures = pictures
        self._pace = Pace(fps)
        self._unpaced = unpaced

    def read(self) -> Shot | None:
        """The next picture when it is due; None at the end or once closed."""
        self._unpaced -= 1
        if self._pace.stopped or (self._unpaced < 0 and not self._pace.wait()):
            return None
        source, pixels = next(self._pictures, (None, None))
        return None if source is None else Shot(pixels, time.time_ns(), source)

    def lock_controls(self) -> dict[str, float]:
        """Nothing to lock: {}."""
        return {}

    def close(self) -> None:
        """End a waiting `read`; every later one returns None."""
        self._pace.stop()


def open_folder(spec: CameraSpec, *, fps: float | None, unpaced: int = 0) -> PacedSource:
    """The pictures of a folder in name order, or the one picture if the address is a picture; files as of now."""
    path = Path(spec.address)
    folder, names = (path, [file.name for file in pictures_in(path)]) if path.is_dir() else (path.parent, [path.name])
    pictures = ((name, read_or_none(folder / name)) for name in names)  # a Path that was used keeps a hundred bytes
    return PacedSource(spec, pictures, fps=fps, unpaced=unpaced)


def open_video(spec: CameraSpec, *, fps: float | None, unpaced: int = 0) -> PacedSource:
    """The frames of a video file in order. Raises CameraError if it is no video that FFmpeg can read."""
    path = Path(spec.address)
    capture = cv2.VideoCapture(str(path.resolve()), cv2.CAP_FFMPEG)
    if not capture.isOpened():
        raise CameraError(f"video {path} cannot be read. Convert it to MP4 (H.264), or give a folder of pictures.")
    return PacedSource(spec, video_frames(capture, path.name), fps=fps, unpaced=unpaced, continuous=True)


def open_demo(spec: CameraSpec, *, fps: float | None, once: bool, unpaced: int = 0) -> PacedSource:
    """Demo boards, DEMO_FPS a second unless told otherwise; endless, or DEMO_TRAY boards with `once`."""
    boards = ((f"{spec.address}#{number}", board.pixels) for number, board in zip(count(1), demo_boards()))
    pictures = islice(boards, DEMO_TRAY) if once else boards
    return PacedSource(spec, pictures, fps=fps or DEMO_FPS, unpaced=unpaced if once else 0, finite=once)


def pictures_in(folder: Path) -> list[Path]:
    """The picture files directly in a folder, by name."""
    return sorted((file for file in folder.iterdir() if is_picture(file)), key=lambda file: file.name)


def read_or_none(file: Path) -> Pixels | None:
    """The picture, or None if it cannot be read: the frame is numbered all the same."""
    try:
        return read_picture(file)
    except UnreadablePicture:
        return None


def video_frames(capture: cv2.VideoCapture, name: str) -> Iterator[tuple[str, Pixels | None]]:
    """(`clip.mp4#12`, [H, W, 3] uint8 RGB), counted from 1; lets the file go at the end.

    FFmpeg reports damage and the end of the file alike, so an end before the header's count of frames is logged.
    """
    try:
        promised = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        for number in count(1):
            delivered, image = capture.read()
            if not delivered:
                if number <= promised:
                    log.warning("video %s ended after %d of the %d frames in its header", name, number - 1, promised)
                return
            yield f"{name}#{number}", to_rgb(image)
    finally:
        capture.release()
