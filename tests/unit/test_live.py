"""The latest picture of a camera: facts, picture and map of one frame, whole, or none."""

import threading
import time
from pathlib import Path

import cv2
import numpy as np

from edge.frame import FrameInfo
from edge.ledger.live import forget_others, read_live, write_live
from edge.ledger.media import decode_map
from edge.ledger.writer import Entry
from edge.live_view import LiveView
from edge.verdict import Reason, not_inspected
from tests.fakes import number_verdict, numbered_picture
from tests.lines import wait_until


def write(live: Path, seq: int, *, camera: str = "top", width: int = 64) -> None:
    picture = np.full((width * 3 // 4, width, 3), seq % 256, np.uint8)
    write_live(
        live, FrameInfo("run", camera, seq, 1000 + seq, "s"), number_verdict(seq), picture, map_top=12.0, now_ns=5
    )


def entry(seq: int, camera: str = "top") -> Entry:
    return Entry(FrameInfo("run", camera, seq, time.time_ns(), "s"), number_verdict(seq), numbered_picture(seq))


def test_what_was_written_is_read_with_its_picture_and_its_map(tmp_path: Path) -> None:
    write(tmp_path / "live", 10, width=1920)
    frame = read_live(tmp_path / "live" / "top")
    assert frame is not None
    facts = frame.facts
    assert (facts.camera, facts.run, facts.seq, facts.captured_ns, facts.written_ns) == ("top", "run", 10, 1010, 5)
    assert (facts.outcome, facts.reason, facts.score, facts.bundle) == ("defect", "above_threshold", 10.0, "b" * 64)
    assert (facts.width, facts.height, facts.boxes) == (1920, 1440, [(24, 16, 32, 24)])
    picture = cv2.imdecode(np.frombuffer(frame.jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape == (720, 960, 3)
    anomaly_map = decode_map(frame.map_png, top=facts.map_top or 0)
    assert anomaly_map is not None
    assert np.unravel_index(anomaly_map.argmax(), anomaly_map.shape) == (2, 3)


def test_a_reader_gets_one_frame_whole_while_another_takes_its_place(tmp_path: Path) -> None:
    live, ended = tmp_path / "live", threading.Event()
    write(live, 1)
    writer = threading.Thread(
        target=lambda: [write(live, seq, width=64 + seq) for seq in range(2, 200)] and ended.set()
    )
    writer.start()
    seen = set()
    while not ended.is_set():
        frame = read_live(live / "top")
        assert frame is not None
        picture = cv2.imdecode(np.frombuffer(frame.jpeg, np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None
        assert abs(int(picture[0, 0, 0]) - frame.facts.seq) <= 2
        seen.add(frame.facts.seq)
    writer.join()
    assert len(seen) > 3


def test_what_is_cut_off_or_of_another_version_is_no_picture(tmp_path: Path) -> None:
    write(tmp_path, 1)
    whole = (tmp_path / "top").read_bytes()
    for content in (b"", whole[:40], whole[:-1], whole + b"x", whole.replace(b'"seq"', b'"number"', 1)):
        (tmp_path / "top").write_bytes(content)
        assert read_live(tmp_path / "top") is None
    assert read_live(tmp_path / "none") is None


def test_cameras_of_other_runs_are_forgotten(tmp_path: Path) -> None:
    for camera in ("top", "left", "right"):
        write(tmp_path, 1, camera=camera)
    forget_others(tmp_path, ["left"])
    assert [path.name for path in tmp_path.iterdir()] == ["left"]


def test_the_view_shows_each_camera_a_few_times_a_second_and_passes_over_the_rest(tmp_path: Path) -> None:
    view = LiveView(tmp_path)
    thread = threading.Thread(target=view.run)
    thread.start()
    written: set[int] = set()
    began_s = time.monotonic()
    for seq in range(1, 201):
        view.offer([entry(seq), entry(seq, "left"), Entry(entry(seq).info, not_inspected(Reason.OVERLOAD))])
        time.sleep(0.005)
        if frame := read_live(tmp_path / "top"):
            written.add(frame.facts.seq)
    took_s = time.monotonic() - began_s
    wait_until(lambda: (frame := read_live(tmp_path / "left")) and frame.facts.seq == 200, timeout_s=5)
    view.close()
    thread.join(5)
    assert not thread.is_alive()
    assert 3 <= len(written) <= took_s / 0.2 + 2
