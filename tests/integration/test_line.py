"""Capture and worker over real sockets, with a real record, a real journal, numbered frames and a numpy scorer."""

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest
import zmq

from edge.capture import Capture, CaptureSummary
from edge.errors import EdgeError
from edge.ledger.audit_rates import set_rate
from edge.ledger.record import open_engine, unit_of_work
from edge.line import message
from edge.line.camera_spec import CameraSpec, parse_camera
from edge.line.capture_options import CaptureOptions
from edge.line.frame_message import encode_frame
from edge.line.journal import Journal
from edge.line.shot import CameraError
from edge.line.worker_link import WorkerLink, ranges
from edge.settings import Settings
from edge.worker import WATCH_S, Worker
from tests.fakes import NumberScorer, numbered_folder, numbered_frame
from tests.lines import report, rows
from tests.mjpeg import PASSWORD, MjpegServer, address, serving


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "data", drain_timeout_s=20)


@contextmanager
def running(settings: Settings, scorer: NumberScorer) -> Iterator[Worker]:
    worker = Worker(settings, scorer)
    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(worker.run)
        try:
            yield worker
        finally:
            worker.stop()
            ended.result(20)


def options(folder: Path, **more: object) -> CaptureOptions:
    spec = parse_camera(str(folder))
    return CaptureOptions(CameraSpec(spec.address, "numbers", spec.name), once=True, **more)  # type: ignore[arg-type]


def capture_all(settings: Settings, wanted: CaptureOptions) -> CaptureSummary:
    return Capture(settings, wanted).run()


def wait_for(condition: Callable[[], object], *, timeout_s: float = 20) -> None:
    until_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < until_s, "it did not come to pass"
        time.sleep(0.01)


def test_every_frame_of_a_folder_becomes_one_row_with_its_own_verdict(settings: Settings, tmp_path: Path) -> None:
    folder = numbered_folder(tmp_path / "parts", 100)
    with running(settings, NumberScorer()):
        summary = capture_all(settings, options(folder))
    assert (summary.numbered, summary.unacknowledged) == (100, False)
    found = rows(settings)
    assert [(row.seq, row.score, row.source) for row in found] == [(n, n, f"{n:06d}.png") for n in range(1, 101)]
    assert [row.seq for row in found if row.outcome == "defect"] == list(range(10, 101, 10))
    assert report(settings).good_while(running=False)


def test_passed_frames_that_the_audit_draws_keep_their_picture_from_when_its_rate_is_set(
    settings: Settings, tmp_path: Path
) -> None:
    with running(settings, NumberScorer()):
        capture_all(settings, options(numbered_folder(tmp_path / "before", 20)))
        engine = open_engine(settings.database, writes=True)
        with unit_of_work(engine) as session:
            set_rate(session, "numbers", 0.5, set_by="meister", set_ns=1)
        engine.dispose()
        time.sleep(WATCH_S + 0.5)
        capture_all(settings, options(numbered_folder(tmp_path / "after", 40)))
    passed = [row for row in rows(settings) if row.outcome == "ok"]
    drawn = [row for row in passed if row.audit_rate is not None]
    assert {row.audit_rate for row in drawn} == {0.5}
    assert 0 < len(drawn) < 36
    assert {row.camera_id for row in drawn} == {passed[-1].camera_id}
    assert [row.id for row in passed if row.picture_path] == [row.id for row in drawn]
    assert report(settings).good_while(running=False)


