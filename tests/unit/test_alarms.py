"""Alarms and checks in the record, on the page and in the metrics."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from edge.alarm import Kind, State
from edge.ledger.alarms import AlarmNews, in_force
from edge.ledger.checks import record_check
from edge.ledger.record import open_engine
from edge.ledger.writer import Writer
from tests.alarm_rows import DARK, alarm, entry
from tests.ledger_rows import Ledger


@pytest.fixture
def writer(ledger: Ledger) -> Iterator[Writer]:
    engine = open_engine(ledger.settings.database, writes=True)
    writer = Writer(engine, ledger.settings.media)
    for name in ("top", "side"):
        writer.register("night-1", name, source="demo:pcb", category="pcb")
    yield writer
    engine.dispose()


def test_an_alarm_is_in_force_from_its_row_to_the_row_that_clears_it(ledger: Ledger, writer: Writer) -> None:
    focus = alarm(kind=Kind.FOCUS, measure="focus")
    writer.write([entry(1, alarm()), entry(2, focus), entry(1, camera="side")])
    assert in_force(ledger.engine, "night-1", "top") == [alarm(), focus]
    assert in_force(ledger.engine, "night-1", "side") == []
    writer.write([entry(3, alarm(State.CLEARED))])
    assert in_force(ledger.engine, "night-1", "top") == [focus]


def test_an_alarm_is_recorded_even_with_a_frame_that_has_its_outcome_already(ledger: Ledger, writer: Writer) -> None:
    writer.write([entry(1)])
    assert writer.write([entry(1, alarm())]) == []
    assert in_force(ledger.engine, "night-1", "top") == [alarm()]


def test_the_terminal_hears_of_each_change_once(ledger: Ledger, writer: Writer) -> None:
    news = AlarmNews(ledger.engine, "night-1")
    assert news.look() == []
    writer.write([entry(1), entry(2, alarm())])
    assert news.look() == [f"ALARM: light of pcb at camera top, frame 2: {DARK}"]
    writer.write([entry(3, alarm(State.CLEARED))])
    assert news.look() == [f"alarm ended: light of pcb at camera top, frame 3: {DARK}"]
    assert news.look() == []


def test_the_page_shows_alarms_in_force_in_words_and_lets_go_of_ended_ones(writer: Writer, client: TestClient) -> None:
    assert "light has changed" not in client.get("/").text
    writer.write([entry(1, alarm())])
    for page in ("/", "/summary"):
        shown = client.get(page).text
        assert [word for word in ("Alarm: light has changed", "top", "pcb", DARK) if word not in shown] == []
    writer.write([entry(2, alarm(State.CLEARED))])
    assert "light has changed" not in client.get("/").text


def test_a_new_run_of_a_camera_begins_without_the_alarms_of_the_last(writer: Writer, client: TestClient) -> None:
    writer.write([entry(1, alarm())])
    writer.register("night-2", "top", source="demo:pcb", category="pcb")
    assert client.get("/api/v1/counts").json()["alarms"] == []


def test_the_page_shows_the_last_check_of_each_category(ledger: Ledger, client: TestClient) -> None:
    engine = open_engine(ledger.settings.database, writes=True)
    for passed, reason in ((True, "all well"), (False, "known good 1.png: score 2.0")):
        record_check(engine, category="pcb", bundle="a" * 64, passed=passed, reason=reason, details=[])
    record_check(engine, category="tile", bundle="b" * 64, passed=True, reason="all well", details=[])
    engine.dispose()
    shown = client.get("/").text
    assert shown.count("checked") == 2
    assert "failed" in shown and "known good 1.png: score 2.0" in shown and "passed" in shown


def test_metrics_are_what_prometheus_reads(ledger: Ledger, writer: Writer, client: TestClient) -> None:
    writer.write([entry(1, alarm()), entry(1, camera="side")])
    ledger.add_defect(camera='od"d\\')
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = answer.text.splitlines()
    assert 'edge_frames_total{camera="top",outcome="ok"} 1.0' in lines
    assert 'edge_frames_total{camera="side",outcome="not_inspected"} 0.0' in lines
    assert 'edge_alarm{camera="top",category="pcb",kind="light"} 1.0' in lines
    assert 'edge_alarm{camera="top",category="pcb",kind="focus"} 0.0' in lines
    assert 'edge_alarm{camera="side",category="pcb",kind="light"} 0.0' in lines
    assert 'edge_alarm{camera="od\\"d\\\\",category="pcb",kind="light"} 0.0' in lines
    assert answer.text.endswith("\n")
