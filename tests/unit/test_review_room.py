"""The review room over HTTP: the queue, one frame, verdicts that never overwrite each other, undo, kinds."""

import csv
import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from edge.ledger.bundles import BundleRow
from edge.ledger.categories import CategoryAtHand
from edge.ledger.people import AuditEvent, Role
from edge.ledger.record import unit_of_work
from edge.ledger.reviewed import flagged_frames, judged_frames
from edge.ledger.reviews import ReviewVerdict, add_reviews
from tests.ledger_rows import JUDGED, Ledger, grey_picture, new_ledger
from tests.page_client import plant_page

ME = "local operator"


def flag(ledger: Ledger, outcome: str = "defect", **columns: Any) -> int:
    """A flagged frame without files."""
    return ledger.add(outcome, **({"reason": "above_threshold"} | JUDGED | columns))


def say(client: TestClient, frame: int, verdict: str, seen: int | None = None, **more: Any) -> int:
    """Review one frame; returns the review's id."""
    answer = client.post(
        "/api/v1/reviews", json={"frames": [frame], "verdict": verdict, "seen": {str(frame): seen}} | more
    )
    assert answer.status_code == 201, answer.text
    return int(answer.json()["reviews"][0]["id"])


def queue(client: TestClient, **query: object) -> list[int]:
    return [frame["id"] for frame in client.get("/api/v1/queue", params=query).json()["frames"]]


def test_the_queue_holds_flagged_frames_that_nobody_reviewed_newest_or_worst_first(
    ledger: Ledger, client: TestClient
) -> None:
    mild, bad, none = flag(ledger, score=0.6), flag(ledger, score=0.9), flag(ledger, score=None, threshold=None)
    same, ok, lost = flag(ledger, score=0.6), ledger.add("ok"), ledger.add("not_inspected", reason="late")
    reviewed = flag(ledger)
    say(client, reviewed, "false_alarm")
    assert queue(client) == [same, none, bad, mild]
    assert queue(client, order="worst") == [bad, same, mild, none]
    assert queue(client, order="worst", after=same) == [mild, none]
    assert queue(client, after=reviewed) == [same, none, bad, mild]
    assert not {ok, lost} & set(queue(client))


def test_the_queue_is_filtered_and_counted_by_camera_category_and_outcome(ledger: Ledger, client: TestClient) -> None:
    left = flag(ledger, camera="left")
    right = flag(ledger, "unsure", camera="right", category="tile")
    raw = flag(ledger, "unsure", camera="right", category=None)
    assert queue(client, camera="left") == [left]
    assert queue(client, category="tile") == [right]
    assert queue(client, category="") == [raw]
    assert queue(client, camera="right", outcome="unsure") == [raw, right]
    assert queue(client, camera="right", outcome="defect") == []
    counts = client.get("/api/v1/queue/counts", params={"camera": "right"}).json()
    assert (counts["waiting"], counts["all"]) == (2, 3)
    assert counts["cameras"] == {"left": 1, "right": 2}
    assert counts["categories"] == {"": 1, "pcb": 0, "tile": 1}
    assert counts["outcomes"] == {"defect": 0, "unsure": 2}


@pytest.mark.parametrize("order", ["newest", "worst"])
def test_next_and_previous_walk_the_queue_both_ways(ledger: Ledger, client: TestClient, order: str) -> None:
    for score in (0.6, 0.9, 0.9, 0.7, 1.4):
        flag(ledger, score=score)
    walk = queue(client, order=order)
    for before, frame, after in zip([None, *walk], walk, [*walk[1:], None], strict=False):
        page = client.get(f"/frames/{frame}/review?order={order}").text
        assert f'data-next="{after or ""}" data-previous="{before or ""}"' in page


def test_a_verdict_takes_the_frame_from_the_queue_and_says_who_when_and_of_which_bundle(
    ledger: Ledger, client: TestClient
) -> None:
    frame = flag(ledger)
    say(client, frame, "confirmed_defect", kind=" scratch ", note="")
    (review,) = client.get(f"/api/v1/frames/{frame}/reviews").json()
    assert (review["verdict"], review["reviewer"], review["kind"]) == ("confirmed_defect", ME, "scratch")
    assert (review["note"], review["bundle"], review["blind"]) == (None, JUDGED["bundle"], False)
    assert queue(client) == []


