"""Strangers, impostors and hostile captures at a worker that listens on TCP with CURVE, beside an honest camera."""

import itertools
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import zmq

from edge.capture import Capture
from edge.errors import EdgeError
from edge.line import message
from edge.line.camera_spec import CameraSpec, parse_camera
from edge.line.capture_options import CaptureOptions
from edge.line.crowd import MOST_CONNECTIONS
from edge.line.curve import ClientKeys, as_client, new_secret
from edge.line.key_files import KeyFiles
from edge.line.worker_link import MOST_RUNS, WorkerLink
from edge.settings import Settings
from edge.worker import Worker
from tests.curve_keys import exchange_keys
from tests.fakes import NumberScorer, numbered_folder
from tests.lines import recorded, report, rows, wait_until
from tests.wire_mutants import Mutants

Socket = zmq.Socket[bytes]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return Settings(data=tmp_path / "data", address=f"tcp://127.0.0.1:{port}", drain_timeout_s=20)


@pytest.fixture
def keys(settings: Settings) -> dict[str, ClientKeys]:
    return exchange_keys(settings, "parts", "rogue")


@contextmanager
def running(settings: Settings, *, delay_s: float = 0.0) -> Iterator[Worker]:
    worker = Worker(settings, NumberScorer(delay_s=delay_s))
    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(worker.run)
        try:
            yield worker
        finally:
            worker.stop()
            ended.result(20)


@contextmanager
def client(address: str, keys: ClientKeys | None) -> Iterator[Socket]:
    context: zmq.Context[Socket] = zmq.Context()
    dealer = context.socket(zmq.DEALER)
    dealer.setsockopt(zmq.LINGER, 0)
    if keys:
        as_client(dealer, keys)
    dealer.connect(address)
    try:
        yield dealer
    finally:
        dealer.close()
        context.term()


def hello(camera: str, run: str = "r") -> bytes:
    return message.encode(message.Hello(run=run, camera=camera, source="s", category="numbers"))


def answer(dealer: Socket) -> object:
    assert dealer.poll(10_000), "no answer"
    return message.decode_from_worker(dealer.recv_multipart())


def honest(settings: Settings, folder: Path) -> Capture:
    spec = parse_camera(str(folder))
    return Capture(settings, CaptureOptions(CameraSpec(spec.address, "numbers", "parts"), once=True))


def assert_only_the_honest_ones(settings: Settings, count: int) -> None:
    found = rows(settings)
    assert [(row.camera.name, row.seq, row.score) for row in found] == [("parts", n, n) for n in range(1, count + 1)]
    assert report(settings).good_while(running=False)


@pytest.mark.usefixtures("keys")
def test_a_line_with_keys_inspects_and_its_pixels_are_not_on_the_wire(settings: Settings, tmp_path: Path) -> None:
    with Tap(settings) as tap, running(settings):
        tapped = settings.model_copy(update={"address": tap.address})
        honest(tapped, numbered_folder(tmp_path / "p", 20)).run()
    assert_only_the_honest_ones(settings, 20)
    assert len(tap.heard) > 20 * 48 * 64 * 3
    assert b"\x80" * 100 not in tap.heard
    assert b"hello" not in tap.heard


def test_no_key_a_wrong_key_and_a_revoked_one_get_no_answer_and_write_no_row(
    settings: Settings, keys: dict[str, ClientKeys], tmp_path: Path
) -> None:
    KeyFiles(settings.keys).revoke("rogue")
    strangers = (None, ClientKeys(new_secret(), keys["parts"].worker), keys["rogue"])
    with running(settings) as worker:
        for stranger in strangers:
            with client(settings.line_address, stranger) as dealer:
                dealer.send(hello("parts"))
                assert not dealer.poll(300)
        assert worker._link.bad_messages == 0, "it never got to say anything"
        honest(settings, numbered_folder(tmp_path / "p", 10)).run()
    assert_only_the_honest_ones(settings, 10)


