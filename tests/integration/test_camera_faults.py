"""What live cameras do to a line: freezing, damaged pictures, another resolution, and dying while others go on."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.capture import Capture
from edge.hang import Limits
from edge.ledger.record import Inspection
from edge.line.camera_spec import parse_camera
from edge.line.capture_options import CaptureOptions
from edge.line.shot import CameraError
from edge.settings import Settings
from tests.fakes import NumberScorer
from tests.integration.test_line import running
from tests.lines import camera_line, recorded_by_camera, report, rows, wait_until
from tests.mjpeg import MjpegServer, address, serving
from tests.numbered_jpeg import numbered


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "data", drain_timeout_s=10)


def seen_until_lost(settings: Settings, server: MjpegServer) -> tuple[list[Inspection], str]:
    """The rows of what this camera delivered, and why it was lost."""
    with serving(server), running(settings, NumberScorer()):
        capture = Capture(settings, CaptureOptions(parse_camera(address(server.port))))
        with pytest.raises(CameraError) as lost:
            capture.run()
    assert report(settings).good_while(running=False)
    return rows(settings), str(lost.value)


def test_a_frozen_camera_is_lost_after_seconds_and_adds_nothing_when_it_is_opened_again(settings: Settings) -> None:
    def freezes(number: int) -> bytes:
        return numbered(min(number, 20))

    found, why = seen_until_lost(settings, MjpegServer(frames=2000, picture=freezes, period_s=0.05))
    assert "frozen" in why
    again, why = seen_until_lost(settings, MjpegServer(frames=2000, picture=lambda _: numbered(20), period_s=0.05))
    assert "opened anew" in why
    assert len(again) == len(found)


def test_each_damaged_jpeg_of_a_stream_is_a_recorded_frame_and_ends_nothing(settings: Settings) -> None:
    def damaged(number: int) -> bytes:
        content = numbered(number)
        if number % 5 == 0:
            return content[: len(content) // 3]
        return b"\xff\xd8 no picture at all" if number % 7 == 0 else content

    found, why = seen_until_lost(settings, MjpegServer(frames=100, picture=damaged, period_s=0.02))
    assert "stopped delivering" in why
    assert len(found) > 60, "it is drained until there is a worker"
    last = 99  # the 100th is damaged as well, and none came after it to tell it from the end of the stream
    seen = range(last + 1 - len(found), last + 1)
    assert [row.reason == "unreadable" for row in found] == [number % 5 == 0 or number % 7 == 0 for number in seen]


def test_another_resolution_in_mid_stream_is_inspected_as_well(settings: Settings) -> None:
    def larger(number: int) -> bytes:
        if number < 50:
            return numbered(number)
        picture = np.random.default_rng(number).integers(0, 255, (240, 400, 3), np.uint8)
        return cv2.imencode(".jpg", picture)[1].tobytes()

    found, _ = seen_until_lost(settings, MjpegServer(frames=100, picture=larger, period_s=0.02))
    assert len(found) > 60
    assert {row.outcome for row in found} == {"unsure"}, "no category; and none is not inspected"


SLOW_S = 2.5


def test_a_camera_that_takes_seconds_for_each_picture_is_not_killed_as_hung_and_slows_no_other(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "data")
    limits = Limits(start_s=60.0, silence_s=SLOW_S * 0.6, owes_s=SLOW_S * 2)  # a beat must come between two pictures
    fast, slow = MjpegServer(frames=10_000, period_s=0.05), MjpegServer(frames=10_000, period_s=SLOW_S)
    with serving(fast), serving(slow):
        addresses = {"fast": address(fast.port), "slow": address(slow.port)}
        line = camera_line(settings, addresses, limits=limits)
        try:
            wait_until(lambda: recorded_by_camera(settings)["slow"] >= 1, timeout_s=60, tick=line.tick, every_s=0.05)
            before, began_s = recorded_by_camera(settings), time.monotonic()
            wait_until(
                lambda: recorded_by_camera(settings)["slow"] >= before["slow"] + 2,
                timeout_s=60,
                tick=line.tick,
                every_s=0.05,
            )
            after, seconds = recorded_by_camera(settings), time.monotonic() - began_s
            line.stop()
        finally:
            line.kill()
    assert line.restarts == {}
    assert (after["slow"] - before["slow"]) / seconds > 0.7 / SLOW_S, "as fast as it delivers"
    assert (after["fast"] - before["fast"]) / seconds > 0.7 / 0.05
    assert {row.outcome for row in rows(settings)} == {"unsure"}, "no category; and none is not inspected"
    assert report(settings).good_while(running=False)


FOUR = 4


@contextmanager
def cameras(ports: dict[int, int]) -> Iterator[dict[int, ExitStack]]:
    """Four MJPEG servers, each with a way to end it; the ports that they got are put into `ports`."""
    with ExitStack() as all_of_them:
        mine = {}
        for number in range(1, FOUR + 1):
            mine[number] = all_of_them.enter_context(ExitStack())
            server = MjpegServer(frames=1_000_000, period_s=0.05, picture=moving)
            ports[number] = mine[number].enter_context(serving(server)).port
        yield mine


def moving(number: int) -> bytes:
    return numbered(number % 1000)


def test_a_camera_that_is_gone_slows_no_other_and_comes_back_by_itself(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "data")
    ports: dict[int, int] = {}
    with cameras(ports) as servers:
        line = camera_line(settings, {f"cam{number}": address(port) for number, port in ports.items()})

        def counts() -> Counter[str]:
            return recorded_by_camera(settings)

        try:
            wait_until(lambda: len(counts()) == FOUR and min(counts().values()) > 20, timeout_s=90, tick=line.tick)
            before, began_s = counts(), time.monotonic()
            wait_until(lambda: time.monotonic() > began_s + 3, timeout_s=10, tick=line.tick)
            rate = {name: (count - before[name]) / 3 for name, count in counts().items()}
            servers[1].close()
            wait_until(lambda: line.restarts.get("capture-cam1", 0) >= 1, timeout_s=60, tick=line.tick)
            assert "cannot be opened" in str(line.lost("capture-cam1")) or "stopped" in str(line.lost("capture-cam1"))
            gone, began_s = counts(), time.monotonic()
            wait_until(lambda: time.monotonic() > began_s + 3, timeout_s=10, tick=line.tick)
            meanwhile = {name: (count - gone[name]) / 3 for name, count in counts().items()}
            with serving(MjpegServer(frames=1_000_000, period_s=0.05, port=ports[1], picture=moving)):
                wait_until(lambda: counts()["cam1"] > gone["cam1"] + 10, timeout_s=90, tick=line.tick)
                line.stop()
        finally:
            line.kill()
    assert all(meanwhile[name] > 0.7 * rate[name] for name in ("cam2", "cam3", "cam4")), (rate, meanwhile)
    assert set(line.restarts) == {"capture-cam1"}
    assert report(settings).good_while(running=False)
