"""Cameras: what can be named on the command line, opened."""

import re
import sys
from pathlib import Path

from edge.errors import EdgeError
from edge.line.camera_spec import DEMO_PREFIX, CameraSpec, Kind
from edge.line.live import Live
from edge.line.picture import PICTURE_SUFFIXES
from edge.line.shot import Camera, CameraError, Shot
from edge.line.sources import open_demo, open_folder, open_video, pictures_in

__all__ = ["DEMOS", "Camera", "CameraError", "Shot", "check_source", "open_camera"]

DEMOS = ("pcb",)
MOST_NAMED = 5
"""What can follow `demo:`."""


def open_camera(spec: CameraSpec, *, fps: float | None, once: bool, unpaced: int = 0) -> Camera:
    """Open a camera. Raises EdgeError as `check_source` does, and CameraError if it cannot be opened.

    fps:  at most so many frames a second; None: a folder or video as fast as asked, demo DEMO_FPS, live as it comes
    unpaced: so many pictures of a source that ends come as fast as asked, since they were inspected before
    once: end the demo after DEMO_TRAY boards; folders and videos end by themselves, live cameras never
    """
    if fps is not None and fps <= 0:
        raise EdgeError(f"camera {spec.redacted}: {fps} frames a second is not possible. Give a number above 0.")
    check_source(spec)
    if spec.kind is Kind.DEMO:
        return open_demo(spec, fps=fps, once=once, unpaced=unpaced)
    if spec.kind is not Kind.PATH:
        return Live(spec, fps=fps)
    path = Path(spec.address)
    is_folder = path.is_dir() or path.suffix.lower() in PICTURE_SUFFIXES
    opened = open_folder if is_folder else open_video
    return opened(spec, fps=fps, unpaced=unpaced)


def check_source(spec: CameraSpec, *, devices: Path = Path("/dev")) -> None:
    """Say early what cannot work, without opening a device: raises EdgeError naming the source and what there is.

    A stream is not asked; `devices` is where Linux keeps its video devices.
    """
    if spec.kind is Kind.DEMO:
        check_demo(spec.address)
    elif spec.kind is Kind.DEVICE and sys.platform.startswith("linux"):
        check_device(int(spec.address), devices=devices)
    elif spec.kind is Kind.PATH:
        check_path(Path(spec.address))


def check_demo(address: str) -> None:
    """Raise EdgeError if there is no such demo."""
    if address.removeprefix(DEMO_PREFIX) not in DEMOS:
        there_is = ", ".join(DEMO_PREFIX + name for name in DEMOS)
        raise EdgeError(f"camera {address}: no such demo. There is: {there_is}.")


def check_device(index: int, *, devices: Path) -> None:
    """Raise EdgeError if there is no device file videoINDEX, naming those that there are."""
    found = [match[1] for file in devices.glob("video*") if (match := re.fullmatch(r"video([0-9]+)", file.name))]
    if str(index) in found:
        return
    there_is = f"Found: {', '.join(sorted(found, key=int))}." if found else "Found none: plug one in, or use demo:pcb."
    folder = f" For the folder {index}, write ./{index}." if Path(str(index)).is_dir() else ""
    raise EdgeError(f"camera {index}: no device {devices}/video{index}. {there_is}{folder}")


def check_path(path: Path) -> None:
    """Raise EdgeError if there is no such file, or no picture in the folder."""
    if not path.exists():
        raise EdgeError(
            f"camera {path}: no such file or folder. "
            "Give a device number, an rtsp:// or http:// address, a video file, a folder of pictures, or demo:pcb."
        )
    if path.is_dir():
        check_folder(path, called="camera")


def check_folder(folder: Path, *, called: str) -> None:
    """Raise EdgeError if there is no picture in the folder; called: what named it, for the message."""
    if pictures_in(folder):
        return
    inner = [each.name for each in sorted(folder.iterdir()) if each.is_dir() and pictures_in(each)]
    there = f"There are in {', '.join(inner[:MOST_NAMED])}: name one of these. " if inner else ""
    raise EdgeError(
        f"{called} {folder}: no pictures in this folder. {there}Known endings: {', '.join(sorted(PICTURE_SUFFIXES))}."
    )