def test_two_who_say_different_things_at_once_never_overwrite_each_other(ledger: Ledger, client: TestClient) -> None:
    frame, other = flag(ledger), flag(ledger)
    first = add_reviews(ledger.engine, [frame], ReviewVerdict.FALSE_ALARM, reviewer="anna", reviewed_ns=1)[0].id
    both = {"frames": [other, frame], "verdict": "unsure", "seen": {}}
    answer = client.post("/api/v1/reviews", json=both)
    assert answer.status_code == 409
    assert "already reviewed by anna as false alarm" in answer.json()["detail"]
    (latest,) = answer.json()["latest"]
    assert (latest["frame"], latest["id"], latest["reviewer"]) == (frame, first, "anna")
    assert client.get(f"/api/v1/frames/{other}/reviews").json() == [], "all of them or none"
    client.post("/api/v1/reviews", json=both | {"seen": {str(frame): first}}).raise_for_status()
    assert [r["reviewer"] for r in client.get(f"/api/v1/frames/{frame}/reviews").json()] == [ME, "anna"]


def test_undo_says_again_what_was_said_before_and_nothing_is_lost(ledger: Ledger, client: TestClient) -> None:
    frame = flag(ledger)
    first = say(client, frame, "confirmed_defect", kind="scratch", note="rim")
    second = say(client, frame, "false_alarm", seen=first)
    client.post("/api/v1/reviews/undo", json={"reviews": [second]}).raise_for_status()
    told = client.get(f"/api/v1/frames/{frame}/reviews").json()
    assert [(r["verdict"], r["kind"], r["note"], r["undoes"]) for r in told] == [
        ("confirmed_defect", "scratch", "rim", second),
        ("false_alarm", None, None, None),
        ("confirmed_defect", "scratch", "rim", None),
    ]
    assert [f.id for f in judged_frames(ledger.engine, "pcb", ReviewVerdict.CONFIRMED_DEFECT)] == [frame]


def test_an_undone_first_verdict_counts_as_no_review_anywhere(ledger: Ledger, client: TestClient) -> None:
    frame = flag(ledger)
    only = say(client, frame, "confirmed_defect")
    client.post("/api/v1/reviews/undo", json={"reviews": [only]}).raise_for_status()
    assert queue(client) == [frame]
    (left,) = flagged_frames(ledger.engine, category="pcb", unreviewed=True, limit=9)
    assert left.review is None
    assert left.latest is not None and left.latest.verdict == "withdrawn"
    for verdict in set(ReviewVerdict) - {ReviewVerdict.WITHDRAWN}:
        assert judged_frames(ledger.engine, "pcb", verdict) == []
    withdrawn = client.get(f"/api/v1/frames/{frame}/reviews").json()[0]["id"]
    say(client, frame, "false_alarm", seen=withdrawn)
    assert queue(client) == []


def test_what_an_undo_restores_stays_its_authors_who_may_undo_it_too(tmp_path: Path) -> None:
    with plant_page(tmp_path / "plant", oper=Role.OPERATOR, eng=Role.ENGINEER) as plant:
        ledger = new_ledger(plant.settings.data)
        frame, oper, eng = flag(ledger), plant.signed_in("oper"), plant.signed_in("eng")
        ledger.engine.dispose()
        hers = say(oper, frame, "false_alarm", note="dust, I looked twice")
        other = say(eng, frame, "confirmed_defect", seen=hers)
        restored = eng.post("/api/v1/reviews/undo", json={"reviews": [other]}).json()["reviews"][0]
        assert (restored["verdict"], restored["note"]) == ("false_alarm", "dust, I looked twice")
        assert (restored["reviewer"], restored["undone_by"]) == ("oper", "eng")
        assert "by oper, restored by eng" in eng.get(f"/frames/{frame}").text
        (line,) = csv.DictReader(io.StringIO(eng.get("/api/v1/export.csv?review=false_alarm").text))
        assert (line["reviewer"], line["review_note"]) == ("oper", "dust, I looked twice")
        for undone, status in ((other, 422), (restored["id"], 422), (hers, 201), (hers, 409)):
            assert oper.post("/api/v1/reviews/undo", json={"reviews": [undone]}).status_code == status
        assert queue(oper) == [frame]


