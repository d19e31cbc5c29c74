"""The line as it is seen from outside: /readyz, /metrics, and `edge status`."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from edge.cli import main
from edge.ledger.beats import OUTPUTS, SUPERVISOR, WORKER, capture_name
from edge.ledger.camera_states import Doing
from edge.ledger.people import Role
from edge.verdict import Reason, not_inspected
from tests.here import run_here
from tests.ledger_rows import Ledger
from tests.living_line import CAMERA, OK, LivingLine, living_line
from tests.page_client import page_client, plant_page

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture
def line(ledger: Ledger) -> Iterator[LivingLine]:
    with living_line(ledger) as line:
        yield line


def scraped(client: TestClient) -> Samples:
    """Every sample, by name and sorted labels."""
    families = text_string_to_metric_families(client.get("/metrics").text)
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value for one in families for sample in one.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples[name, tuple(sorted(labels.items()))]


def test_readyz_is_200_while_the_line_inspects_and_503_with_the_reason_when_it_does_not(
    line: LivingLine, client: TestClient
) -> None:
    good = client.get("/readyz")
    assert (good.status_code, good.headers["cache-control"]) == (200, "no-store")
    assert good.json() == {"ready": True, "reasons": [], "cameras": {CAMERA: {"ready": True, "reasons": []}}}
    (line.ledger.settings.beats / WORKER).unlink()
    bad = client.get("/readyz")
    assert bad.status_code == 503
    assert [reason["why"] for reason in bad.json()["cameras"][CAMERA]["reasons"]] == ["worker_silent", "not_connected"]
    line.speak(state=Doing.STOPPED, reason="lens is dirty")
    told = client.get("/readyz").json()["reasons"]
    assert told == [{"why": "stopped", "sentence": "camera top was stopped (lens is dirty)", "camera": "top"}]


def test_readyz_without_a_record_or_with_one_that_is_none_is_503(ledger: Ledger, tmp_path: Path) -> None:
    elsewhere = ledger.settings.model_copy(update={"data": tmp_path / "nothing"})
    with page_client(elsewhere) as client:
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json()["reasons"][0]["why"]) == (503, "record_unreadable")
    ledger.engine.dispose()
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "record.sqlite").write_bytes(b"no database at all, " * 500)
    with page_client(ledger.settings.model_copy(update={"data": broken})) as client:
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json()["reasons"][0]["why"]) == (503, "record_unreadable")


def test_strangers_learn_whether_it_is_ready_and_nothing_else(
    line: LivingLine, client: TestClient, tmp_path: Path
) -> None:
    through_a_proxy = client.get("/readyz", headers={"X-Forwarded-For": "10.0.0.9"})
    assert (through_a_proxy.status_code, through_a_proxy.json()) == (200, {"ready": True})
    with plant_page(tmp_path / "plant", anna=Role.ADMIN) as plant:
        secret = (
            plant.signed_in("anna").post("/api/v1/tokens", json={"name": "MES", "role": "operator"}).json()["secret"]
        )
        answers = {
            "stranger": plant.stranger().get("/readyz"),
            "wrong token": plant.stranger(Authorization="Bearer nonsense").get("/readyz"),
            "token": plant.stranger(Authorization=f"Bearer {secret}").get("/readyz"),
            "person": plant.signed_in("anna").get("/readyz"),
        }
    assert {who: answer.status_code for who, answer in answers.items()} == dict.fromkeys(answers, 503)
    assert answers["stranger"].json() == answers["wrong token"].json() == {"ready": False}
    assert answers["token"].json()["reasons"][0]["why"] == answers["person"].json()["reasons"][0]["why"] == "no_line"


def test_metrics_tell_frames_reasons_processes_cameras_and_disk(line: LivingLine, client: TestClient) -> None:
    samples = scraped(client)
    assert value(samples, "edge_frames_total", camera=CAMERA, outcome="ok") == 1
    assert value(samples, "edge_frames_total", camera=CAMERA, outcome="defect") == 0
    assert value(samples, "edge_frames_not_inspected_total", camera=CAMERA, reason="late") == 1
    assert value(samples, "edge_process_restarts_total", process=WORKER) == 2
    assert value(samples, "edge_process_restarts_total", process=capture_name(CAMERA)) == 0
    assert value(samples, "edge_frames_in_flight", process=WORKER) == 3
    assert 0 <= value(samples, "edge_process_beat_age_seconds", process=SUPERVISOR) < 60
    assert value(samples, "edge_ready") == value(samples, "edge_camera_ready", camera=CAMERA) == 1
    assert value(samples, "edge_camera_state", camera=CAMERA, state="inspecting") == 1
    assert value(samples, "edge_camera_state", camera=CAMERA, state="failed") == 0
    assert abs(value(samples, "edge_camera_last_frame_timestamp_seconds", camera=CAMERA) - time.time()) < 60
    disk = os.statvfs(line.ledger.settings.data)
    assert value(samples, "edge_disk_size_bytes") == disk.f_blocks * disk.f_frsize
    assert 0 < value(samples, "edge_disk_free_bytes") < value(samples, "edge_disk_size_bytes")
    line.speak(state=Doing.FAILED, reason="unplugged")
    samples = scraped(client)
    assert value(samples, "edge_ready") == value(samples, "edge_camera_ready", camera=CAMERA) == 0
    assert value(samples, "edge_camera_state", camera=CAMERA, state="failed") == 1


def test_the_latency_histogram_has_the_inspected_frames_since_the_first_scrape(
    line: LivingLine, client: TestClient
) -> None:
    bucket, count = "edge_frame_latency_seconds_bucket", "edge_frame_latency_seconds_count"
    assert value(scraped(client), count, camera=CAMERA) == 0
    line.record(OK, OK, took_s=0.15)
    line.record(OK, took_s=7.0)
    line.record(not_inspected(Reason.LATE), took_s=0.15)
    for _ in range(2):
        samples = scraped(client)
        assert value(samples, count, camera=CAMERA) == 3
        assert value(samples, bucket, camera=CAMERA, le="0.1") == 0
        assert value(samples, bucket, camera=CAMERA, le="5") == 2
        assert value(samples, bucket, camera=CAMERA, le="30") == value(samples, bucket, camera=CAMERA, le="+Inf") == 3
        assert 7.3 <= value(samples, "edge_frame_latency_seconds_sum", camera=CAMERA) < 60


def test_a_scraper_that_takes_openmetrics_gets_it(line: LivingLine, client: TestClient) -> None:
    answer = client.get("/metrics", headers={"Accept": "application/openmetrics-text;version=1.0.0"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")


def test_status_says_ready_not_ready_and_no_line_by_its_exit_code(line: LivingLine, tmp_path: Path) -> None:
    data = str(line.ledger.settings.data)
    ready = run_here(main, "status", "--data", data)
    assert ready.returncode == 0, ready.stderr
    assert "READY" in ready.stdout and "NOT" not in ready.stdout
    assert "restarts: worker 2" in ready.stdout
    assert "alarm: top: Brightness 61" in ready.stdout
    line.speak(state=Doing.STOPPED, reason="lens is dirty")
    stopped = run_here(main, "status", "--data", data)
    assert stopped.returncode == 1
    assert "NOT READY" in stopped.stdout and "camera top was stopped (lens is dirty)" in stopped.stdout
    everybody = (SUPERVISOR, WORKER, OUTPUTS, capture_name(CAMERA))
    for process in everybody:
        (line.ledger.settings.beats / process).unlink()
    line.speak(silent=everybody, state=Doing.FAILED, reason="worker ended 5 times")
    ended = run_here(main, "status", "--data", data)
    assert ended.returncode == 2
    assert "no line is running" in ended.stdout
    assert "last word of top: failed, worker ended 5 times" in ended.stdout
    nothing = run_here(main, "status", "--data", str(tmp_path / "nothing"))
    assert nothing.returncode == 2
    assert "no record" in nothing.stderr


def test_status_fits_a_terminal_of_80_columns_and_a_script(line: LivingLine) -> None:
    data = str(line.ledger.settings.data)
    table = run_here(main, "status", "--data", data).stdout.splitlines()[1:3]
    assert [len(row.rstrip()) <= 80 for row in table] == [True, True]
    told = json.loads(run_here(main, "status", "--data", data, "--json").stdout)
    assert (told["running"], told["ready"], told["reasons"]) == (True, True, [])
    (camera,) = told["cameras"]
    assert (camera["camera"], camera["state"], camera["ready"]) == (CAMERA, "inspecting", True)
    assert camera["frames_per_s"] == 0.1
    assert 0 <= camera["last_frame_age_s"] < 60
    assert told["processes"][WORKER]["restarts"] == 2


@pytest.mark.sqlite
def test_a_page_whose_record_is_damaged_under_it_says_so_on_every_address(ledger: Ledger) -> None:
    ledger.add_defect()
    with page_client(ledger.settings) as client:
        assert client.get("/healthz").json()["record"] == "ready"
        database = ledger.settings.database.file
        assert database is not None
        ledger.engine.dispose()
        database.with_name("record.sqlite-wal").unlink(missing_ok=True)
        database.write_bytes(b"no database at all" * 4096)
        assert "is no whole database" in client.get("/healthz").json()["record"]
        for address in ("/metrics", "/api/v1/line", "/api/v1/frames"):
            answer = client.get(address)
            assert (answer.status_code, "is no whole database" in answer.text) == (500, True), address
        assert client.get("/readyz").status_code == 503


@pytest.mark.sqlite
def test_status_of_a_damaged_record_says_so(ledger: Ledger) -> None:
    ledger.engine.dispose()
    (ledger.settings.data / "record.sqlite").write_bytes(b"no database at all, " * 500)
    ended = run_here(main, "status", "--data", str(ledger.settings.data))
    assert ended.returncode == 2
    assert "no whole database" in ended.stderr and "NIGHT.md" in ended.stderr
