"""Trends: the p-chart's maths, buckets by the station's clock, running counts, and charts that lead to frames."""

import math
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from datetime import time as clock
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from dashboard.reader import Reader
from dashboard.station_time import Unit, local, start_of, starts
from dashboard.trends import chart
from dashboard.trends.charts import percent
from dashboard.trends.histogram import Histogram, LogBins, key
from dashboard.trends.over_time import PRECISION, TrendsQuery, trends
from dashboard.trends.p_chart import TAIL, Control, p_chart, usual_counts
from dashboard.trends.rollup import Rollup
from edge.errors import EdgeError
from edge.ledger.record import open_engine, unit_of_work
from edge.ledger.reviews import ReviewVerdict, add_reviews, latest_ids, undo_reviews
from edge.settings import Settings
from tests.ledger_rows import Ledger
from tests.page_client import page_client

BERLIN = ZoneInfo("Europe/Berlin")
SHIFTS = (clock(6), clock(14), clock(22))
HOUR_S, QUARTER_S = 3600, 900
NOON_S = int(datetime(2026, 3, 10, 12, tzinfo=UTC).timestamp())


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A station in Berlin."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


COUNTED = st.lists(st.integers(0, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), max_size=40)


def binomial(size: int, share: float) -> list[float]:
    """The probability of 0, 1, ... size bad parts, 0 < share < 1; by logarithms, so that none overflows."""
    odds = math.log(share) - math.log1p(-share)
    logs = [math.lgamma(size + 1) - math.lgamma(k + 1) - math.lgamma(size - k + 1) + k * odds for k in range(size + 1)]
    return [math.exp(each + size * math.log1p(-share)) for each in logs]


@given(size=st.integers(1, 400), share=st.floats(1e-6, 1 - 1e-6))
def test_point_is_called_out_of_control_by_chance_as_rarely_as_3_sigma_promise(size: int, share: float) -> None:
    (low,), (high,) = usual_counts(np.array([size]), share)
    chances = binomial(size, share)
    below, above = math.fsum(chances[:low]), math.fsum(chances[high + 1 :])
    assert max(below, above) <= TAIL * (1 + 1e-6)
    assert math.fsum(chances[: low + 1]) >= TAIL * (1 - 1e-6)  # and no wider than it must be
    assert math.fsum(chances[high:]) >= TAIL * (1 - 1e-6)


@given(COUNTED)
def test_p_chart_marks_just_the_counts_outside_their_own_limits(counted: list[tuple[int, int]]) -> None:
    found = p_chart([count for count, _ in counted], [size for _, size in counted])
    assert (found.centre is None) == (sum(size for _, size in counted) == 0)
    for (count, size), point in zip(counted, found.points, strict=True):
        assert (point is None) == (size == 0)
        if point is None or found.centre is None:
            continue
        (low,), (high,) = usual_counts(np.array([size]), found.centre)
        assert (point.share, point.low, point.high) == (count / size, low / size, high / size)
        expected = Control.ABOVE if count > high else Control.BELOW if count < low else Control.INSIDE
        assert point.control is expected


def test_one_bad_part_among_few_is_no_alarm() -> None:
    found = p_chart([1, 2, 3, 94], [9, 9, 9, 9973])
    assert found.centre == pytest.approx(0.01)
    assert [point and point.control for point in found.points] == [Control.INSIDE] * 2 + [Control.ABOVE, Control.INSIDE]


def test_p_chart_of_a_textbook_marks_the_bad_day() -> None:
    found = p_chart([4, 5, 3, 20, 4, 0], [100] * 6)
    assert found.centre == pytest.approx(0.06)
    first = found.points[0]
    assert first is not None
    assert (first.low, first.high) == (0, 0.14)  # 3 sigma: 0.131; chance has 14 or more in 0.25 % of points
    controls = [point and point.control for point in found.points]
    assert controls == [Control.INSIDE] * 3 + [Control.ABOVE] + [Control.INSIDE] * 2
    assert p_chart([50, 1, 50], [100, 100, 100]).points[1].control is Control.BELOW  # type: ignore[union-attr]
    assert {point and point.control for point in p_chart([0, 0], [5, 9]).points} == {Control.INSIDE}
    assert {point and point.control for point in p_chart([5, 9], [5, 9]).points} == {Control.INSIDE}


@pytest.mark.parametrize(
    ("rate", "words"),
    [(0.0, "0 %"), (0.0005, "0.05 %"), (0.012, "1.2 %"), (0.1, "10 %"), (1.0, "100 %"), (None, "\u2013")],
)
def test_rates_are_short_and_never_a_zero_that_is_none(rate: float | None, words: str) -> None:
    assert percent(rate).replace("\u202f", " ") == words