def test_the_same_over_tcp_with_pictures_as_jpeg(settings: Settings, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    networked = settings.model_copy(update={"address": f"tcp://127.0.0.1:{port}", "wire": "jpeg"})
    spec = parse_camera(str(numbered_folder(tmp_path / "parts", 30)))
    with running(networked, NumberScorer()):
        capture_all(networked, CaptureOptions(spec, once=True))
    assert [(row.seq, row.width, row.height) for row in rows(settings)] == [(n, 64, 48) for n in range(1, 31)]


def test_an_unreadable_file_is_one_recorded_frame_and_the_rest_goes_on(settings: Settings, tmp_path: Path) -> None:
    folder = numbered_folder(tmp_path / "parts", 9)
    (folder / "000004.png").write_bytes(b"no picture")
    with running(settings, NumberScorer()):
        capture_all(settings, options(folder))
    assert [row.reason for row in rows(settings)] == [None] * 3 + ["unreadable"] + [None] * 5
    assert rows(settings)[3].source == "000004.png"


@pytest.mark.parametrize("policy", ["drop-oldest", "drop-newest"])
def test_a_camera_faster_than_the_worker_loses_frames_by_policy_and_each_is_recorded(
    settings: Settings, tmp_path: Path, policy: str
) -> None:
    folder = numbered_folder(tmp_path / "parts", 200)
    with running(settings, NumberScorer(delay_s=0.01)):
        summary = capture_all(settings, options(folder, overload=policy, fps=400.0))
    found = rows(settings)
    dropped = [row for row in found if row.reason == "overload"]
    assert summary.numbered == 200
    assert [row.seq for row in found] == list(range(1, 201)), "outcomes leave in order of numbers"
    assert 20 < len(dropped) < 190
    assert all(row.score == row.seq for row in found if row.outcome != "not_inspected")
    assert policy == "drop-newest" or found[-1].reason != "overload", "drop-oldest keeps the newest frame"
    assert report(settings).good_while(running=False)


def test_a_source_that_can_wait_loses_nothing(settings: Settings, tmp_path: Path) -> None:
    folder = numbered_folder(tmp_path / "parts", 60)
    with running(settings, NumberScorer(delay_s=0.005)):
        capture_all(settings, options(folder))
    assert all(row.outcome in ("ok", "defect") for row in rows(settings))


def test_a_busy_worker_scores_in_batches(settings: Settings, tmp_path: Path) -> None:
    scorer = NumberScorer(delay_s=0.01)
    with running(settings, scorer):
        capture_all(settings, options(numbered_folder(tmp_path / "parts", 60)))
    assert max(scorer.batch_sizes) == settings.batch_size


def test_an_expired_frame_is_late_and_never_ok(settings: Settings, tmp_path: Path) -> None:
    hasty = settings.model_copy(update={"deadline_s": 0.05})
    with running(settings, NumberScorer(delay_s=0.02)):
        capture_all(hasty, options(numbered_folder(tmp_path / "parts", 40)))
    found = rows(settings)
    assert {row.reason for row in found} >= {"late"}
    assert all(row.latency_ms < 1000 * 0.05 + 200 for row in found if row.outcome == "ok")
    assert report(settings).good_while(running=False)


def test_a_camera_without_category_gets_only_unsure(settings: Settings, tmp_path: Path) -> None:
    spec = parse_camera(str(numbered_folder(tmp_path / "parts", 12)))
    with running(settings, NumberScorer()):
        capture_all(settings, CaptureOptions(spec, once=True))
    assert {(row.outcome, row.reason) for row in rows(settings)} == {("unsure", "uncalibrated")}


def test_a_category_that_the_worker_does_not_know_is_refused_with_the_reason(
    settings: Settings, tmp_path: Path
) -> None:
    spec = parse_camera(str(numbered_folder(tmp_path / "parts", 3)))
    with running(settings, NumberScorer()), pytest.raises(EdgeError, match="letters"):
        capture_all(settings, CaptureOptions(CameraSpec(spec.address, "letters", spec.name), once=True))


def test_a_stream_that_ends_is_an_error_after_all_it_delivered_is_recorded_and_its_password_is_nowhere(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    with serving(MjpegServer(frames=60)) as server, running(settings, NumberScorer()):
        capture = Capture(settings, CaptureOptions(parse_camera(address(server.port))))
        with pytest.raises(CameraError, match="stopped delivering"):
            capture.run()
    found = rows(settings)
    assert 0 < len(found) <= 60, "it is drained until there is a worker"
    assert {row.source for row in found} == {f"http://127.0.0.1:{server.port}/video"}
    assert report(settings).good_while(running=False)
    files = [path.read_bytes() for path in settings.data.rglob("*") if path.is_file()]
    assert len(files) > 3
    assert not any(PASSWORD.encode() in content for content in files)
    assert PASSWORD not in caplog.text


def passing_parts(path: Path, parts: int) -> Path:
    """A video in which bright parts come in, rest for ten frames, and leave."""
    video = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (320, 240))
    for _ in range(parts):
        for x in [*range(-80, 120, 20), *[120] * 10, *range(140, 340, 20)]:
            frame = np.full((240, 320, 3), 60, np.uint8)
            cv2.rectangle(frame, (x, 80), (x + 80, 160), (40, 180, 220), -1)
            video.write(frame)
    video.release()
    return path


def test_the_still_trigger_numbers_each_part_that_comes_to_rest_once(settings: Settings, tmp_path: Path) -> None:
    with running(settings, NumberScorer()):
        summary = capture_all(settings, options(passing_parts(tmp_path / "belt.avi", 3), trigger="still"))
    assert summary.numbered == 3
    frames = [int(row.source.rpartition("#")[2]) for row in rows(settings)]
    assert [10 < frame - 30 * part <= 20 for part, frame in enumerate(frames)] == [True] * 3, frames


def test_a_file_name_that_is_no_text_is_inspected_like_any_other(settings: Settings, tmp_path: Path) -> None:
    folder = numbered_folder(tmp_path / "parts", 3)
    (folder / "000002.png").rename(folder / os.fsdecode(b"000002-\xff.png"))
    with running(settings, NumberScorer()):
        capture_all(settings, options(folder))
    assert [row.source for row in rows(settings)] == ["000001.png", "000002-\\udcff.png", "000003.png"]


def test_a_picture_too_large_for_the_wire_is_recorded_as_such_and_the_rest_goes_on(tmp_path: Path) -> None:
    small = Settings(data=tmp_path / "data", max_message_bytes=1 << 20)
    folder = numbered_folder(tmp_path / "parts", 4)
    cv2.imwrite(str(folder / "000002.png"), np.zeros((1000, 1000, 3), np.uint8))
    cv2.imwrite(str(folder / "000003.png"), np.zeros((2, 20000, 3), np.uint8))
    with running(small, NumberScorer()):
        capture_all(small, options(folder))
    assert [row.reason for row in rows(small)] == [None, "too_large", "too_large", None]


def test_a_picture_too_large_for_the_workers_machine_alone_is_recorded_and_its_setting_named(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = numbered_folder(tmp_path / "parts", 3)
    cv2.imwrite(str(folder / "000002.png"), np.zeros((1000, 1000, 3), np.uint8))
    with running(settings.model_copy(update={"max_message_bytes": 1 << 20}), NumberScorer()):
        capture_all(settings, options(folder))
    assert [row.reason for row in rows(settings)] == [None, "too_large", None]
    assert "(1000, 1000, 3) is too large for EDGE_MAX_MESSAGE_BYTES=1048576 on the worker's machine" in caplog.text


def test_a_record_that_is_ahead_of_the_journal_is_refused_before_a_number_is_used_twice(
    settings: Settings, tmp_path: Path
) -> None:
    folder = numbered_folder(tmp_path / "parts", 5)
    with running(settings, NumberScorer()):
        summary = capture_all(settings, options(folder))
        path = settings.journals / summary.run / "parts.jsonl"
        path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-3]))
        with pytest.raises(EdgeError, match=r"goes up to frame 5.*only to 3"):
            capture_all(settings, options(folder))


