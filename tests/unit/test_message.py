import contextlib
import io
import itertools
import json
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from edge.frame import Frame, FrameInfo, PartIdentity
from edge.line import message
from edge.line.frame_message import decode_pixels, encode_frame
from edge.line.message import BadMessage, FrameHeader, Hello, Notice, Told
from edge.line.outbox import Outbox
from edge.verdict import Reason
from tests.fakes import numbered_frame
from tests.wire_mutants import Mutants, frame, jpeg

letters = st.characters(codec="utf-8", exclude_characters="\0")
texts = st.text(letters, max_size=60)
ids = st.none() | st.text(letters, max_size=20)
HOUR_NS = 3600 * 10**9
times = st.integers(min_value=0, max_value=2**61)
infos = st.builds(
    FrameInfo,
    run=st.just("run"),
    camera=st.just("cam"),
    seq=st.integers(min_value=1, max_value=2**61),
    captured_ns=times,
    source=texts,
    identity=st.builds(PartIdentity, ids, ids, ids),
    deadline_ns=st.none() | st.integers(-HOUR_NS, HOUR_NS).map(lambda left_ns: time.monotonic_ns() + left_ns),
)


def is_same(received: FrameInfo, sent: FrameInfo) -> bool:
    """But for the time between two looks at the clocks, of which one is told and another kept."""
    if received.deadline_ns is None or sent.deadline_ns is None:
        return received == sent
    near = abs(received.deadline_ns - sent.deadline_ns) < HOUR_NS / 60
    return near and replace(received, deadline_ns=None) == replace(sent, deadline_ns=None)


def decode(parts: list[bytes]) -> message.FromCapture:
    return message.decode_from_capture(parts, max_bytes=1 << 20)


def as_bytes(parts: list[bytes | memoryview]) -> list[bytes]:
    return [bytes(part) for part in parts]


@given(infos, st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_a_raw_frame_arrives_as_it_was_sent(info: FrameInfo, height: int, width: int, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    parts = as_bytes(encode_frame(Frame(info, pixels), session="s", encoding="raw"))
    header = decode(parts)
    assert isinstance(header, FrameHeader)
    assert is_same(header.frame.info(run="run", camera="cam"), info)
    assert np.array_equal(decode_pixels(header, parts[1]), pixels)


def test_a_jpeg_frame_arrives_nearly_as_it_was_sent() -> None:
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[10:30, 20:40] = (200, 30, 90)
    frame = Frame(FrameInfo("run", "cam", 1, 0, "x"), pixels)
    parts = as_bytes(encode_frame(frame, session="s", encoding="jpeg"))
    header = decode(parts)
    assert isinstance(header, FrameHeader)
    received = decode_pixels(header, parts[1])
    assert received.shape == pixels.shape
    assert np.abs(received.astype(int) - pixels).mean() < 2


@given(st.lists(infos, min_size=1, max_size=5), st.sampled_from(message.NOTICED))
def test_a_notice_arrives_as_it_was_sent(told: list[FrameInfo], reason: Reason) -> None:
    notice = Notice(session="s", reason=reason, frames=[Told.of(info) for info in told])
    header = decode([message.encode(notice)])
    assert isinstance(header, Notice)
    assert header.reason is reason
    received = [facts.info(run="run", camera="cam") for facts in header.frames]
    assert all(map(is_same, received, told)) and len(received) == len(told)


@given(st.lists(st.binary(max_size=200), max_size=4))
def test_random_bytes_are_a_bad_message_and_nothing_else(parts: list[bytes]) -> None:
    with pytest.raises(BadMessage):
        decode(parts)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(field=st.sampled_from(["v", "session", "frame", "height", "width", "encoding", "extra"]), value=JUNK)
def test_one_wrong_field_never_gets_through_unseen(field: str, value: object) -> None:
    good = encode_frame(
        Frame(FrameInfo("r", "c", 1, 0, "x"), np.zeros((2, 3, 3), np.uint8)), session="s", encoding="raw"
    )
    header = json.loads(bytes(good[0])) | {field: value}
    try:
        decoded = decode([json.dumps(header).encode(), bytes(good[1])])
    except BadMessage:
        return
    assert isinstance(decoded, FrameHeader)
    decode_pixels(decoded, bytes(good[1]))
    assert json.loads(message.encode(decoded))[field] == value


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".hidden", "a..b", "x" * 101, "a\x00b", "a b", "a\n"])
def test_names_that_could_leave_a_folder_are_refused(name: str) -> None:
    hello = {"v": 1, "type": "hello", "run": "r", "camera": name, "source": "s", "category": None}
    with pytest.raises(BadMessage):
        decode([json.dumps(hello).encode()])