@pytest.mark.parametrize(
    ("day", "hours", "longest_shift_h"),
    [((2026, 3, 28), 24, 8), ((2026, 3, 29), 23, 8), ((2026, 10, 25), 25, 9), ((2026, 10, 26), 24, 8)],
)
def test_day_of_the_clock_change_has_its_own_hours(day: tuple[int, int, int], hours: int, longest_shift_h: int) -> None:
    begin = int(datetime(*day, tzinfo=BERLIN).timestamp())
    end = begin + hours * HOUR_S
    found = starts(Unit.HOUR, begin, end, SHIFTS, BERLIN)
    assert (found[0], len(found)) == (begin, hours)
    assert {b - a for a, b in pairwise([*found, end])} == {HOUR_S}
    assert starts(Unit.DAY, begin, end + 1, SHIFTS, BERLIN) == [begin, end]
    shifts = starts(Unit.SHIFT, begin, end, SHIFTS, BERLIN)
    assert [f"{local(each, BERLIN):%H:%M}" for each in shifts] == ["22:00", "06:00", "14:00", "22:00"]
    night_s = shifts[1] - shifts[0]
    assert night_s == {24: 8, 23: 7, 25: 9}[hours] * HOUR_S
    assert max(b - a for a, b in pairwise(shifts)) == max(longest_shift_h, 8) * HOUR_S


def test_shift_that_begins_in_the_hour_left_out_begins_with_the_jump() -> None:
    begin = datetime(2026, 3, 29, tzinfo=BERLIN).timestamp()
    found = starts(Unit.SHIFT, begin, begin + 6 * HOUR_S, (clock(2, 30),), BERLIN)
    assert f"{local(found[-1], BERLIN):%H:%M}" == "03:30"


@settings(deadline=None)
@given(
    at=st.integers(0, 4_000_000_000),
    span=st.integers(0, 3 * 86_400),
    unit=st.sampled_from(list(Unit)),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "America/St_Johns"]),
)
def test_every_moment_is_in_exactly_one_bucket(at: int, span: int, unit: Unit, zone: str) -> None:
    found = starts(unit, at, at + span, SHIFTS, ZoneInfo(zone))
    assert found[0] <= at
    assert all(at < mark < at + span for mark in found[1:])
    assert found == sorted(set(found))
    assert start_of(unit, at, SHIFTS, ZoneInfo(zone)) == found[0]
    modern = at > 500_000_000  # before, some zones were apart by odd minutes
    assert not modern or all(mark % QUARTER_S == 0 for mark in found)


@given(values=st.lists(st.floats(0.2, 200_000), min_size=1, max_size=60), share=st.floats(0, 1))
def test_quantile_is_exact_to_the_stated_share(values: list[float], share: float) -> None:
    bins = LogBins(lowest=-3, octaves=21)
    counts = np.bincount(bins.index(np.array(values)), minlength=bins.bins)
    exact = sorted(values)[max(1, int(np.ceil(share * len(values)))) - 1]
    assert bins.quantile(counts, share) == pytest.approx(exact, rel=PRECISION)
    assert bins.quantile(np.zeros(bins.bins, np.int64), share) is None


ADDED = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 2), st.integers(0, 3)), max_size=30)


@given(steps=st.lists(ADDED, max_size=4), edges=st.sets(st.integers(0, 31), min_size=2, max_size=6))
def test_histogram_adds_up_however_it_grew(steps: list[list[tuple[int, int, int]]], edges: set[int]) -> None:
    histogram = Histogram()
    for step in steps:
        quarters, series, bins = np.array(step, np.int64).reshape(-1, 3).T
        keys = key(quarters * QUARTER_S * 1_000_000_000 + 7, series, bins)
        histogram = histogram.plus(keys, np.ones(len(step), np.int64))
    table = histogram.table(np.array(sorted(edges)), np.array([True, False, True]), 4)
    everything = [each for step in steps for each in step]
    for row, (begin, end) in enumerate(pairwise(sorted(edges))):
        for number in range(4):
            inside = [q for q, s, b in everything if begin <= q < end and s != 1 and b == number]
            assert table[row, number] == len(inside)


def review(ledger: Ledger, verdict: str, *ids: int) -> None:
    engine = open_engine(ledger.settings.database, writes=True)
    add_reviews(engine, ids, ReviewVerdict(verdict), reviewer="eva", reviewed_ns=1)
    engine.dispose()


