"""open_camera and check_source for what lies on disk, the demo, and devices (a fake device behind the real class)."""

import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from edge.errors import EdgeError
from edge.line.camera import Camera, CameraError, Shot, check_source, open_camera
from edge.line.camera_spec import CameraSpec, parse_camera
from edge.line.demo import demo_boards
from edge.line.live import Live
from edge.line.sources import DEMO_TRAY
from tests.fakes import numbered_folder


def shots(camera: Camera) -> list[Shot]:
    taken = []
    while shot := camera.read():
        taken.append(shot)
    return taken


def picture(path: Path, level: int, size: tuple[int, int] = (8, 6)) -> None:
    Image.new("RGB", size, (level, 0, 0)).save(path)


def video(path: Path, frames: int) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25.0, (64, 48))
    for number in range(1, frames + 1):
        writer.write(np.full((48, 64, 3), number * 10, np.uint8))
    writer.release()
    return path


# a folder


def test_a_folder_comes_in_name_order_and_a_corrupt_file_keeps_its_place(tmp_path: Path) -> None:
    picture(tmp_path / "b.png", 50, (20, 10))
    picture(tmp_path / "a.PNG", 100)
    picture(tmp_path / "d.bmp", 200)
    (tmp_path / "c.jpg").write_bytes(b"\xff\xd8 broken")
    (tmp_path / "notes.txt").write_text("no part")
    before_ns = time.time_ns()
    camera = open_camera(parse_camera(str(tmp_path)), fps=None, once=False)
    taken = shots(camera)
    assert [shot.source for shot in taken] == ["a.PNG", "b.png", "c.jpg", "d.bmp"]
    assert [None if shot.pixels is None else shot.pixels.shape for shot in taken] == [
        (6, 8, 3),
        (10, 20, 3),
        None,
        (6, 8, 3),
    ]
    assert taken[0].pixels is not None
    assert taken[0].pixels[0, 0].tolist() == [100, 0, 0]
    times = [shot.captured_ns for shot in taken]
    assert before_ns <= times[0]
    assert times == sorted(times)
    assert times[-1] <= time.time_ns()
    assert camera.read() is None
    assert (camera.finite, camera.can_wait, camera.continuous) == (True, True, False)
    assert camera.lock_controls() == {}


def test_a_folder_is_paced(tmp_path: Path) -> None:
    for number in range(4):
        picture(tmp_path / f"{number}.png", number)
    camera = open_camera(parse_camera(str(tmp_path)), fps=20, once=False)
    start_s = time.monotonic()
    assert len(shots(camera)) == 4
    assert time.monotonic() - start_s >= 0.15


def test_one_picture_is_a_camera_too(tmp_path: Path) -> None:
    picture(tmp_path / "part.png", 9)
    taken = shots(open_camera(parse_camera(str(tmp_path / "part.png")), fps=None, once=False))
    assert [shot.source for shot in taken] == ["part.png"]


def test_closing_ends_a_waiting_read(tmp_path: Path) -> None:
    picture(tmp_path / "1.png", 1)
    picture(tmp_path / "2.png", 2)
    camera = open_camera(parse_camera(str(tmp_path)), fps=0.01, once=False)
    assert camera.read() is not None
    threading.Timer(0.05, camera.close).start()
    start_s = time.monotonic()
    assert camera.read() is None
    assert time.monotonic() - start_s < 5
    camera.close()


# a video


def test_a_video_comes_in_order_and_ends(tmp_path: Path) -> None:
    camera = open_camera(parse_camera(str(video(tmp_path / "clip.avi", 12))), fps=None, once=False)
    taken = shots(camera)
    assert [shot.source for shot in taken] == [f"clip.avi#{number}" for number in range(1, 13)]
    levels = [round(float(shot.pixels.mean()) / 10) for shot in taken if shot.pixels is not None]
    assert levels == list(range(1, 13))
    assert (camera.finite, camera.can_wait, camera.continuous) == (True, True, True)


def test_a_file_that_is_no_video_is_named(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"no video" * 100)
    with pytest.raises(CameraError, match=r"clip\.mp4"):
        open_camera(parse_camera(str(tmp_path / "clip.mp4")), fps=None, once=False)


