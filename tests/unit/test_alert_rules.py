"""The example alerts and the example board: promtool accepts and tries them, and they ask for what the page tells."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from tests.ledger_rows import Ledger
from tests.living_line import living_line

DOCKER = Path(__file__).parents[2] / "docker"
ALERTS, BOARD = DOCKER / "prometheus-alerts.yml", DOCKER / "grafana-board.json"


@pytest.fixture
def told(ledger: Ledger, client: TestClient) -> Iterator[set[str]]:
    """The names of all samples of a line on which all is well."""
    with living_line(ledger):
        text = client.get("/metrics").text
    yield {sample.name for family in text_string_to_metric_families(text) for sample in family.samples}


def promtool(*words: str | Path) -> subprocess.CompletedProcess[str]:
    if shutil.which("promtool") is None:
        if os.environ.get("CI"):
            pytest.fail("needs promtool")
        pytest.skip("needs promtool (apt-get install prometheus)")
    return subprocess.run(["promtool", *words], capture_output=True, text=True, check=False)


def series(name: str, values: str, **labels: str) -> dict[str, str]:
    pairs = ",".join(f'{label}="{value}"' for label, value in {"instance": "station-1", **labels}.items())
    return {"series": f"{name}{{{pairs}}}", "values": values}


def test_promtool_accepts_the_alerts_and_what_the_page_tells(ledger: Ledger, client: TestClient) -> None:
    checked = promtool("check", "rules", ALERTS)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    with living_line(ledger):
        text = client.get("/metrics").text
    if shutil.which("promtool"):
        lint = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
        assert (lint.returncode, lint.stdout, lint.stderr) == (0, "", "")


@pytest.mark.parametrize("file", [ALERTS, BOARD])
def test_every_metric_that_is_asked_for_is_told_by_a_living_line(file: Path, told: set[str]) -> None:
    asked = set(re.findall(r"\bedge_[a-z_]+", file.read_text()))
    assert len(asked) > 8
    assert asked - told == set()


def test_the_board_is_whole() -> None:
    board = json.loads(BOARD.read_text())
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    assert all(target["expr"] for panel in board["panels"] for target in panel["targets"])
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in board["panels"])


def test_a_camera_that_is_not_ready_is_an_alert_but_one_that_was_stopped_is_none(tmp_path: Path) -> None:
    """And a process that is started again and again is one, which it is not after a single time."""
    told = [
        series("edge_camera_ready", "1 1 0x10", camera="dead"),
        series("edge_camera_state", "0x12", camera="dead", state="stopped"),
        series("edge_camera_ready", "0x12", camera="off"),
        series("edge_camera_state", "1x12", camera="off", state="stopped"),
        series("edge_process_restarts_total", "0 1 2 3 4 5 6x6", process="worker"),
        series("edge_process_restarts_total", "0 1x11", process="page"),
    ]
    not_ready = {
        "exp_labels": {"severity": "critical", "instance": "station-1", "camera": "dead"},
        "exp_annotations": {"summary": "station-1: nothing in front of camera dead is judged"},
    }
    restarts = {
        "exp_labels": {"severity": "warning", "instance": "station-1", "process": "worker"},
        "exp_annotations": {"summary": "station-1: worker was started again 6 times in 15 minutes"},
    }
    cases = [
        ("2m", "EdgeCameraNotReady", []),
        ("4m", "EdgeCameraNotReady", [not_ready]),
        ("1m", "EdgeProcessRestarts", []),
        ("8m", "EdgeProcessRestarts", [restarts]),
    ]
    tests = {
        "rule_files": [str(ALERTS)],
        "evaluation_interval": "30s",
        "tests": [
            {
                "interval": "1m",
                "input_series": told,
                "alert_rule_test": [
                    {"eval_time": at, "alertname": name, "exp_alerts": expected} for at, name, expected in cases
                ],
            }
        ],
    }
    (tmp_path / "alerts-test.yml").write_text(json.dumps(tests))  # JSON is YAML
    tried = promtool("test", "rules", tmp_path / "alerts-test.yml")
    assert tried.returncode == 0, tried.stdout + tried.stderr
