"""A frame on the wire: its header, and its pixels raw or as JPEG."""

import io
import re
import struct
from typing import Literal

import numpy as np
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from edge.errors import BROKEN
from edge.frame import Frame, Pixels
from edge.line.message import MAX_HEADER_BYTES, MAX_SIDE, BadMessage, FrameHeader, Told, encode

START_OF_SCAN = b"\xff\xda"  # a JPEG's marker; within coded data 0xff is always followed by another byte
EXTRAS = re.compile(rb"\xff[\xe1-\xef\xfe]")  # EXIF, colour profiles, comments: nobody needs their parsers here


def fits(pixels: Pixels, *, max_bytes: int) -> bool:
    """Whether a picture [H, W, 3] can travel in a message of so many bytes, header included."""
    return max(pixels.shape[:2]) <= MAX_SIDE and pixels.nbytes + MAX_HEADER_BYTES // 16 <= max_bytes


def encode_frame(frame: Frame, *, session: str, encoding: Literal["raw", "jpeg"]) -> list[bytes | memoryview]:
    """A frame as message parts: header and pixels."""
    height, width = frame.pixels.shape[:2]
    header = FrameHeader(
        session=session, frame=Told.of(frame.info), height=height, width=width, encoding=encoding
    )  # fmt: skip
    if encoding == "raw":
        return [encode(header), np.ascontiguousarray(frame.pixels).data.cast("B")]
    buffer = io.BytesIO()
    Image.fromarray(frame.pixels).save(buffer, "JPEG", quality=95, subsampling=0)
    return [encode(header), buffer.getvalue()]


def decode_pixels(header: FrameHeader, payload: bytes) -> Pixels:
    """The pixels of a frame message: [H, W, 3] uint8 RGB, read-only for raw ones. Raises BadMessage.

    A JPEG's size is read and compared before it is decoded, so a small message cannot ask for much memory; and it must
    be of the kind that `encode_frame` makes, in one scan, since thousands of scans in few bytes take minutes.
    """
    shape = (header.height, header.width, 3)
    if header.encoding == "raw":
        return np.frombuffer(payload, np.uint8).reshape(shape)
    before, *scans = payload.split(START_OF_SCAN)
    if len(scans) != 1 or EXTRAS.search(before):
        raise BadMessage(
            f"frame {header.frame.seq}: a JPEG of {len(scans)} scans or with extras; ours have one and none"
        )
    try:
        with JpegImageFile(io.BytesIO(payload)) as image:
            if (image.height, image.width, image.mode) != (*shape[:2], "RGB"):
                found = f"{image.width}x{image.height} {image.mode}"
                raise BadMessage(f"JPEG of {found}, header says {header.width}x{header.height} RGB")
            return np.asarray(image)
    except (*BROKEN, SyntaxError, EOFError, struct.error, MemoryError) as error:
        raise BadMessage(f"frame {header.frame.seq}: not a readable JPEG: {error!r}") from error