def test_a_video_cut_short_gives_what_it_has_and_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = video(tmp_path / "clip.avi", 12)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * 0.7)])
    taken = shots(open_camera(parse_camera(str(path)), fps=None, once=False))
    assert 0 < len(taken) < 12
    assert f"clip.avi ended after {len(taken)} of the 12 frames" in caplog.text


# the demo


def test_the_demo_shows_its_boards_and_a_tray_ends() -> None:
    camera = open_camera(parse_camera("demo:pcb"), fps=10_000, once=True)
    taken = shots(camera)
    assert len(taken) == DEMO_TRAY
    assert [shot.source for shot in taken[:2]] == ["demo:pcb#1", "demo:pcb#2"]
    first = taken[0].pixels
    assert first is not None
    assert np.array_equal(first, next(demo_boards()).pixels)
    assert (camera.finite, camera.can_wait, camera.continuous) == (True, True, False)


def test_the_demo_goes_on_without_once_at_its_own_pace() -> None:
    camera = open_camera(parse_camera("demo:pcb"), fps=None, once=False)
    assert not camera.finite
    start_s = time.monotonic()
    for _ in range(3):
        assert camera.read() is not None
    assert time.monotonic() - start_s >= 0.39


@pytest.mark.parametrize("fps", [0.0, -1.0])
def test_an_impossible_rate_is_refused(fps: float) -> None:
    with pytest.raises(EdgeError, match="frames a second"):
        open_camera(parse_camera("demo:pcb"), fps=fps, once=False)


# what is not there


def test_an_unknown_demo_names_those_that_exist() -> None:
    with pytest.raises(EdgeError, match=r"demo:pcx.*demo:pcb"):
        check_source(parse_camera("demo:pcx"))


def test_a_missing_path_is_named() -> None:
    with pytest.raises(EdgeError, match="no/such/folder"):
        check_source(parse_camera("no/such/folder"))


def test_a_folder_without_pictures_is_named(tmp_path: Path) -> None:
    (tmp_path / "readme.txt").touch()
    with pytest.raises(EdgeError, match=r"no pictures.*\.png"):
        check_source(parse_camera(str(tmp_path)))


def test_a_missing_device_names_those_found(tmp_path: Path) -> None:
    for name in ("video10", "video2", "video-dec", "null"):
        (tmp_path / name).touch()
    check_source(parse_camera("2"), devices=tmp_path)
    with pytest.raises(EdgeError, match=r"video5.*Found: 2, 10\."):
        check_source(parse_camera("5"), devices=tmp_path)


def test_no_device_at_all_points_to_the_demo(tmp_path: Path) -> None:
    with pytest.raises(EdgeError, match="demo:pcb"):
        check_source(parse_camera("0"), devices=tmp_path)


def test_a_folder_called_like_a_device_is_pointed_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "5").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EdgeError, match=r"write \./5"):
        check_source(parse_camera("5"), devices=tmp_path)


