"""Small pictures inside a page, so that it needs nothing beside it."""

from base64 import b64encode

from edge.frame import Pixels
from edge.line.opencv import cv2

QUALITY = 80


def thumbnail(pixels: Pixels, *, side: int) -> bytes:
    """[H, W, 3] uint8 RGB as a JPEG of the same aspect, its longer side at most `side` pixels."""
    height, width = pixels.shape[:2]
    shrink = min(1.0, side / max(height, width))
    size = max(1, round(width * shrink)), max(1, round(height * shrink))
    small = cv2.cvtColor(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2BGR)
    return bytes(cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes())


def data_address(jpeg: bytes) -> str:
    """An address that holds the picture itself."""
    return f"data:image/jpeg;base64,{b64encode(jpeg).decode()}"
