"""The audit of passed parts: who is drawn, what a judge may see, and whether the intervals hold."""

import random
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import event, insert

from dashboard.app import create_app
from dashboard.audit import sample
from dashboard.audit.estimates import estimates
from dashboard.reader import Reader
from edge.frame import FrameInfo
from edge.ledger.audit_draw import AuditDraw
from edge.ledger.audit_rates import set_rate
from edge.ledger.record import Inspection, Review, open_engine, unit_of_work
from edge.ledger.reviews import ReviewVerdict, add_reviews
from edge.ledger.verify import verify
from edge.ledger.writer import Entry, Writer
from edge.proportion import exact_interval
from edge.verdict import Outcome, Reason, Verdict, not_inspected
from tests.ledger_rows import JUDGED, Ledger, grey_picture, map_with_spot
from tests.page_client import LOOPBACK

PASSED = Verdict(Outcome.OK, category="pcb", score=0.1)


def pass_part(ledger: Ledger, rate: float | None = 0.25, **columns: Any) -> int:
    """A passed part, drawn at `rate`."""
    picture = None if rate is None else grey_picture()
    return ledger.add("ok", audit_rate=rate, **(JUDGED | {"score": 0.1234, "picture": picture} | columns))


def set_to(ledger: Ledger, rate: float, category: str = "pcb") -> None:
    with unit_of_work(ledger.engine) as session:
        set_rate(session, category, rate, set_by="meister", set_ns=1)


def judge(client: TestClient, frame: int, verdict: str) -> int:
    answer = client.post("/api/v1/audit/verdicts", json={"frame": frame, "verdict": verdict})
    assert answer.status_code == 201, answer.text
    return int(answer.json()["reviews"][0]["id"])


def test_the_latest_rate_of_a_category_draws_that_share_of_its_passed_frames_and_no_other(ledger: Ledger) -> None:
    set_to(ledger, 0.9)
    draw = AuditDraw(ledger.engine, random.Random(5))
    set_to(ledger, 0.2)
    assert draw.rate_of(PASSED) in (None, 0.9)
    draw.refresh()
    drawn = [draw.rate_of(PASSED) for _ in range(5000)]
    assert set(drawn) == {None, 0.2}
    low, high = exact_interval(drawn.count(0.2), of=len(drawn))
    assert low < 0.2 < high
    pairs = np.array([rate is not None for rate in drawn]).reshape(-1, 2)
    assert pairs.all(axis=1).mean() == pytest.approx(0.04, abs=0.012), "each is drawn by itself"
    set_to(ledger, 1.0)
    draw.refresh()
    others = [Verdict(Outcome.DEFECT, Reason.ABOVE_THRESHOLD, category="pcb"), not_inspected(Reason.LATE)]
    for other in [*others, Verdict(Outcome.OK, category="tile"), Verdict(Outcome.OK)]:
        assert draw.rate_of(other) is None
    assert draw.rate_of(PASSED) == 1.0


def test_a_drawn_frame_keeps_picture_and_map_and_the_record_still_adds_up(ledger: Ledger) -> None:
    engine = open_engine(ledger.settings.database, writes=True)
    writer = Writer(engine, ledger.settings.media)
    writer.register("night-1", "audit", source="test", category="pcb")
    verdict = Verdict(Outcome.OK, category="pcb", anomaly_map=map_with_spot())
    for seq, rate in ((1, 0.5), (2, None)):
        writer.write([Entry(FrameInfo("night-1", "audit", seq, 10**18, "s"), verdict, grey_picture(), audit_rate=rate)])
    with unit_of_work(ledger.engine) as session:
        kept, gone = session.query(Inspection).order_by(Inspection.id)
    assert (kept.audit_rate, bool(kept.picture_path), bool(kept.map_path)) == (0.5, True, True)
    assert (gone.audit_rate, gone.picture_path, gone.map_path) == (None, None, None)
    report = verify(engine, journals=ledger.settings.journals, media=ledger.settings.media)
    assert report.missing_files == report.stray_files == []
    engine.dispose()


