"""POST /api/v1/score: a picture of somebody's own, scored by the running worker through the page, and not recorded."""

import base64
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from fastapi.testclient import TestClient

from dashboard.line.score import MOST_BYTES
from edge.capture import Capture, CaptureOptions
from edge.frame import Pixels
from edge.ledger.media import decode_map
from edge.line.camera_spec import CameraSpec
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