def test_a_changed_mind_is_undone_step_by_step(ledger: Ledger, client: TestClient) -> None:
    frame = flag(ledger)
    first = say(client, frame, "confirmed_defect", kind="scratch")
    second = say(client, frame, "false_alarm", seen=first)
    for review, counts in ((second, "confirmed_defect"), (first, "withdrawn")):
        client.post("/api/v1/reviews/undo", json={"reviews": [review]}).raise_for_status()
        assert client.get(f"/api/v1/frames/{frame}/reviews").json()[0]["verdict"] == counts
    assert queue(client) == [frame]


def test_only_your_own_and_latest_review_can_be_undone(ledger: Ledger, client: TestClient) -> None:
    frame = flag(ledger)
    hers = add_reviews(ledger.engine, [frame], ReviewVerdict.FALSE_ALARM, reviewer="anna", reviewed_ns=1)[0].id
    mine = say(client, frame, "unsure", seen=hers)
    add_reviews(ledger.engine, [frame], ReviewVerdict.CONFIRMED_DEFECT, reviewer="anna", reviewed_ns=2)
    for review, status, words in [
        (hers, 422, "anna's"),
        (mine, 409, "already reviewed by anna"),
        (99, 422, "no review"),
    ]:
        answer = client.post("/api/v1/reviews/undo", json={"reviews": [review]})
        assert (answer.status_code, words in answer.json()["detail"]) == (status, True), answer.text
    assert len(client.get(f"/api/v1/frames/{frame}/reviews").json()) == 3


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"frames": []}, 422),
        ({"frames": [99]}, 422),
        ({"frames": [2**63]}, 422),
        ({"verdict": "withdrawn"}, 422),
        ({"verdict": "confirmed_ok"}, 422),
        ({"verdict": "perfect"}, 422),
        ({"note": "x" * 2001}, 422),
        ({"note": "half \ud800"}, 422),
        ({"note": "nothing \0"}, 422),
        ({"kind": "\ud800"}, 422),
        ({"verdict": "\ud800"}, 422),
        ({"verdict": "false_alarm", "kind": "scratch"}, 422),
        ({"verdict": "confirmed_defect", "kind": "not in the list"}, 422),
        ({"seen": None}, 422),
    ],
)
def test_what_is_no_review_is_refused(
    ledger: Ledger, client: TestClient, change: dict[str, object], status: int
) -> None:
    frame = flag(ledger)
    client.post("/api/v1/kinds", json={"name": "scratch"}).raise_for_status()
    body = json.dumps({"frames": [frame], "verdict": "unsure", "seen": {}} | change)
    answer = client.post("/api/v1/reviews", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, bool(answer.json()["detail"])) == (status, True)
    assert client.get(f"/api/v1/frames/{frame}/reviews").json() == []


