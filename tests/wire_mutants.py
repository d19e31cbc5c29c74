"""Broken and hostile messages, made from good ones: by bytes, by fields, by the parts of a JPEG, or out of nothing."""

import io
import json
import random
import struct
from collections.abc import Callable

from PIL import Image

from edge.line import message
from edge.line.frame_message import encode_frame
from edge.verdict import Reason
from tests.fakes import numbered_frame, numbered_picture

Parts = list[bytes]
ODD_NUMBERS = (-1, 0, 1, 255, 16384, 16385, 1 << 31, 1 << 62, (1 << 62) - 1, 1 << 64, 10**400, 0.5, 1e308, float("nan"))
ODD_TEXTS = ("", ".", "..", "../up", "a/b", "a\x00b", "x" * 101, "x" * 2000, "\u202e", "é", "-", "hello", "frame")
ODD_VALUES = (*ODD_NUMBERS, *ODD_TEXTS, None, True, [], {}, [[]], {"seq": 1})
TIFF = b"MM\0*\0\0\0\x08"
SEGMENT_STARTS = (b"", b"Exif\0\0", b"Exif\0\0" + TIFF, b"MPF\0" + TIFF, b"Adobe", b"JFIF\0", b"ICC_PROFILE\0")
APP1, APP2, APP14, START_OF_SCAN = b"\xff\xe1", b"\xff\xe2", b"\xff\xee", b"\xff\xda"


def segment(marker: bytes, content: bytes) -> bytes:
    """A JPEG segment with its length."""
    return marker + struct.pack(">H", len(content) + 2) + content


def jpeg(mode: str = "RGB", **options: object) -> bytes:
    """The picture of frame 1 as JPEG."""
    buffer = io.BytesIO()
    Image.fromarray(numbered_picture(1)).convert(mode).save(buffer, "JPEG", **options)
    return buffer.getvalue()


def with_segment(picture: bytes, marker: bytes, content: bytes) -> bytes:
    """The picture with one more segment after its start."""
    return picture[:2] + segment(marker, content[:65000]) + picture[2:]


def frame(payload: bytes, *, session: str = "s", seq: int = 1, encoding: str = "jpeg") -> Parts:
    """A frame message with this payload."""
    parts = encode_frame(numbered_frame(seq), session=session, encoding="raw")
    return [bytes(parts[0]).replace(b'"raw"', f'"{encoding}"'.encode()), payload]


def good_messages(session: str = "s") -> list[Parts]:
    """One message of each kind, and JPEGs of each kind, ours and others."""
    told = [message.Told.of(numbered_frame(seq).info) for seq in (1, 2, 3)]
    hello = message.Hello(run="r", camera="cam", source="s", category="numbers")
    notice = message.Notice(session=session, reason=Reason.OVERLOAD, frames=told)
    picture = jpeg()
    pictures = [
        picture,
        jpeg(progressive=True),
        jpeg("CMYK"),
        jpeg("L"),
        with_segment(picture, APP1, b"Exif\0\0MM\0*\0\0\0\x08\0\1\1\x1a\0\5\0\0\0\1\0\0\0\x1a\0\0\0\0\0\0\0\0"),
        with_segment(picture, APP2, b"MPF\0MM\0*\0\0\0\x08\0\2\xb0\0\0\7\0\0\0\4" + b"0100\xb0\1\0\4\0\0\0\1\0\0\0\2"),
        with_segment(picture, APP14, b"Adobe\0d\0\0\0\0\2"),
    ]
    return [
        [message.encode(hello)],
        [message.encode(message.Ping(session=session))],
        [message.encode(message.Report(session=session, noted_ns=1, waits_s=0.5, at_hand=2, held_by="a full disk"))],
        [message.encode(notice)],
        frame(numbered_picture(1).tobytes(), session=session, encoding="raw"),
        *(frame(each, session=session) for each in pictures),
    ]


class Mutants:
    """Endless bad messages, the same ones for the same seed; a few are good by chance."""

    def __init__(self, seed: int, *, session: str = "s") -> None:
        self._random = random.Random(seed)
        self._good = good_messages(session)
        self._ways: list[Callable[[Parts], Parts]] = [
            self._bytes, self._bytes, self._fields, self._fields, self._segments, self._parts, self._noise
        ]  # fmt: skip

    def __iter__(self) -> "Mutants":
        return self

    def __next__(self) -> Parts:
        return self._random.choice(self._ways)(list(self._random.choice(self._good)))

    def _bytes(self, parts: Parts) -> Parts:
        """Flip, cut, repeat and insert bytes in one part."""
        at = self._random.randrange(len(parts))
        content = bytearray(parts[at])
        for _ in range(self._random.choice((1, 1, 2, 4, 16))):
            place = self._random.randrange(len(content) + 1)
            match self._random.randrange(4):
                case 0 if place < len(content):
                    content[place] = self._random.randrange(256)
                case 1:
                    del content[place : place + self._random.randrange(1, 64)]
                case 2:
                    content[place:place] = content[place : place + self._random.randrange(1, 64)]
                case _:
                    content[place:place] = self._random.choice(
                        (b"\xff", b"\xff\xda", b"\0" * 4, b'"', b"[", b"\\ud800")
                    )
        return [*parts[:at], bytes(content), *parts[at + 1 :]]

    def _fields(self, parts: Parts) -> Parts:
        """Give a field of the header, or of a frame in it, an odd value, take it out, or add one."""
        header = json.loads(parts[0])
        inside = header.get("frame") or self._random.choice(header.get("frames") or [header])
        fields = self._random.choice((header, inside))
        name = self._random.choice([*fields, "extra", "v", "type"])
        if self._random.random() < 0.2:
            fields.pop(name, None)
        else:
            fields[name] = self._random.choice(ODD_VALUES)
        return [json.dumps(header).encode(), *parts[1:]]

    def _segments(self, parts: Parts) -> Parts:
        """Add a segment with odd content to a JPEG, or repeat its scan."""
        if len(parts) == 1 or not parts[1].startswith(b"\xff\xd8"):
            return self._noise(parts)
        picture = parts[1]
        if self._random.random() < 0.1:
            scan = picture[picture.rfind(START_OF_SCAN) : -2]
            return [parts[0], picture[:-2] + scan * self._random.randrange(1, 50) + picture[-2:]]
        marker = b"\xff" + bytes([self._random.randrange(0xC0, 0xFF)])
        start = self._random.choice(SEGMENT_STARTS)
        return [parts[0], with_segment(picture, marker, start + self._random.randbytes(self._random.randrange(80)))]

    def _parts(self, parts: Parts) -> Parts:
        """Too many parts, too few, in the wrong order, or of two messages."""
        others = self._random.choice(self._good)
        return self._random.choice([[], parts[:1], parts[::-1], parts * 2, parts + others, parts[:1] + others[1:]])

    def _noise(self, parts: Parts) -> Parts:
        """Random bytes, as one part or several."""
        return [self._random.randbytes(self._random.randrange(200)) for _ in range(self._random.randrange(1, 4))]