def test_a_name_that_could_leave_its_folder_is_refused_before_any_file_is_made(
    settings: Settings, tmp_path: Path
) -> None:
    spec = parse_camera(str(numbered_folder(tmp_path / "parts", 1)))
    with pytest.raises(EdgeError, match="camera"):
        Capture(settings, CaptureOptions(CameraSpec(spec.address, None, "../up"), once=True))
    assert not settings.journals.exists()


def test_stopping_mid_way_accounts_for_every_numbered_frame(settings: Settings, tmp_path: Path) -> None:
    capture = Capture(settings, options(numbered_folder(tmp_path / "parts", 300)))
    with running(settings, NumberScorer(delay_s=0.005)):
        threading.Timer(1.0, capture.stop).start()
        summary = capture.run()
    assert 0 < summary.numbered < 300
    assert not summary.unacknowledged
    assert report(settings).good_while(running=False)


def test_a_stop_without_any_worker_ends_in_time(settings: Settings, tmp_path: Path) -> None:
    capture = Capture(settings, options(numbered_folder(tmp_path / "parts", 5)))
    threading.Timer(0.5, capture.stop).start()
    began_s = time.monotonic()
    assert capture.run().numbered == 0
    assert time.monotonic() - began_s < 3


def test_a_capture_goes_on_with_its_unfinished_run_and_the_lost_frames_are_named(
    settings: Settings, tmp_path: Path
) -> None:
    folder = numbered_folder(tmp_path / "parts", 12)
    lost = Journal(settings.journals, run="dead", camera="parts", source=str(folder), category="numbers")
    with lost:  # what a capture leaves that numbers seven frames and dies before any is sent
        for number in range(7):
            lost.append(captured_ns=time.time_ns(), source=f"lost-{number}.png")
    with running(settings, NumberScorer()):
        summary = capture_all(settings, options(folder))
    found = rows(settings)
    assert summary.run == "dead"
    assert [row.reason for row in found] == ["capture_died"] * 7 + [None, None, "above_threshold", None, None]
    assert [row.source for row in found[:2]] == ["lost-0.png", "lost-1.png"]
    assert [row.source for row in found[7:]] == [f"{number:06d}.png" for number in range(8, 13)], "not from the start"
    assert report(settings).good_while(running=False)