def test_what_is_there_passes(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", 1)
    for text in ("demo:pcb", str(tmp_path), "rtsp://camera.example/s"):
        check_source(parse_camera(text))


# a device


class FakeCapture:
    """cv2.VideoCapture of a webcam: `controls` are those that it has, with their values; it has no others."""

    def __init__(
        self, frames: list[np.ndarray | None], controls: dict[int, float], *, stubborn: tuple[int, ...] = ()
    ) -> None:
        self.frames = list(frames)
        self.controls = dict(controls)
        self.stubborn = stubborn
        self.opened = True
        self.hold = threading.Event()
        self.hold.set()

    def isOpened(self) -> bool:  # noqa: N802
        return self.opened

    def read(self) -> tuple[bool, np.ndarray | None]:
        assert self.opened, "read after release"
        self.hold.wait(10)
        assert self.opened, "released under a reading thread"
        return (True, self.frames.pop(0)) if self.frames else (False, None)

    def set(self, prop: int, value: float, /) -> bool:
        if prop not in self.controls or prop in self.stubborn:
            return False
        self.controls[prop] = value
        return True

    def get(self, prop: int, /) -> float:
        return self.controls.get(prop, -1.0)

    def release(self) -> None:
        self.opened = False


WEBCAM = {
    cv2.CAP_PROP_AUTO_EXPOSURE: 3.0,
    cv2.CAP_PROP_EXPOSURE: 157.0,
    cv2.CAP_PROP_GAIN: 12.0,
    cv2.CAP_PROP_AUTO_WB: 1.0,
    cv2.CAP_PROP_WB_TEMPERATURE: 4600.0,
}


def device(capture: FakeCapture, *, fps: float | None = None, spec: CameraSpec | None = None) -> Live:
    return Live(spec or parse_camera("0"), fps=fps, capture=lambda _: capture)


def frame(level: int) -> np.ndarray:
    return np.full((4, 6, 3), (0, 0, level), np.uint8)


def test_a_device_delivers_rgb_until_it_is_lost() -> None:
    camera = device(FakeCapture([frame(10), frame(20)], WEBCAM))
    for level in (10, 20):
        shot = camera.read()
        assert shot is not None
        assert shot.pixels is not None
        assert shot.pixels[0, 0].tolist() == [level, 0, 0]
        assert shot.source == "0"
    with pytest.raises(CameraError, match="camera 0 stopped delivering after 2 frames"):
        camera.read()
    assert (camera.finite, camera.can_wait, camera.continuous) == (False, False, True)


def test_an_empty_delivery_is_a_shot_without_a_picture() -> None:
    shot = device(FakeCapture([np.zeros((0, 0, 3), np.uint8)], WEBCAM)).read()
    assert shot is not None
    assert shot.pixels is None


def test_a_device_that_does_not_open_is_named() -> None:
    capture = FakeCapture([], WEBCAM)
    capture.release()
    with pytest.raises(CameraError, match="camera 0 cannot be opened"):
        device(capture)


def test_a_rate_passes_over_frames_in_between() -> None:
    camera = device(FakeCapture([frame(1), *[frame(2)] * 200, frame(3)], WEBCAM), fps=0.001)
    first = camera.read()
    assert first is not None
    with pytest.raises(CameraError, match="after 202 frames"):
        camera.read()


def test_controls_are_held_at_what_they_were() -> None:
    capture = FakeCapture([], WEBCAM)
    assert device(capture).lock_controls() == {"exposure": 157.0, "gain": 12.0, "white_balance": 4600.0}
    assert capture.controls[cv2.CAP_PROP_AUTO_EXPOSURE] == 1.0
    assert capture.controls[cv2.CAP_PROP_AUTO_WB] == 0.0


def test_controls_that_the_device_has_not_are_not_claimed() -> None:
    assert device(FakeCapture([], {cv2.CAP_PROP_GAIN: 3.0})).lock_controls() == {"gain": 3.0}
    assert device(FakeCapture([], {})).lock_controls() == {}


def test_an_automatic_that_stays_on_is_not_claimed() -> None:
    capture = FakeCapture([], WEBCAM, stubborn=(cv2.CAP_PROP_AUTO_EXPOSURE,))
    assert "exposure" not in device(capture).lock_controls()


def test_a_stream_has_no_controls_to_lock() -> None:
    assert device(FakeCapture([], WEBCAM), spec=parse_camera("rtsp://h/s")).lock_controls() == {}


def test_closing_during_a_read_neither_blocks_nor_pulls_the_device_away() -> None:
    capture = FakeCapture([frame(1)], WEBCAM)
    capture.hold.clear()
    camera = device(capture)
    taken: list[Shot | None] = []
    reader = threading.Thread(target=lambda: taken.append(camera.read()))
    reader.start()
    time.sleep(0.05)
    camera.close()
    assert capture.opened
    capture.hold.set()
    reader.join(5)
    assert taken == [None]
    assert not capture.opened
    camera.close()
    assert camera.read() is None


def test_pictures_that_were_inspected_before_are_passed_over_without_waiting_for_their_time(tmp_path: Path) -> None:
    folder = numbered_folder(tmp_path / "parts", 40)
    camera = open_camera(parse_camera(str(folder)), fps=20, once=True, unpaced=30)
    began_s = time.monotonic()
    for _ in range(30):
        camera.read()
    hurried_s = time.monotonic() - began_s
    for _ in range(10):
        camera.read()
    assert hurried_s < 0.4
    assert time.monotonic() - began_s - hurried_s > 0.4
    camera.close()