def test_run_names_of_ours_are_accepted() -> None:
    hello = Hello(run="20261121T231747.123Z", camera="demo-pcb", source="demo:pcb", category=None)
    assert decode([message.encode(hello)]) == hello


def test_a_jpeg_of_another_size_than_announced_is_refused_before_decoding() -> None:
    frame = Frame(FrameInfo("r", "c", 1, 0, "x"), np.zeros((64, 64, 3), np.uint8))
    header_bytes, payload = as_bytes(encode_frame(frame, session="s", encoding="jpeg"))
    header = decode([json.dumps(json.loads(header_bytes) | {"width": 32}).encode(), payload])
    assert isinstance(header, FrameHeader)
    with pytest.raises(BadMessage, match="64x64"):
        decode_pixels(header, payload)


@pytest.mark.parametrize("payload", [b"", b"not a jpeg", b"\xff\xd8\xff\xe0 cut off"])
def test_a_payload_that_is_no_jpeg_is_a_bad_message(payload: bytes) -> None:
    header = FrameHeader(session="s", frame=Told(seq=1, captured_ns=0, source="x"), height=2, width=2, encoding="jpeg")
    with pytest.raises(BadMessage):
        decode_pixels(header, payload)


def test_a_truncated_jpeg_is_a_bad_message() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    frame = Frame(FrameInfo("r", "c", 1, 0, "x"), noise)
    parts = as_bytes(encode_frame(frame, session="s", encoding="jpeg"))
    header = decode(parts)
    assert isinstance(header, FrameHeader)
    with pytest.raises(BadMessage):
        decode_pixels(header, parts[1][: len(parts[1]) // 2])


def jpeg_of(width: int, height: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height)).save(buffer, "JPEG", quality=1)
    return buffer.getvalue()


def test_a_small_message_cannot_ask_for_much_memory() -> None:
    header = FrameHeader(
        session="s", frame=Told(seq=1, captured_ns=0, source="x"), height=13000, width=14000, encoding="jpeg"
    )
    payload = jpeg_of(14000, 13000)
    with pytest.raises(BadMessage, match="the most is"):
        decode([message.encode(header), payload])


@pytest.mark.parametrize("options", [{"progressive": True}, {"mode": "CMYK"}, {"mode": "L"}])
def test_a_jpeg_that_no_capture_of_ours_makes_is_refused(options: dict[str, str]) -> None:
    header = decode(frame(jpeg(**options)))
    assert isinstance(header, FrameHeader)
    with pytest.raises(BadMessage, match=r"scans|header says|extras"):
        decode_pixels(header, jpeg(**options))


def test_thousands_of_scans_in_few_bytes_cost_nothing() -> None:
    """libjpeg decodes each over the whole picture: at 16 megapixels, 50 more in 1.7 kB took 4 s more."""
    picture = jpeg()
    scan = picture[picture.rfind(b"\xff\xda") : -2]
    parts = frame(picture[:-2] + scan * 2000 + picture[-2:])
    header = decode(parts)
    assert isinstance(header, FrameHeader)
    with pytest.raises(BadMessage, match="2001 scans"):
        decode_pixels(header, parts[1])


def test_no_mutant_of_a_message_does_more_than_be_refused() -> None:
    for parts in itertools.islice(Mutants(seed=1), 2000):
        with contextlib.suppress(BadMessage):
            header = decode(parts)
            if isinstance(header, FrameHeader):
                decode_pixels(header, parts[1])


def test_a_worker_cannot_keep_a_capture_busy_with_an_endless_range() -> None:
    ack = message.decode_from_worker([message.encode(message.Ack(session="s", ranges=[(1, (1 << 62) - 1)]))])
    assert isinstance(ack, message.Ack)
    outbox = Outbox("wait", capacity=2)
    outbox.put(numbered_frame(1))
    outbox.next(credits=1)
    outbox.acknowledge(*ack.ranges[0])
    assert outbox.empty


@pytest.mark.parametrize("reason", [Reason.ABOVE_THRESHOLD, Reason.POISON, Reason.LATE])
def test_a_capture_cannot_say_what_only_a_worker_knows(reason: Reason) -> None:
    notice = {
        "v": 1,
        "type": "notice",
        "session": "s",
        "reason": reason,
        "frames": [{"seq": 1, "captured_ns": 0, "source": ""}],
    }
    with pytest.raises(BadMessage):
        decode([json.dumps(notice).encode()])


@given(st.binary(max_size=3000))
def test_any_file_name_becomes_text_that_travels(name: bytes) -> None:
    text = message.printable(name.decode("utf-8", "surrogateescape"))
    assert Told(seq=1, captured_ns=0, source=text).source == text
    assert text.encode().decode() == text
