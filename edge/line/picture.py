"""One picture file -> pixels."""

from pathlib import Path

import numpy as np

from edge.errors import EdgeError
from edge.frame import Pixels
from edge.line.opencv import cv2

PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})
"""File name endings that count as pictures, in lower case."""


class UnreadablePicture(EdgeError):
    """A file that should be a picture cannot be read as one."""


def is_picture(path: Path) -> bool:
    """Whether the file's name ends like a picture's, in upper or lower case; the content is not looked at."""
    return path.suffix.lower() in PICTURE_SUFFIXES


def read_picture(path: Path) -> Pixels:
    """Read a picture file as [H, W, 3] uint8 RGB.

    Grey pictures get three equal channels. 16-bit values are divided by 256, so a 12-bit camera's picture in a 16-bit
    file comes out dark. Transparency is dropped, not blended: what lies under a transparent pixel is kept. The rotation
    that EXIF asks for is applied, so a part stands as in a viewer. A truncated file is unreadable, never a picture with
    a grey lower half. Floating-point TIFF is not supported.

    Raises UnreadablePicture naming the file.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UnreadablePicture(f"picture {path}: {error.strerror}. Check the name and its permissions.") from error
    pixels = decode_picture(content)
    if pixels is None:
        raise UnreadablePicture(
            f"picture {path} ({len(content)} bytes) cannot be decoded. Save it again as PNG or JPEG."
        )
    return pixels


def decode_picture(content: bytes) -> Pixels | None:
    """Decode a picture file's bytes as `read_picture` does; None if they are no whole picture.

    From memory, not with cv2.imread: that one fills the missing part of a truncated JPEG with grey and reports success.
    """
    if not content:
        return None
    try:
        decoded = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:  # raised for a header that asks for an absurd size
        return None
    return None if decoded is None else to_rgb(decoded)


def to_rgb(image: np.ndarray) -> Pixels:
    """OpenCV's [H, W, 3] BGR, [H, W, 1] or [H, W] grey, uint8 or uint16 (divided by 256) -> [H, W, 3] uint8 RGB."""
    if image.dtype == np.uint16:
        image = (image >> 8).astype(np.uint8)
    grey = image.ndim == 2 or image.shape[2] == 1
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2RGB if grey else cv2.COLOR_BGR2RGB), np.uint8)