def test_a_capture_does_not_speak_to_a_worker_that_it_does_not_trust_and_says_so(
    settings: Settings, keys: dict[str, ClientKeys], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    KeyFiles(settings.keys).trust(new_secret().hex())
    with running(settings) as worker:
        capture = honest(settings, numbered_folder(tmp_path / "p", 3))
        threading.Timer(1.0, capture.stop).start()
        capture.run()
        assert worker._link.bad_messages == 0
    assert "does not prove to be the worker" in caplog.text
    assert rows(settings) == []
    assert not any(each.secret.hex() in caplog.text for each in keys.values())


def test_a_capture_that_runs_takes_up_another_worker_to_trust(
    settings: Settings, keys: dict[str, ClientKeys], tmp_path: Path
) -> None:
    files = KeyFiles(settings.keys)
    files.trust(new_secret().hex())
    with running(settings):
        threading.Timer(1.0, files.trust, [keys["parts"].worker.hex()]).start()
        honest(settings, numbered_folder(tmp_path / "p", 3)).run()
    assert [row.seq for row in rows(settings)] == [1, 2, 3]


def test_a_right_key_under_another_cameras_name_is_refused(settings: Settings, keys: dict[str, ClientKeys]) -> None:
    with running(settings), client(settings.line_address, keys["rogue"]) as dealer:
        dealer.send(hello("parts"))
        refusal = answer(dealer)
        assert isinstance(refusal, message.Refuse)
        assert "camera rogue's" in refusal.why
    assert rows(settings) == []


def test_a_key_revoked_on_a_running_worker_ends_its_camera_and_no_other(
    settings: Settings, keys: dict[str, ClientKeys], tmp_path: Path
) -> None:
    capture = honest(settings, numbered_folder(tmp_path / "p", 5000))
    with running(settings, delay_s=0.002), client(settings.line_address, keys["rogue"]) as other:
        other.send(hello("rogue"))
        welcome = answer(other)
        assert isinstance(welcome, message.Welcome)
        with ThreadPoolExecutor(1) as pool:
            ended = pool.submit(capture.run)
            wait_until(lambda: recorded(settings) > 5, timeout_s=20)
            KeyFiles(settings.keys).revoke("parts")
            with pytest.raises(EdgeError, match="was revoked"):
                ended.result(20)
        other.send(message.encode(message.Ping(session=welcome.session)))
        assert isinstance(answer(other), message.Pong)


def test_a_rogue_with_a_key_of_its_own_sends_mutants_and_the_honest_camera_goes_on(
    settings: Settings, keys: dict[str, ClientKeys], tmp_path: Path
) -> None:
    with running(settings) as worker, client(settings.line_address, keys["rogue"]) as dealer:
        for parts in itertools.islice(Mutants(seed=2, session=worker._link.session), 2000):
            dealer.send_multipart(parts or [b""])
        honest(settings, numbered_folder(tmp_path / "p", 20)).run()
        assert worker._link.bad_messages > 500
    assert_only_the_honest_ones(settings, 20)


def test_hellos_of_new_runs_without_end_are_bounded_and_the_honest_camera_goes_on(
    settings: Settings, keys: dict[str, ClientKeys], tmp_path: Path
) -> None:
    answers = []
    with running(settings):
        for number in range(MOST_RUNS + 5):  # one connection is one camera in one run
            with client(settings.line_address, keys["rogue"]) as dealer:
                dealer.send(hello("rogue", run=f"run{number}"))
                answers.append(answer(dealer))
        honest(settings, numbered_folder(tmp_path / "p", 10)).run()
    refused = [each for each in answers if isinstance(each, message.Refuse)]
    assert len(refused) >= 3, "it took less than two minutes"
    assert all("runs began" in each.why for each in refused)
    assert_only_the_honest_ones(settings, 10)


@pytest.mark.usefixtures("keys")
def test_a_recorded_session_sent_again_writes_no_row(settings: Settings, tmp_path: Path) -> None:
    with running(settings):
        with Tap(settings) as tap:
            honest(settings.model_copy(update={"address": tap.address}), numbered_folder(tmp_path / "p", 10)).run()
        replay(settings, tap)
    with running(settings) as worker:
        replay(settings, tap)
        assert worker._link.bad_messages == 0
    assert_only_the_honest_ones(settings, 10)


@pytest.mark.usefixtures("keys")
def test_a_crowd_of_connections_leaves_the_worker_its_files_and_the_line_its_frames(
    settings: Settings, tmp_path: Path
) -> None:
    capture = honest(settings, numbered_folder(tmp_path / "p", 100))
    crowd: list[socket.socket] = []
    with running(settings, delay_s=0.005) as worker, ThreadPoolExecutor(1) as pool:
        ended = pool.submit(capture.run)
        wait_until(lambda: recorded(settings) > 5, timeout_s=20)
        try:
            while len(crowd) < 2 * MOST_CONNECTIONS:
                crowd.append(connection(settings))
            wait_until(lambda: worker._link._crowd and worker._link._crowd.turned_away, timeout_s=20)
            ended.result(60)
        finally:
            for each in crowd:
                each.close()
    assert_only_the_honest_ones(settings, 100)


def test_random_bytes_at_the_port_change_nothing(
    settings: Settings, keys: dict[str, ClientKeys], tmp_path: Path
) -> None:
    with running(settings):
        greeting = b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\x00CURVE" + bytes(47)
        too_large = greeting + b"\x06" + (1 << 62).to_bytes(8, "big")
        for content in (os.urandom(5000), greeting + os.urandom(5000), too_large, b"GET / HTTP/1.1\r\n\r\n"):
            with connection(settings) as stranger:
                stranger.sendall(content)
        honest(settings, numbered_folder(tmp_path / "p", 10)).run()
    assert_only_the_honest_ones(settings, 10)


def test_a_capture_that_never_reads_delays_nobody(
    settings: Settings, keys: dict[str, ClientKeys], tmp_path: Path
) -> None:
    with running(settings) as worker, client(settings.line_address, keys["rogue"]) as dealer:
        dealer.setsockopt(zmq.RCVHWM, 1)
        dealer.send(hello("rogue"))
        ping = message.encode(message.Ping(session=worker._link.session))
        for _ in range(20_000):
            dealer.send(ping)
        honest(settings, numbered_folder(tmp_path / "p", 10)).run()
    assert_only_the_honest_ones(settings, 10)


def connection(settings: Settings) -> socket.socket:
    """A bare connection; the listener's queue may be full at the first try."""
    port = int(settings.line_address.rpartition(":")[2])
    for _ in range(20):
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=1)
        except TimeoutError:
            continue
    raise AssertionError("nobody listens")