def test_a_judge_is_told_nothing_of_what_the_line_made_of_the_part(ledger: Ledger, client: TestClient) -> None:
    pass_part(ledger, picture=grey_picture(), anomaly_map=map_with_spot(), nearest_reference="ref_7.png")
    page, api = client.get("/audit").text, client.get("/api/v1/audit/next").text
    for told in (page, api):
        for secret in ("0.123", "heatmap", "ref_7", "threshold", "score", "abab", 'class="boxes"', "outcome", "map"):
            assert secret not in told, secret


def test_only_drawn_frames_are_judged_and_each_once(ledger: Ledger, client: TestClient) -> None:
    drawn, other, flagged = pass_part(ledger), pass_part(ledger, None), ledger.add_defect()
    assert client.get("/api/v1/audit/next").json()["sample"]["frame"] == drawn
    assert client.get(f"/api/v1/audit/next?without={drawn}").json() == {"sample": None, "waiting": 1}
    judge(client, drawn, "confirmed_ok")
    for frame in (drawn, other, flagged, 99):
        again = client.post("/api/v1/audit/verdicts", json={"frame": frame, "verdict": "confirmed_defect"})
        assert again.status_code == 409
    assert client.get("/api/v1/audit/next").json() == {"sample": None, "waiting": 0}
    (review,) = client.get(f"/api/v1/frames/{drawn}/reviews").json()
    assert (review["verdict"], review["blind"]) == ("confirmed_ok", True)


def test_an_undone_blind_verdict_is_asked_for_again_and_what_others_said_stays(
    ledger: Ledger, client: TestClient
) -> None:
    frame = pass_part(ledger)
    add_reviews(ledger.engine, [frame], ReviewVerdict.CONFIRMED_DEFECT, reviewer="anna", reviewed_ns=1)
    assert client.get("/api/v1/audit/next").json()["waiting"] == 1, "a verdict that was not blind is no audit"
    blind = judge(client, frame, "confirmed_ok")
    client.post("/api/v1/reviews/undo", json={"reviews": [blind]}).raise_for_status()
    assert client.get("/api/v1/audit/next").json()["waiting"] == 1
    latest = client.get(f"/api/v1/frames/{frame}/reviews").json()[0]
    assert (latest["verdict"], latest["blind"], latest["undoes"]) == ("confirmed_defect", False, blind)
    assert (latest["reviewer"], latest["undone_by"]) == ("anna", "local operator")


def test_a_wrong_blind_verdict_is_undone_after_somebody_reviewed_the_frame_and_that_review_counts(
    ledger: Ledger, client: TestClient
) -> None:
    frame = pass_part(ledger)
    blind = judge(client, frame, "confirmed_ok")
    add_reviews(ledger.engine, [frame], ReviewVerdict.CONFIRMED_DEFECT, reviewer="anna", reviewed_ns=1)
    (undo,) = client.post("/api/v1/reviews/undo", json={"reviews": [blind]}).json()["reviews"]
    assert (undo["verdict"], undo["reviewer"]) == ("confirmed_defect", "anna")
    for again in (undo["id"], blind):
        assert not client.post("/api/v1/reviews/undo", json={"reviews": [again]}).is_success
    with unit_of_work(ledger.engine) as session:
        row = session.get_one(Inspection, frame)
        assert (row.reviewed_as, row.audited_as) == ("confirmed_defect", None)


def test_each_judge_has_an_order_by_chance_and_a_reload_is_no_choice(ledger: Ledger, client: TestClient) -> None:
    frames = [pass_part(ledger) for _ in range(4)]
    assert len({client.get("/api/v1/audit/next").json()["sample"]["frame"] for _ in range(9)}) == 1
    with unit_of_work(ledger.engine) as session:
        first = [sample.draw(session, ledger.settings.media, f"judge {n}") for n in range(120)]
    met = [found and found.frame for found in first]
    assert {met.count(frame) > 10 for frame in frames} == {True}


def test_a_blind_verdict_is_for_the_frames_that_were_given(ledger: Ledger, client: TestClient) -> None:
    frames = {pass_part(ledger) for _ in range(sample.AHEAD + 3)}
    order: list[int] = []
    with unit_of_work(ledger.engine) as session:
        given = {each for each in frames if sample.given(session, ledger.settings.media, "local operator", each)}
    assert len(given) == sample.AHEAD
    for frame in frames - given:
        body = {"frame": frame, "verdict": "confirmed_ok"}
        assert client.post("/api/v1/audit/verdicts", json=body).status_code == 409
    while (found := client.get("/api/v1/audit/next").json()["sample"]) is not None:
        judge(client, found["frame"], "confirmed_ok")
        order.append(found["frame"])
    assert (set(order), set(order[: sample.AHEAD])) == (frames, given)


