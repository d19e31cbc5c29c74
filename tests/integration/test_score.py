"""POST /api/v1/score: a picture of somebody's own, scored by the running worker through the page, and not recorded."""

import base64
import socket
import struct
import threading
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path

import cv2
import numpy as np
import pytest
from fastapi.testclient import TestClient

from dashboard.line import score
from dashboard.line.score import MOST_BYTES
from edge.capture import Capture
from edge.frame import Pixels
from edge.ledger.media import decode_map
from edge.line.camera_spec import CameraSpec
from edge.line.capture_options import CaptureOptions
from edge.score_service import MOST_ASKING, Asked, ScoreService, picture_size
from edge.settings import Settings
from edge.verdict import Verdict
from edge.worker import Worker
from tests.fakes import NumberScorer, number_of, numbered_folder, numbered_picture
from tests.lines import report, rows
from tests.page_client import page_client

PNG = {"Content-Type": "image/png"}


class TouchyScorer(NumberScorer):
    """A NumberScorer that cannot stand picture 13."""

    def score(self, pictures: list[Pixels], categories: list[str | None]) -> list[Verdict]:  # type: ignore[override]
        if 13 in [number_of(pixels) for pixels in pictures]:
            raise RuntimeError("unlucky")
        return super().score(pictures, categories)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "data")


@pytest.fixture
def worker(settings: Settings) -> Iterator[Worker]:
    worker = Worker(settings, TouchyScorer(delay_s=0.002))
    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(worker.run)
        yield worker
        worker.stop()
        ended.result(20)


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    with page_client(settings) as client:
        yield client


def picture(number: int) -> bytes:
    return cv2.imencode(".png", cv2.cvtColor(numbered_picture(number), cv2.COLOR_RGB2BGR))[1].tobytes()


def test_a_picture_gets_verdict_boxes_and_map_and_nothing_is_recorded(
    settings: Settings, worker: Worker, client: TestClient
) -> None:
    raw = client.post("/api/v1/score?category=numbers", content=picture(20), headers=PNG)
    assert raw.status_code == 200, raw.text
    said = raw.json()
    assert (said["outcome"], said["score"], said["bundle_name"]) == ("defect", 20.0, "numbers@1")
    assert (said["width"], said["height"]) == (64, 48)
    assert [(box["x0"], box["y0"], box["x1"], box["y1"]) for box in said["boxes"]] == [(24, 16, 32, 24)]
    anomaly_map = decode_map(base64.b64decode(said["map"]), top=said["map_top"])
    assert anomaly_map is not None
    assert np.unravel_index(anomaly_map.argmax(), anomaly_map.shape) == (2, 3)
    drawn = cv2.imdecode(np.frombuffer(base64.b64decode(said["heatmap"]), np.uint8), cv2.IMREAD_UNCHANGED)
    assert drawn is not None
    assert drawn.shape == (48, 64, 4)
    form = client.post("/api/v1/score?category=numbers", files={"picture": ("any.png", picture(21), "image/png")})
    assert (form.json()["outcome"], form.json()["score"]) == ("ok", 21.0)
    assert client.post("/api/v1/score", content=picture(3), headers=PNG).json()["reason"] == "uncalibrated"
    assert rows(settings) == []


def test_what_cannot_be_scored_is_refused_with_the_reason_and_the_worker_goes_on(
    settings: Settings, worker: Worker, client: TestClient
) -> None:
    def refused(content: bytes, category: str = "numbers", **headers: str) -> tuple[int, str]:
        answer = client.post(f"/api/v1/score?category={category}", content=content, headers=PNG | headers)
        return answer.status_code, answer.json()["detail"]

    assert refused(b"no picture")[0] == 422
    assert refused(picture(1), "letters") == (422, "no bundle for category letters")
    assert refused(picture(1), **{"Content-Type": "text/plain"})[0] == 415
    assert refused(picture(1), **{"Content-Length": str(MOST_BYTES + 1)})[0] == 413
    status, why = refused(picture(13))
    assert status == 422
    assert "unlucky" in why
    assert client.post("/api/v1/score?category=numbers", content=picture(2), headers=PNG).status_code == 200


def test_without_a_worker_it_says_what_to_start(settings: Settings, client: TestClient) -> None:
    answer = client.post("/api/v1/score", content=picture(1), headers=PNG)
    assert answer.status_code == 503
    assert "edge run" in answer.json()["detail"]