def replay(settings: Settings, tap: "Tap") -> None:
    with connection(settings) as attacker:
        attacker.sendall(bytes(tap.heard))
        attacker.settimeout(1)
        while received(attacker):
            pass


def received(source: socket.socket) -> bytes:
    try:
        return source.recv(1 << 16)
    except OSError:
        return b""


class Tap:
    """A proxy in front of the worker that remembers what one capture sent."""

    def __init__(self, settings: Settings) -> None:
        self.heard = bytearray()
        self._settings = settings
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._serve, daemon=True)]

    def __enter__(self) -> "Tap":
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        self._listener.close()

    def _serve(self) -> None:
        try:
            near, _ = self._listener.accept()
        except OSError:
            return
        with near, connection(self._settings) as far:
            back = threading.Thread(target=self._copy, args=(far, near, lambda _: None), daemon=True)
            back.start()
            self._copy(near, far, self.heard.extend)
            far.shutdown(socket.SHUT_RDWR)
            back.join(10)

    def _copy(self, source: socket.socket, target: socket.socket, note: Callable[[bytes], None]) -> None:
        while content := received(source):
            note(content)
            try:
                target.sendall(content)
            except OSError:
                return


def test_a_flood_that_breaks_off_while_the_worker_is_busy_does_not_abort_it(
    settings: Settings, keys: dict[str, ClientKeys]
) -> None:
    """libzmq 4.3.5 aborts a process whose socket beats for a peer that has gone and left a full queue."""
    link = WorkerLink(
        settings.line_address, credits=8, max_message_bytes=1 << 20, keys=KeyFiles(settings.keys).server_keys("tcp://")
    )
    try:
        with client(settings.line_address, keys["rogue"]) as dealer:
            dealer.send(hello("rogue"))
            wait_until(lambda: link.receive(0.01), timeout_s=20)
            for _ in range(200):
                dealer.send(message.encode(message.Ping(session="s")))
            time.sleep(0.5)
        time.sleep(2.5)  # longer than a beat
    finally:
        link.close()
