"""What the line's room says and takes: the API over HTTP, on a real record."""

import json
import shutil
import time
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from dashboard.line.pictures import LivePictures, described
from edge.cli import main
from edge.frame import FrameInfo
from edge.ledger.beats import OUTPUTS, WORKER, Heart, capture_name
from edge.ledger.bundles import record_bundle
from edge.ledger.camera_states import CameraNow, Doing, tell_states
from edge.ledger.categories import tell_categories
from edge.ledger.live import read_live, write_live
from edge.ledger.orders import Order
from edge.ledger.people import AuditEvent
from tests.fakes import number_verdict
from tests.here import run_here
from tests.ledger_rows import Ledger, grey_picture
from tests.page_client import page_client


def tell(ledger: Ledger, state: Doing = Doing.INSPECTING, *, ago_s: float = 0.0, **more: str) -> None:
    ledger.settings.data.mkdir(exist_ok=True)  # a line's own, wherever its record is
    now = CameraNow("top", "demo:pcb", "pcb", state, **more)
    tell_states(ledger.engine, "night-1", [now], now_ns=time.time_ns() - int(ago_s * 1e9))
    tell_categories(ledger.engine, {"cookie": "cookie@2", "pcb": "pcb@7"})


def show(ledger: Ledger, seq: int = 1, *, camera: str = "top", ahead_s: float = 0) -> None:
    now_ns = time.time_ns() + int(ahead_s * 1e9)
    info = FrameInfo("night-1", camera, seq, now_ns, "test")
    write_live(ledger.settings.live, info, number_verdict(10), grey_picture(), map_top=2.0, now_ns=now_ns)


def order(client: TestClient, **asked: str) -> tuple[int, dict[str, object]]:
    answer = client.post("/api/v1/orders", json=asked)
    return answer.status_code, answer.json()


def test_a_camera_is_described_by_its_state_and_its_frames_of_this_run(ledger: Ledger, client: TestClient) -> None:
    for outcome in ("ok", "ok", "unsure"):
        ledger.add(outcome, bundle="ab" * 32, category="pcb")
    ledger.add("not_inspected", reason="late")
    ledger.add("not_inspected", reason="overload", captured_ns=time.time_ns() - 120 * 10**9)
    ledger.add_defect(camera="another")
    record_bundle(ledger.engine, sha256="ab" * 32, name="pcb@7", category="pcb", encoder="lite", folder="pcb/7")
    tell(ledger, Doing.STOPPED, reason="jam", asked_by="anna")
    (camera,) = client.get("/api/v1/cameras").json()
    shown = {name: camera[name] for name in ("camera", "state", "reason", "asked_by", "lost", "bundle", "encoder")}
    assert shown == {
        "camera": "top", "state": "stopped", "reason": "jam", "asked_by": "anna", "lost": False, "bundle": "pcb@7",
        "encoder": "lite",
    }  # fmt: skip
    assert [camera[outcome] for outcome in ("ok", "defect", "unsure", "not_inspected")] == [2, 0, 1, 2]
    assert (camera["reasons"], camera["recent_reasons"]) == ({"late": 1, "overload": 1}, {"late": 1})
    assert camera["latency_p50_ms"] == 40.0


def test_the_bundle_of_another_category_is_not_shown_after_a_changeover(ledger: Ledger, client: TestClient) -> None:
    record_bundle(ledger.engine, sha256="ab" * 32, name="cake@1", category="cake", encoder="lite", folder="cake/1")
    ledger.add_defect(category="cake")
    tell(ledger)
    assert client.get("/api/v1/cameras").json()[0]["bundle"] is None


def test_old_news_of_a_supervisor_is_a_lost_one_and_the_last_word_of_a_run_stays(
    ledger: Ledger, client: TestClient
) -> None:
    tell(ledger, ago_s=60)
    assert client.get("/api/v1/line").json()["running"] is False
    assert client.get("/api/v1/cameras").json()[0]["lost"] is True
    tell(ledger, Doing.ENDED, ago_s=60)
    time.sleep(0.6)
    assert client.get("/api/v1/cameras").json()[0]["lost"] is False


def beat(ledger: Ledger) -> None:
    for process in (WORKER, capture_name("top")):
        Heart(ledger.settings.beats, process).beat(session="s")


