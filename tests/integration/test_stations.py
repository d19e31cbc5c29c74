"""Several stations in one real PostgreSQL, and the page that shows them all."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
import uvicorn
from fastapi.testclient import TestClient

from dashboard.app import create_app
from dashboard.cli import listen
from dashboard.stations.stations import KEPT_S, Stations
from edge.errors import EdgeError
from edge.ledger.camera_states import CameraNow, Doing, other_line, tell_states
from edge.line.camera_spec import parse_camera
from edge.line.capture_options import CaptureOptions
from edge.preflight import only_line
from edge.run import run_line
from edge.settings import Settings
from tests.ledger_rows import Ledger, new_ledger
from tests.page_client import page_client
from tests.postgresql import Cluster

HOUR_NS = 3600 * 10**9


@pytest.fixture
def presses(postgresql_url: str, tmp_path: Path) -> Iterator[tuple[Ledger, Ledger]]:
    ledgers = new_ledger(tmp_path / "one"), new_ledger(tmp_path / "other", station="Press_4")
    yield ledgers
    for ledger in ledgers:
        ledger.engine.dispose()


def tell(ledger: Ledger, *, beat_ns: int, state: Doing = Doing.INSPECTING, run: str = "night-1") -> None:
    tell_states(ledger.engine, run, [CameraNow("top", "demo:pcb", "pcb", state)], now_ns=beat_ns)


def test_each_station_has_a_record_of_its_own_and_none_waits_for_another(presses: tuple[Ledger, Ledger]) -> None:
    one, other = presses
    with one.engine.begin():  # holds the write lock of its station
        assert [other.add("ok"), other.add_defect()] == [1, 2]
    assert one.add("defect") == 1
    with page_client(one.settings) as client:
        assert client.get("/api/v1/counts").json()["frames"] == 1


def test_the_page_shows_every_station_with_its_line_its_frames_and_the_way_to_its_page(
    presses: tuple[Ledger, Ledger], tmp_path: Path
) -> None:
    one, other = presses
    other.add("ok")
    other.add_defect()
    tell(one, beat_ns=time.time_ns(), state=Doing.ENDED)
    tell(other, beat_ns=time.time_ns())
    central = Settings(data=tmp_path / "central", station="central", stations="Press_4=https://10.0.0.4:8765")
    with page_client(central) as client:
        told = {each["station"]: each for each in client.get("/api/v1/stations").json()}
        page = client.get("/stations")
        assert 'href="/stations"' in client.get("/").text
    assert set(told) == {"Press_4", "press-3"}, "the page makes no station of itself"
    assert [told["press-3"][name] for name in ("running", "cameras", "inspecting", "ok", "page")] == [
        False, 1, 0, 0, None
    ]  # fmt: skip
    assert [told["Press_4"][name] for name in ("running", "cameras", "inspecting", "ok", "defect", "waiting")] == [
        True, 1, 1, 1, 1, 1
    ]  # fmt: skip
    assert 'href="https://10.0.0.4:8765"' in page.text
    assert page.headers["refresh"] == "5"


def test_a_station_whose_clock_is_wrong_runs_as_long_as_its_signs_of_life_move(presses: tuple[Ledger, Ledger]) -> None:
    one, _ = presses
    stations = Stations(one.settings.database, {})

    def running() -> bool:
        time.sleep(KEPT_S + 0.1)
        return {view.station: view.running for view in stations.look()}["press-3"]

    tell(one, beat_ns=time.time_ns() - HOUR_NS)
    assert not running(), "an hour old, for all that is known"
    tell(one, beat_ns=time.time_ns() - HOUR_NS)
    assert running()
    stations.close()


def test_a_station_of_another_version_is_named_and_the_others_are_shown(presses: tuple[Ledger, Ledger]) -> None:
    one, other = presses
    with one.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE shift_check RENAME COLUMN reason TO why")
    with page_client(other.settings) as client:
        told = client.get("/api/v1/stations").json()
    assert ["shift_check.reason" in (each["trouble"] or "") for each in told] == [False, True]


def test_a_second_line_on_a_stations_record_is_refused_while_the_first_one_lives(
    presses: tuple[Ledger, Ledger], tmp_path: Path
) -> None:
    one, other = presses
    tell(one, beat_ns=1)
    assert other_line(one.engine, wait_s=0.2) is None, "a line that was killed says so, too"
    options = CaptureOptions(parse_camera("demo:pcb"), once=True)
    with ThreadPoolExecutor(1) as pool:
        lives = pool.submit(lambda: [(tell(one, beat_ns=n), time.sleep(0.1)) for n in range(2, 60)])
        with pytest.raises(EdgeError, match=r"night-1.*EDGE_STATION"):
            run_line(Settings(data=tmp_path / "third"), [options], page=False, say=print, show=lambda *_: None)
        assert other_line(other.engine, wait_s=0.2) is None
        lives.result()


def test_of_two_lines_that_start_together_on_one_station_only_one_runs(
    presses: tuple[Ledger, Ledger], postgresql: Cluster
) -> None:
    one, other = presses
    with only_line(one.settings):
        with pytest.raises(EdgeError, match="EDGE_STATION"), only_line(one.settings):
            pytest.fail("two lines on one station")
        with only_line(other.settings):
            pass
        postgresql.admin("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
    with only_line(one.settings):
        pass


def test_a_record_of_one_station_alone_has_no_such_page(client: TestClient) -> None:
    if client.app.state.site.stations is None:  # type: ignore[attr-defined]
        assert client.get("/stations").status_code == 404
        assert 'href="/stations"' not in client.get("/").text


@pytest.mark.parametrize(
    "wrong", [{"stations": "a"}, {"stations": "a=ftp://x"}, {"stations": "a=https://u:p@x"}, {"station": "a b"},
              {"station": "pg_x"}, {"station": ""}]
)  # fmt: skip
def test_names_and_addresses_that_cannot_be_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(EdgeError, match="station"):
        Settings.read(**wrong)


def test_the_central_page_shows_what_another_station_flagged_with_the_picture_from_its_page(
    presses: tuple[Ledger, Ledger], tmp_path: Path
) -> None:
    one, _ = presses
    frame_id = one.add_defect()
    bare = one.add("unsure", reason="uncalibrated")
    server = uvicorn.Server(uvicorn.Config(create_app(one.settings), log_level="error"))
    with ThreadPoolExecutor(1) as pool, listen("127.0.0.1", 0) as listener:
        serving = pool.submit(server.run, [listener])
        pages = f"press-3=http://127.0.0.1:{listener.getsockname()[1]}"
        with page_client(Settings(data=tmp_path / "central", station="central", stations=pages)) as client:
            told = client.get("/api/v1/stations/press-3/flagged").json()
            assert [(each["id"], each["thumbnail"] is None) for each in told] == [(bare, True), (frame_id, False)]
            assert told[1]["page"].endswith(f"/frames/{frame_id}")
            fetched = client.get(told[1]["thumbnail"])
            assert (fetched.status_code, fetched.headers["content-type"]) == (200, "image/jpeg")
            assert cv2.imdecode(np.frombuffer(fetched.content, np.uint8), cv2.IMREAD_COLOR).shape == (240, 320, 3)
            shown = client.get("/stations/press-3").text
            assert told[1]["thumbnail"] in shown.replace("&amp;", "&")
            assert client.get(f"/stations/press-3/frames/{bare}/thumbnail.jpg").status_code == 404
            assert client.get("/stations/press-9").status_code == 404
            again = one.add_defect()
            server.should_exit = True
            serving.result()
            listener.close()
            away = client.get(f"/stations/press-3/frames/{again}/thumbnail.jpg")
            assert (away.status_code, "press-3 cannot be reached" in away.json()["detail"]) == (502, True)
            assert client.get(told[1]["thumbnail"]).status_code == 200, "what was fetched is kept"