def test_the_reference_picture_comes_from_the_bundles_folder_and_nowhere_else(
    ledger: Ledger, client: TestClient
) -> None:
    folder = ledger.settings.bundles / "pcb" / "1"
    (folder / "references").mkdir(parents=True)
    (folder / "bundle.json").write_text("{}")
    (folder / "references" / "00.png").write_bytes(b"\x89PNG")
    (ledger.settings.bundles / "out").symlink_to(ledger.settings.data)
    with unit_of_work(ledger.engine) as session:
        for sha, where in [(JUDGED["bundle"], "pcb/1"), ("cd" * 32, "../.."), ("ef" * 32, "out")]:
            session.add(
                BundleRow(sha256=sha, name="pcb@1", category="pcb", encoder="lite", folder=where, first_used_ns=1)
            )
    good = flag(ledger, nearest_reference="00.png", nearest_distance=0.2)
    assert client.get(f"/frames/{good}/reference").content == b"\x89PNG"
    assert f"/frames/{good}/reference?b=abab" in client.get(f"/frames/{good}").text
    shutil.copytree(folder / "references", ledger.settings.data / "references")
    for columns in (
        {"nearest_reference": "../bundle.json"},
        {"nearest_reference": "00.png", "bundle": "cd" * 32},
        {"nearest_reference": "00.png", "bundle": "ef" * 32},
        {"nearest_reference": "00.png", "bundle": "99" * 32},
        {},
    ):
        frame = flag(ledger, nearest_distance=0.2, **columns)
        assert client.get(f"/frames/{frame}/reference").status_code == 404
    assert "Reference picture not at hand" in client.get(f"/frames/{frame - 1}").text


def test_kinds_are_added_retired_and_come_back_and_reviews_keep_them(ledger: Ledger, client: TestClient) -> None:
    frame = flag(ledger)
    scratch = client.post("/api/v1/kinds", json={"name": " deep  scratch "}).json()
    client.post("/api/v1/kinds", json={"name": "dirt"}).raise_for_status()
    assert client.post("/api/v1/kinds", json={"name": "dirt"}).status_code == 409
    for nothing in ("  ", "\0", "a\x07b", "a\u200bb"):
        assert client.post("/api/v1/kinds", json={"name": nothing}).status_code == 422
    assert (scratch["name"], scratch["added_by"]) == ("deep scratch", ME)
    say(client, frame, "confirmed_defect", kind="deep scratch")
    client.delete(f"/api/v1/kinds/{scratch['id']}").raise_for_status()
    assert client.delete(f"/api/v1/kinds/{scratch['id']}").status_code == 404
    assert 'data-kind="dirt"' in client.get(f"/frames/{frame}").text
    assert 'data-kind="deep scratch"' not in client.get(f"/frames/{frame}").text
    assert client.get(f"/api/v1/frames/{frame}/reviews").json()[0]["kind"] == "deep scratch"
    client.post("/api/v1/kinds", json={"name": "deep scratch"}).raise_for_status()
    offered = [kind["name"] for kind in client.get("/api/v1/kinds").json() if not kind["retired_at"]]
    assert offered == ["dirt", "deep scratch"]


def test_an_ok_frame_is_called_good_and_a_frame_nobody_judged_gets_no_buttons(
    ledger: Ledger, client: TestClient
) -> None:
    ok, lost = ledger.add("ok", picture=grey_picture()), ledger.add("not_inspected", reason="late")
    assert 'data-say="confirmed_ok"' in client.get(f"/frames/{ok}").text
    assert "data-say" not in client.get(f"/frames/{lost}").text
    say(client, ok, "confirmed_ok")
    assert "Good part" in client.get(f"/frames/{ok}").text


def test_an_operator_sees_kinds_and_rates_and_an_engineer_sets_them(tmp_path: Path) -> None:
    with plant_page(tmp_path / "plant", otto=Role.OPERATOR, erika=Role.ENGINEER) as plant:
        otto, erika = plant.signed_in("otto"), plant.signed_in("erika")
        with plant.record() as session:
            session.add(CategoryAtHand(name="pcb", bundle="pcb@1"))
        for client, status, shown in ((otto, 403, False), (erika, 201, True)):
            assert client.post("/api/v1/kinds", json={"name": "dirt"}).status_code == status
            assert client.put("/api/v1/audit/rates/pcb", json={"rate": 0.1}).is_success is shown
            assert ("add-kind" in client.get("/kinds").text) is shown
        assert "10.0 %" in otto.get("/audit/estimates").text
        assert "data-category" in erika.get("/audit/estimates").text
        with plant.record() as session:
            done = {(row.who, row.what, row.about) for row in session.scalars(select(AuditEvent))}
    assert {("erika", "added kind", "dirt"), ("erika", "set audit rate", "pcb, 0.1")} <= done