def undo(ledger: Ledger, frame_id: int) -> None:
    with unit_of_work(ledger.engine) as session:
        undo_reviews(session, [latest_ids(session, [frame_id])[frame_id]], reviewer="eva", reviewed_ns=2)


def test_running_counts_follow_rows_and_changed_minds(ledger: Ledger, berlin: None) -> None:
    reader, rollup = Reader(ledger.settings.database), Rollup(rows_a_step=3)
    at_ns = NOON_S * 1_000_000_000

    def now() -> tuple[int, int, int, int]:
        with reader.read() as reading:
            rolled = rollup.count(reading.session)
        (bucket,) = trends(
            rolled, TrendsQuery(since=local(NOON_S)), bundles={}, now_s=NOON_S + 60, shifts=SHIFTS
        ).buckets
        return bucket.inspected, bucket.defect, bucket.decided, bucket.false_alarms

    ids = [ledger.add("defect", captured_ns=at_ns + number, score=0.9, threshold=0.5) for number in range(4)]
    ledger.add("ok", captured_ns=at_ns, camera="left")
    ledger.add("not_inspected", captured_ns=at_ns, reason="late")
    ledger.add("ok", captured_ns=at_ns - HOUR_S * 1_000_000_000)
    assert now() == (5, 4, 0, 0)
    review(ledger, "confirmed_defect", *ids[:3])
    assert now() == (5, 4, 3, 0)
    review(ledger, "false_alarm", ids[0], ids[3])
    review(ledger, "unsure", ids[1])
    assert now() == (5, 4, 3, 2)
    undo(ledger, ids[0])
    review(ledger, "false_alarm", ids[0])
    undo(ledger, ids[3])
    assert now() == now() == (5, 4, 2, 1)
    ledger.add("defect", captured_ns=at_ns + 9, score=0.9, threshold=0.5)
    assert now() == (6, 5, 2, 1)
    ledger.add("ok", captured_ns=at_ns, id=100)  # after numbers that no frame has
    assert now() == (7, 5, 2, 1)
    reader.close()


def test_trends_tell_cameras_categories_and_bundles_apart(ledger: Ledger, berlin: None) -> None:
    at_ns = NOON_S * 1_000_000_000
    for number in range(12):
        ledger.add(
            "ok", captured_ns=at_ns, camera=("left", "right")[number % 2], category=("pcb", "tile")[number % 3 == 0],
            bundle=("ab" * 32, "cd" * 32)[number % 4 == 0], score=0.1 * number, threshold=0.5, latency_ms=10.0 * number,
        )  # fmt: skip
    reader = Reader(ledger.settings.database)
    with reader.read() as reading:
        rolled = reading.rollup.count(reading.session)
    reader.close()

    def frames(**asked: str) -> int:
        question = TrendsQuery(since=local(NOON_S), **asked)  # type: ignore[arg-type]
        found = trends(rolled, question, bundles={"cd" * 32: "pcb@2"}, now_s=NOON_S + 1, shifts=SHIFTS)
        return found.buckets[-1].inspected

    assert frames() == 12
    assert (frames(camera="left"), frames(category="tile"), frames(camera="nowhere")) == (6, 4, 0)
    assert (frames(bundle="pcb@2"), frames(bundle="cdcd"), frames(bundle="abab"), frames(bundle="x")) == (3, 3, 9, 0)
    bucket = trends(rolled, TrendsQuery(), bundles={}, now_s=NOON_S + 1, shifts=SHIFTS).buckets[-1]
    assert bucket.score_max == pytest.approx(2.2, rel=PRECISION)
    assert bucket.score_p50 == pytest.approx(1.0, rel=PRECISION)
    assert bucket.latency_p95_ms == pytest.approx(110, rel=PRECISION)


def test_nobody_can_ask_for_too_many_buckets(ledger: Ledger) -> None:
    for unit in Unit:
        asked = TrendsQuery.model_validate({"unit": unit, "from": "1971-01-01T00:00", "to": "2100-01-01T00:00"})
        with Reader(ledger.settings.database).read() as reading:
            found = trends(reading.rollup.count(reading.session), asked, bundles={}, now_s=NOON_S, shifts=SHIFTS)
        assert len(found.buckets) == 400
        assert found.centre is None