def test_whoever_reviewed_a_frame_on_its_page_does_not_judge_it_blind(ledger: Ledger, client: TestClient) -> None:
    frame = pass_part(ledger)
    seen = client.post("/api/v1/reviews", json={"frames": [frame], "verdict": "confirmed_ok", "seen": {}})
    for _ in ("after the review", "after its undo"):
        assert client.get("/api/v1/audit/next").json() == {"sample": None, "waiting": 0}
        body = {"frame": frame, "verdict": "confirmed_ok"}
        assert client.post("/api/v1/audit/verdicts", json=body).status_code == 409
        client.post("/api/v1/reviews/undo", json={"reviews": [seen.json()["reviews"][0]["id"]]})
    with unit_of_work(ledger.engine) as session:
        assert sample.given(session, ledger.settings.media, "anna", frame)


def test_a_frame_whose_picture_is_gone_is_passed_over(ledger: Ledger, client: TestClient) -> None:
    frames = [pass_part(ledger) for _ in range(2)]
    gone = client.get("/api/v1/audit/next").json()["sample"]["frame"]
    with unit_of_work(ledger.engine) as session:
        (ledger.settings.media / str(session.get_one(Inspection, gone).picture_path)).unlink()
    assert [client.get("/api/v1/audit/next").json()["sample"]["frame"], gone] in (frames, frames[::-1])
    assert client.post("/api/v1/audit/verdicts", json={"frame": gone, "verdict": "unsure"}).status_code == 409


def test_estimates_stand_apart_by_category_bundle_and_rate_and_leave_unsure_out(
    ledger: Ledger, client: TestClient
) -> None:
    for verdict in ("confirmed_ok", "confirmed_ok", "confirmed_defect", "unsure", None):
        frame = pass_part(ledger)
        if verdict:
            judge(client, frame, verdict)
    judge(client, pass_part(ledger, 0.5), "confirmed_ok")
    judge(client, pass_part(ledger, category="tile"), "confirmed_defect")
    pass_part(ledger, captured_ns=10**18)
    for verdict in ("false_alarm", "confirmed_defect", "unsure", None):
        frame = ledger.add("defect", reason="above_threshold", **JUDGED)
        if verdict:
            client.post("/api/v1/reviews", json={"frames": [frame], "verdict": verdict, "seen": {}}).raise_for_status()
    found = client.get("/api/v1/audit/estimates?days=1").json()
    rows = {(row["category"], row["audit_rate"]): row for row in found["escapes"]}
    assert set(rows) == {("pcb", 0.25), ("pcb", 0.5), ("tile", 0.25)}
    mixed = rows["pcb", 0.25]
    assert (mixed["drawn"], mixed["unsure"], mixed["escaped"]["count"], mixed["escaped"]["of"]) == (5, 1, 1, 3)
    assert (mixed["escaped"]["low"], mixed["escaped"]["high"]) == pytest.approx(exact_interval(1, of=3))
    assert mixed["high_if_unsure_are_defects"] == pytest.approx(exact_interval(2, of=4)[1])
    assert mixed["low_if_unsure_are_good"] == pytest.approx(exact_interval(1, of=4)[0])
    (alarms,) = found["false_alarms"]
    assert (alarms["flagged"], alarms["unsure"]) == (4, 1)
    assert (alarms["false_alarms"]["count"], alarms["false_alarms"]["of"]) == (1, 2)
    page = client.get("/audit/estimates?days=1").text
    assert "P(defect | ok)" in page and "0.63 % to 93.2 % whatever the unsure ones are" in page
    assert client.get("/api/v1/audit/estimates").json()["escapes"][0]["drawn"] == 6