def test_frames_in_flight_reach_the_next_worker(settings: Settings, tmp_path: Path) -> None:
    capture = Capture(settings, options(numbered_folder(tmp_path / "parts", 120)))
    thread = threading.Thread(target=capture.run)
    with running(settings, NumberScorer(delay_s=0.005)):
        thread.start()
        wait_for(lambda: len(rows(settings)) > 20)
    assert len(rows(settings)) < 120
    with running(settings, NumberScorer()):
        thread.join(30)
    assert not thread.is_alive()
    assert [(row.seq, row.score) for row in rows(settings)] == [(n, n) for n in range(1, 121)]


def test_a_second_worker_on_one_address_is_refused(settings: Settings) -> None:
    with running(settings, NumberScorer()), pytest.raises(EdgeError, match="another worker"):
        Worker(settings, NumberScorer())


@contextmanager
def stranger(settings: Settings) -> Iterator[zmq.Socket[bytes]]:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    socket = context.socket(zmq.DEALER)
    socket.setsockopt(zmq.LINGER, 0)
    socket.connect(settings.line_address)
    try:
        yield socket
    finally:
        socket.close()
        context.term()


def hostile_messages() -> list[list[bytes]]:
    hello = message.encode(message.Hello(run="r", camera="c", source="s", category="numbers"))
    frame = [bytes(part) for part in encode_frame(numbered_frame(1), session="x" * 32, encoding="raw")]
    header = json.loads(frame[0])
    return [
        [b""],
        [b"{}", b"x"],
        [b"\xff" * 1000],
        [b"[" * 100_000],
        [hello[:-5]],
        [hello, b"a second part"],
        [json.dumps({**json.loads(hello), "run": "../../etc"}).encode()],
        [json.dumps({**header, "height": 1 << 40}).encode(), frame[1]],
        [json.dumps({**header, "height": -1}).encode(), frame[1]],
        [frame[0], frame[1][:-1]],
        [frame[0]],
        [b"\x80\x04\x95 a pickle"],
    ]


def test_hostile_and_truncated_messages_change_nothing(settings: Settings, tmp_path: Path) -> None:
    folder = numbered_folder(tmp_path / "parts", 30)
    with running(settings, NumberScorer(delay_s=0.005)) as worker, stranger(settings) as socket:
        for parts in hostile_messages():
            socket.send_multipart(parts)
        capture_all(settings, options(folder))
        wait_for(lambda: worker._link.bad_messages == len(hostile_messages()))
    assert [row.seq for row in rows(settings)] == list(range(1, 31))


def test_a_frame_from_a_stranger_without_hello_writes_no_row(settings: Settings) -> None:
    with running(settings, NumberScorer()) as worker, stranger(settings) as socket:
        session = worker._link.session
        socket.send_multipart(encode_frame(numbered_frame(1), session=session, encoding="raw"))
        assert socket.poll(5000)
        assert isinstance(message.decode_from_worker(socket.recv_multipart()), message.Stale)
    assert rows(settings) == []


def test_a_message_over_the_size_limit_is_cut_off(tmp_path: Path) -> None:
    small = Settings(data=tmp_path / "data", max_message_bytes=1 << 20)
    with running(small, NumberScorer()), stranger(small) as socket:
        socket.send_multipart([b"{}", bytes(2 << 20)])
        capture_all(small, options(numbered_folder(tmp_path / "parts", 5)))
    assert len(rows(small)) == 5