@given(st.floats(1e-6, 1e9))
def test_ticks_are_few_and_round_and_reach_above_the_highest(high: float) -> None:
    steps = chart.round_steps(high)
    assert 2 <= len(steps) <= 6
    assert steps[0] == 0
    assert steps[-1] >= high * (1 - 1e-6)
    assert re.fullmatch(r"[125]0*e[+-]\d+", f"{steps[1]:.6e}".replace(".000000", ""))


@given(st.lists(st.none() | st.floats(0, 1), min_size=1, max_size=30))
def test_lines_stay_in_the_box_and_break_where_nothing_is_known(values: list[float | None]) -> None:
    columns, scale = chart.Columns(len(values)), chart.scale_for(values, least_high=0.1)
    known = [value for value in values if value is not None]
    path = chart.line(columns, scale, values)
    runs = sum(1 for a, b in pairwise([None, *values]) if a is None and b is not None)
    assert path.count("M") == runs
    assert len(re.findall(r"[ML][\d.]+ [\d.]+", path)) == len(known)
    for x, y in re.findall(r"[ML]([\d.]+) ([\d.]+)", path):
        assert chart.LEFT <= float(x) <= chart.WIDTH - chart.RIGHT
        assert chart.TOP <= float(y) <= chart.HEIGHT - chart.BOTTOM
    area = chart.steps(columns, scale, [0.0] * len(values), values)
    assert area.count("Z") == runs
    assert len(chart.labelled(len(values))) <= 12
    assert chart.labelled(len(values))[-1] == len(values) - 1


def test_each_point_leads_to_just_the_frames_behind_it(ledger: Ledger, berlin: None) -> None:
    begin_s = int(datetime(2026, 10, 25, 1, tzinfo=BERLIN).timestamp())  # the night of the hour that comes twice
    for hour, defects in enumerate((1, 2, 3, 0)):
        for number in range(10):
            captured_ns = (begin_s + hour * HOUR_S + number) * 1_000_000_000
            ledger.add("defect" if number < defects else "ok", captured_ns=captured_ns, score=0.4, threshold=0.5)
    with page_client(ledger.settings) as client:
        address = "/trends?from=2026-10-25T01:00%2B02:00&to=2026-10-25T04:00%2B01:00&camera=top"
        page = client.get(address).text
        defect_chart = page.partition("<svg viewBox")[2].partition("</svg>")[0]
        links = [link.replace("&amp;", "&") for link in re.findall(r'href="(/find[^"]*)"', defect_chart)]
        assert len(links) == 4
        found = [client.get(f"/api/v1/frames{link.removeprefix('/find')}").json()["frames"] for link in links]
        assert [len(frames) for frames in found] == [1, 2, 3, 0]
        said = client.get(address.replace("/trends", "/api/v1/trends")).json()
        assert [bucket["defect"] for bucket in said["buckets"]] == [1, 2, 3, 0]
        assert said["centre"] == pytest.approx(6 / 40)


def test_point_out_of_control_is_said_in_words_and_marked_by_shape(ledger: Ledger, berlin: None) -> None:
    for hour in range(6):
        for number in range(50):
            captured_ns = (NOON_S + hour * HOUR_S + number) * 1_000_000_000
            ledger.add("defect" if hour == 3 and number < 30 else "ok", captured_ns=captured_ns)
    with page_client(ledger.settings) as client:
        page = client.get("/trends?from=2026-03-10T12:00Z&to=2026-03-10T18:00Z").text
    assert "Out of control: 1 of 6" in page
    assert "60\u202f% of 50 inspected, above the limit of" in page
    assert page.count('class="point outside"') == 1
    assert "<style" not in page and "style=" not in page


@pytest.mark.sqlite
def test_rollup_reads_each_frame_once(ledger: Ledger) -> None:
    ledger.add("ok")
    reader = Reader(ledger.settings.database)
    with reader.read() as reading:
        first = reading.rollup.count(reading.session)
        assert reading.rollup.count(reading.session).outcomes is first.outcomes
        plan = reading.session.execute(text("EXPLAIN QUERY PLAN SELECT 1 FROM inspection WHERE id > 1 AND id <= 2"))
        assert "rowid>? AND rowid<?" in " ".join(row.detail for row in plan)
    reader.close()


@pytest.mark.parametrize("wrong", ["6:00", "06:00,06:00", "14:00,06:00", "06:10", "24:00", "", "06:00;14:00"])
def test_shifts_that_are_no_list_of_times_are_refused(wrong: str) -> None:
    with pytest.raises(EdgeError, match="shifts="):
        Settings.read(shifts=wrong)
    assert Settings.read(shifts="05:45,17:45").shift_starts == (clock(5, 45), clock(17, 45))