def test_a_rate_is_a_share_and_the_last_one_set_is_shown(ledger: Ledger, client: TestClient) -> None:
    pass_part(ledger)
    assert [(row["category"], row["rate"], row["set_by"]) for row in client.get("/api/v1/audit/rates").json()] == [
        ("pcb", 0, None)
    ]
    for rate in (0.5, 0.01):
        client.put("/api/v1/audit/rates/pcb", json={"rate": rate}).raise_for_status()
    assert client.put("/api/v1/audit/rates/pcb", json={"rate": 1.5}).status_code == 422
    (row,) = client.get("/api/v1/audit/rates").json()
    assert (row["rate"], row["set_by"]) == (0.01, "local operator")


def test_a_rate_is_for_a_category_that_the_record_names(ledger: Ledger, client: TestClient) -> None:
    pass_part(ledger, category="tile")
    for category, status in (("tile", 200), ("pcb", 200), ("anything", 404), ("a%00b", 404), ("%ED%A0%80", 404)):
        assert client.put(f"/api/v1/audit/rates/{category}", json={"rate": 0.1}).status_code == status
    assert {row["category"] for row in client.get("/api/v1/audit/rates").json()} == {"pcb", "tile"}


@pytest.mark.parametrize("escape_rate", [0.02, 0.2])
def test_the_interval_holds_the_true_escape_rate_in_95_of_100_audits(ledger: Ledger, escape_rate: float) -> None:
    """200 audits at once, one a category: parts pass, some are drawn and some of those judged; by the real queries."""
    audits, parts, rate = 200, 400, 0.25
    dice = np.random.default_rng(8)
    shape = audits, parts
    bad, drawn, judged = dice.random(shape) < escape_rate, dice.random(shape) < rate, dice.random(shape) < 0.8
    ledger.add("not_inspected", reason="late")  # makes the camera
    rows, said = [], []
    for audit, part in np.argwhere(drawn):
        frame = len(rows) + 2
        rows.append(
            {"id": frame, "run_id": 1, "camera_id": 1, "seq": frame, "source": "s", "captured_ns": 10**18,
             "latency_ms": 1, "outcome": "ok", "category": f"c{audit}", "audit_rate": rate, "head_scores": {},
             "head_limits": {}}
        )  # fmt: skip
        if judged[audit, part]:
            verdict = "confirmed_defect" if bad[audit, part] else "confirmed_ok"
            said.append({"inspection_id": frame, "verdict": verdict, "reviewer": "a", "reviewed_ns": 1, "blind": True})
    with unit_of_work(ledger.engine) as session:
        session.execute(insert(Inspection), rows)
        session.execute(insert(Review), said)
    reader = Reader(ledger.settings.database)
    with reader.read() as reading:
        found = estimates(reading.session, since_ns=None, until_ns=2 * 10**18).escapes
    reader.close()
    assert len(found) == audits
    held = sum(row.escaped.low <= escape_rate <= row.escaped.high for row in found)
    assert held >= 0.95 * audits - 7, "95 % and more of 200, less two standard deviations"
    wrong = escape_rate + 0.15
    assert sum(row.escaped.low <= wrong <= row.escaped.high for row in found) < 0.5 * audits, "it can fail"


@pytest.mark.sqlite
@pytest.mark.parametrize(
    "address", ["/", "/?order=worst", "/queue/counts", "/queue/cards", "/audit/estimates", "/frames/1/review"]
)
def test_no_page_of_these_rooms_reads_the_whole_table(ledger: Ledger, address: str) -> None:
    ledger.add_defect()
    pass_part(ledger)
    app = create_app(ledger.settings)
    asked: list[str] = []
    with TestClient(app, base_url=LOOPBACK) as client:
        client.get(address)
        with app.state.site.reader.read() as reading:
            engine = reading.session.get_bind()
        event.listen(engine, "before_cursor_execute", lambda *about: asked.append((about[2], about[3])))  # type: ignore[arg-type]
        client.get(address)
    plans = []
    with engine.connect() as connection:
        for statement, parameters in [each for each in asked if each[0].startswith("SELECT")]:
            explained = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)  # type: ignore[arg-type]
            plans += [row[3] for row in explained]
    assert plans
    assert [plan for plan in plans if plan == "SCAN inspection"] == []
    assert [plan for plan in plans if "ix_inspection_captured_ns" in plan] == [], (
        "as long as the table where all is asked"
    )