def test_line_is_ready_while_its_processes_say_so_and_else_every_reason_is_given(
    ledger: Ledger, client: TestClient
) -> None:
    tell(ledger)
    line = client.get("/api/v1/line").json()
    assert line["ready"] is False and "the worker has not started" in line["not_ready"]
    assert "Not ready</strong><span>the worker has not started; " in client.get("/line").text
    time.sleep(0.6)  # what the page last saw is half a second old at most
    beat(ledger)
    line = client.get("/api/v1/line").json()
    assert (line["ready"], line["not_ready"]) == (True, [])


def test_disk_that_fills_up_is_told_with_what_it_means_for_pictures(ledger: Ledger) -> None:
    ledger.settings.data.mkdir(exist_ok=True)
    free = shutil.disk_usage(ledger.settings.data).free
    for reserve, expected in ((0, None), (free * 3 // 2, "Pictures that are worth least"), (free * 3, "without their")):
        settings = ledger.settings.model_copy(update={"disk_reserve": reserve})
        with page_client(settings) as client:
            disk = client.get("/api/v1/line").json()["disk"]
            assert disk is None if expected is None else expected in disk
            assert ("The disk is nearly full" in client.get("/line").text) is (expected is not None)


def test_a_page_without_a_data_folder_shows_a_line_that_is_not_ready(ledger: Ledger, tmp_path: Path) -> None:
    elsewhere = ledger.settings.model_copy(update={"data": tmp_path / "none"})
    with page_client(elsewhere) as client:
        if ledger.settings.database.url is None:
            assert client.get("/api/v1/line").status_code == 503, "no record either"
            return
        line = client.get("/api/v1/line").json()
        assert (line["ready"], line["disk"], len(line["not_ready"])) == (False, None, 1)
    assert not (tmp_path / "none").exists()


def test_an_output_that_cannot_tell_is_named_while_a_line_runs(ledger: Ledger, client: TestClient) -> None:
    tell(ledger)
    beat(ledger)
    Heart(ledger.settings.beats, OUTPUTS).beat(at_hand=12, failing={"mqtt": "cannot be reached", "webhook": None})
    assert client.get("/api/v1/line").json()["outputs"] == ["mqtt: cannot be reached"]
    assert "Results wait to be told.</strong> mqtt: cannot be reached" in client.get("/line").text
    told = client.get("/metrics").text.splitlines()
    assert 'edge_output_failing{output="mqtt"} 1.0' in told
    assert 'edge_output_failing{output="webhook"} 0.0' in told
    assert "edge_results_waiting 12.0" in told
    ended = run_here(main, "status", "--data", str(ledger.settings.data))
    assert "output mqtt: CANNOT TELL, cannot be reached" in ended.stdout
    assert "output webhook: tells" in ended.stdout


def test_a_camera_without_supervisor_is_shown_by_its_picture(ledger: Ledger, client: TestClient) -> None:
    ledger.add("ok", camera="alone")
    show(ledger, camera="alone")
    (camera,) = client.get("/api/v1/cameras").json()
    assert (camera["camera"], camera["state"], camera["ok"]) == ("alone", "unknown", 1)


def test_a_live_picture_is_sent_whole_with_its_age(ledger: Ledger, client: TestClient) -> None:
    show(ledger, 7)
    content = client.get("/api/v1/cameras/top/live").content
    header, _, rest = content.partition(b"\n")
    facts = json.loads(header)
    assert (facts["seq"], facts["outcome"], facts["reason"]) == (7, "defect", "Above the threshold")
    assert 0 <= facts["age_s"] < 5
    assert rest[:2] == b"\xff\xd8"
    assert rest[facts["jpeg_bytes"] :][:8] == b"\x89PNG\r\n\x1a\n"
    assert len(rest) == facts["jpeg_bytes"] + facts["heat_bytes"]


@pytest.mark.parametrize("name", ["none", "..%2Frecord.sqlite", ".top.part", "%2Fetc%2Fpasswd"])
def test_only_the_name_of_a_camera_leads_to_a_picture(ledger: Ledger, client: TestClient, name: str) -> None:
    show(ledger)
    (ledger.settings.live / ".top.part").write_bytes((ledger.settings.live / "top").read_bytes())
    assert client.get(f"/api/v1/cameras/{name}/live").status_code in (204, 404)


@pytest.mark.parametrize(
    ("captured_s", "written_s", "age_s"), [(0, 1, 10), (3600, 0, 10), (-3600, 0, 3610), (50, 50, 40)]
)
def test_a_clock_that_is_wrong_makes_a_picture_older_and_never_younger(
    ledger: Ledger, captured_s: int, written_s: int, age_s: int
) -> None:
    show(ledger)
    frame = read_live(ledger.settings.live / "top")
    assert frame is not None
    facts = frame.facts.model_copy(
        update={"captured_ns": (1000 + captured_s) * 10**9, "written_ns": (1000 + written_s) * 10**9}
    )
    seen = described(frame.model_copy(update={"facts": facts}), heat_bytes=0, now_ns=1010 * 10**9, known_s=0)
    assert seen.age_s == age_s


def test_a_clock_that_is_set_makes_no_picture_younger_than_it_is_known(ledger: Ledger) -> None:
    show(ledger, ahead_s=0.5)
    pictures = LivePictures(ledger.settings.live)
    ages, began_s = [], time.monotonic()
    for _ in range(6):
        known_s = time.monotonic() - began_s
        ages.append((known_s, json.loads((pictures.picture("top") or b"").partition(b"\n")[0])["age_s"]))
        time.sleep(0.12)
    assert all(age_s >= known_s - 0.1 for known_s, age_s in ages[1:]), ages


def test_an_order_is_written_with_who_asked_and_why(ledger: Ledger, client: TestClient) -> None:
    tell(ledger)
    status, said = order(client, kind="stop", camera="top", reason="  the belt is cleaned ")
    assert (status, said["state"]) == (202, "waiting")
    assert order(client, kind="changeover", camera="top", category="cookie")[0] == 202
    with Session(ledger.engine) as session:
        stop = session.get_one(Order, said["id"])
        assert (stop.kind, stop.camera, stop.reason, stop.asked_by, stop.state) == (
            "stop", "top", "the belt is cleaned", "local operator", "waiting",
        )  # fmt: skip
        events = [(event.who, event.what, event.about) for event in session.scalars(select(AuditEvent))]
    assert events == [
        ("local operator", "ordered stop", "top: the belt is cleaned"),
        ("local operator", "ordered changeover", "top to cookie"),
    ]
    assert [one["kind"] for one in client.get("/api/v1/orders").json()] == ["changeover", "stop"]


@pytest.mark.parametrize(
    "asked",
    [
        {"kind": "stop", "camera": "top"},
        {"kind": "start", "camera": "top", "reason": "   "},
        {"kind": "changeover", "camera": "top"},
        {"kind": "stop", "camera": "top", "reason": "x", "category": "pcb"},
        {"kind": "explode", "camera": "top", "reason": "x"},
        {"kind": "stop", "camera": "top", "reason": "x" * 301},
        {"kind": "stop", "camera": "top", "reason": "x", "asked_by": "somebody else"},
    ],
)
def test_an_order_that_says_too_little_or_too_much_is_refused(
    ledger: Ledger, client: TestClient, asked: dict[str, str]
) -> None:
    tell(ledger)
    assert order(client, **asked)[0] == 422
    assert client.get("/api/v1/orders").json() == []


def test_an_order_for_a_camera_that_the_line_does_not_have_is_refused_at_once(
    ledger: Ledger, client: TestClient
) -> None:
    tell(ledger)
    show(ledger, camera="alone")  # of a capture without the line's supervisor
    for camera in ("nope", "alone"):
        status, said = order(client, kind="stop", camera=camera, reason="jam")
        assert status == 422
        assert said["detail"] == f"The line has no camera '{camera}'. It has top."
    assert client.get("/api/v1/orders").json() == []


def test_no_order_is_taken_while_nobody_would_do_it(ledger: Ledger, client: TestClient) -> None:
    tell(ledger, Doing.ENDED)
    status, said = order(client, kind="start", camera="top", reason="go on")
    assert status == 409
    assert "edge run" in str(said["detail"])