def test_a_frame_sent_twice_is_recorded_once_and_acknowledged_twice(settings: Settings) -> None:
    with running(settings, NumberScorer()), stranger(settings) as socket:
        socket.send(message.encode(message.Hello(run="r", camera="cam", source="s", category="numbers")))
        welcome = message.decode_from_worker(socket.recv_multipart())
        assert isinstance(welcome, message.Welcome)
        for _ in range(2):
            frame = numbered_frame(1, run="r")
            socket.send_multipart(encode_frame(frame, session=welcome.session, encoding="raw"))
            assert socket.poll(5000)
            ack = message.decode_from_worker(socket.recv_multipart())
            assert isinstance(ack, message.Ack)
            assert ack.ranges == [(1, 1)]
    assert len(rows(settings)) == 1


def test_a_capture_that_keeps_to_no_credit_is_cut_off(settings: Settings) -> None:
    with running(settings, NumberScorer(delay_s=0.05)) as worker, stranger(settings) as socket:
        socket.send(message.encode(message.Hello(run="r", camera="cam", source="s", category="numbers")))
        welcome = message.decode_from_worker(socket.recv_multipart())
        assert isinstance(welcome, message.Welcome)
        for seq in range(1, 200):
            socket.send_multipart(encode_frame(numbered_frame(seq), session=welcome.session, encoding="raw"))
        wait_for(lambda: worker._link.bad_messages > 100)
    assert len(rows(settings)) < 60


def test_many_hellos_load_a_bundle_once(settings: Settings) -> None:
    scorer = NumberScorer(load_s=0.5)
    with running(settings, scorer), stranger(settings) as socket:
        for _ in range(10):
            socket.send(message.encode(message.Hello(run="r", camera="cam", source="s", category="numbers")))
        assert socket.poll(5000)
        while socket.poll(700):  # beyond the time that the load takes
            assert isinstance(message.decode_from_worker(socket.recv_multipart()), message.Welcome)
    assert scorer.loads == 1


def test_ranges_join_neighbours() -> None:
    assert ranges([3, 1, 2, 7, 7]) == [(1, 3), (7, 7)]
    assert ranges([]) == []


def test_the_worker_link_gives_its_address_back(settings: Settings) -> None:
    for _ in range(2):
        link = WorkerLink(settings.line_address, credits=1, max_message_bytes=1 << 20)
        link.close()


def test_the_record_knows_what_people_call_the_bundle_that_judged(settings: Settings, tmp_path: Path) -> None:
    with running(settings, NumberScorer()):
        capture_all(settings, options(numbered_folder(tmp_path / "parts", 10)))
    (row,) = [row for row in rows(settings) if row.bundle]
    assert row.judged_by is not None
    assert (row.judged_by.name, row.judged_by.category, row.judged_by.folder) == ("numbers@1", "numbers", "numbers/1")


def test_a_batch_for_which_memory_is_too_small_is_scored_in_halves(settings: Settings, tmp_path: Path) -> None:
    scorer = NumberScorer(delay_s=0.005, fits=1)
    with running(settings, scorer):
        capture_all(settings, options(numbered_folder(tmp_path / "parts", 40)))
    assert max(scorer.batch_sizes) > 1
    assert [(row.seq, row.score) for row in rows(settings)] == [(n, n) for n in range(1, 41)]


def test_a_frame_too_large_for_the_memory_is_refused_on_record_and_the_line_goes_on(
    settings: Settings, tmp_path: Path
) -> None:
    with running(settings, NumberScorer(fits=0)):
        capture_all(settings, options(numbered_folder(tmp_path / "parts", 6)))
    assert [(row.outcome, row.reason) for row in rows(settings)] == [("not_inspected", "no_memory")] * 6
    assert report(settings).good_while(running=False)


def test_a_capture_that_is_stopped_while_it_reads_again_leaves_the_rest_to_the_next(
    settings: Settings, tmp_path: Path
) -> None:
    folder = numbered_folder(tmp_path / "parts", 60)
    with Journal(settings.journals, run="dead", camera="parts", source=str(folder), category="numbers") as dead:
        for number in range(1, 61):  # all were numbered, none was sent, by a capture that was killed
            dead.append(captured_ns=time.time_ns(), source=f"{number:06d}.png")
    with running(settings, NumberScorer(delay_s=0.02)):
        first = Capture(settings, options(folder))
        threading.Timer(1.0, first.stop).start()
        assert first.run().unacknowledged
        assert 0 < len(rows(settings)) < 60
        assert capture_all(settings, options(folder)).numbered == 60
    found = rows(settings)
    assert [row.seq for row in found] == list(range(1, 61))
    assert {row.reason for row in found} <= {None, "above_threshold", "stopped"}
    assert all(row.score == row.seq for row in found if row.reason != "stopped")