def test_the_line_inspects_every_frame_while_pictures_are_scored(
    settings: Settings, worker: Worker, client: TestClient, tmp_path: Path
) -> None:
    folder = numbered_folder(tmp_path / "parts", 120)
    (folder / "000013.png").unlink()
    options = CaptureOptions(CameraSpec(str(folder), "numbers", "parts"), once=True)
    with ThreadPoolExecutor(1) as pool:
        line = pool.submit(Capture(settings, options).run)
        scored = [
            client.post("/api/v1/score?category=numbers", content=picture(number), headers=PNG).json()["score"]
            for number in range(201, 211)
        ]
        line.result(30)
    assert scored == list(range(201, 211))
    assert [row.score for row in rows(settings)] == [number for number in range(1, 121) if number != 13]
    assert report(settings).good_while(running=False)


def png_header(width: int, height: int) -> bytes:
    """A PNG that states this size and holds nothing."""
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"")),
        (b"IEND", b""),
    ]
    packed = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


@pytest.mark.parametrize("size", [(20_000, 20_000), (10_000, 10_000), (10_000, 5_001)])
def test_a_picture_of_more_than_50_megapixels_is_refused_by_its_header(
    worker: Worker, client: TestClient, size: tuple[int, int]
) -> None:
    answer = client.post("/api/v1/score?category=numbers", content=png_header(*size), headers=PNG)
    assert answer.status_code == 413
    assert f"{size[0]} x {size[1]} pixels" in answer.json()["detail"]
    assert "50 megapixels" in answer.json()["detail"]


def test_the_size_is_that_of_the_header_and_only_of_what_is_taken() -> None:
    assert picture_size(picture(1)) == (64, 48)
    assert picture_size(cv2.imencode(".jpg", numbered_picture(1))[1].tobytes()) == (64, 48)
    assert picture_size(cv2.imencode(".bmp", numbered_picture(1))[1].tobytes()) is None
    assert picture_size(picture(1)[:20]) is None
    assert picture_size(b"") is None


def test_when_enough_wait_the_next_is_sent_away_at_once(tmp_path: Path) -> None:
    go_on = threading.Event()

    def slowly(asked: Asked) -> Verdict:
        go_on.wait(20)
        return NumberScorer().score([asked.pixels], [None])[0]

    service = ScoreService(tmp_path / "socket" / "s", slowly, lambda _: None)
    with ThreadPoolExecutor(MOST_ASKING + 1) as pool:
        asking = [pool.submit(service.answer, None, picture(1)) for _ in range(MOST_ASKING + 1)]
        sent_away, _ = wait(asking, 10, return_when=FIRST_COMPLETED)
        go_on.set()
        assert [one.result()[0] for one in sent_away] == [503]
        assert [one.result(20)[0] for one in asking if one not in sent_away] == [200] * MOST_ASKING
    service.close()


def test_a_picture_that_nobody_waits_for_is_not_scored(settings: Settings) -> None:
    scorer = NumberScorer()
    worker = Worker(settings, scorer)
    asked = Asked(numbered_picture(1), None, until_s=time.monotonic())
    with pytest.raises(TimeoutError):
        worker._ask(asked)
    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(worker.run)
        worker.stop()
        ended.result(20)
    assert asked.verdict.cancelled()


def test_a_worker_that_hangs_and_one_that_breaks_off_are_not_told_as_none(
    settings: Settings, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(score, "TIMEOUT_S", 0.2)
    settings.score_socket.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(settings.score_socket))
        silent.listen()
        hangs = client.post("/api/v1/score", content=picture(1), headers=PNG)
        with ThreadPoolExecutor(1) as pool:
            silent.accept()[0].close()  # of the question before
            pool.submit(lambda: silent.accept()[0].close())
            breaks_off = client.post("/api/v1/score", content=picture(1), headers=PNG)
    refused = client.post("/api/v1/score", content=picture(1), headers=PNG)
    settings.score_socket.unlink()
    assert (hangs.status_code, breaks_off.status_code, refused.status_code) == (504, 503, 503)
    assert "did not answer within" in hangs.json()["detail"]
    assert "not answer to the end" in breaks_off.json()["detail"]
    assert "No worker runs" in refused.json()["detail"]
