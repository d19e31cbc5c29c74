"""Find, parts, exports and thumbnails, asked over HTTP."""

import csv
import io
import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert

from calibration.datasets import open_dataset
from dashboard.find.exported import COLUMNS
from dashboard.find.table import csv_lines, harmless
from dashboard.thumbnails import LONGEST_SIDE
from edge.ledger.people import Role, events_before
from edge.ledger.record import Inspection, open_engine, unit_of_work
from edge.ledger.reviews import ReviewVerdict, add_reviews, latest_ids, review_frames, undo_reviews
from tests.ledger_rows import Ledger, grey_picture, map_with_spot
from tests.page_client import plant_page

HOUR_NS = 3_600_000_000_000


def said(ledger: Ledger, verdict: str, *ids: int, **more: Any) -> None:
    engine = open_engine(ledger.settings.database, writes=True)
    add_reviews(engine, ids, ReviewVerdict(verdict), reviewer="eva", reviewed_ns=HOUR_NS, **more)
    engine.dispose()


def shown(client: TestClient, address: str) -> list[int]:
    page = client.get(address).text
    return [int(part.partition('"')[0]) for part in page.split('data-id="')[1:]]


@pytest.mark.parametrize("view", ["", "&view=list"])
def test_find_shows_what_matches_newest_first_and_pages_to_the_oldest(
    ledger: Ledger, client: TestClient, view: str
) -> None:
    ids = [ledger.add("unsure", reason="uncalibrated", serial=f"SN{number}") for number in range(30)]
    ledger.add("ok")
    first = client.get(f"/find?outcome=unsure{view}").text
    assert "<strong>30</strong> frames" in first
    assert shown(client, f"/find?outcome=unsure{view}") == ids[:5:-1]
    assert f"before={ids[6]}" in first
    assert shown(client, f"/find?outcome=unsure&before={ids[6]}{view}") == ids[5::-1]
    assert shown(client, f"/find?serial=SN1*{view}") == [*ids[19:9:-1], ids[1]]


def test_empty_fields_of_the_form_are_taken_out_of_the_address(client: TestClient) -> None:
    answer = client.get("/find?when=&camera=left&outcome=ok&outcome=defect&serial=", follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/find?camera=left&outcome=ok&outcome=defect"
    assert client.get(answer.headers["location"], follow_redirects=False).status_code == 200


def test_form_shows_what_was_asked_and_wrong_fields_are_named(ledger: Ledger, client: TestClient) -> None:
    ledger.add_defect(camera="left")
    page = client.get('/find?camera=left&serial="><script>&outcome=defect&from=2026-01-02T03:04').text
    assert '<option value="left" selected>' in page
    assert 'value="&#34;&gt;&lt;script&gt;"' in page
    assert 'value="defect" checked' in page
    assert 'value="2026-01-02T03:04"' in page
    assert client.get("/api/v1/frames?camra=left").status_code == 422


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("/find?score_from=high", "Score from: give a number, not &#39;high&#39;."),
        ("/find?before=high", "Before: give a whole number, not &#39;high&#39;."),
        ("/find?from=high", "From: give a time like 2026-01-31T08:00, not &#39;high&#39;."),
        ("/find?review=bad", "Review: give one of unreviewed, "),
        ("/find?when=never", "When: give &#39;hour&#39;, &#39;shift&#39; or &#39;today&#39;, not &#39;never&#39;."),
        ("/find?camra=left", "There is no filter &#39;camra&#39;."),
        ("/trends?from=high", "From: give a time"),
    ],
)
def test_a_bad_filter_is_named_in_plain_words_with_the_way_back_to_its_room(
    ledger: Ledger, client: TestClient, address: str, words: str
) -> None:
    ledger.add("ok")
    wrong = client.get(address, headers={"accept": "text/html"})
    room = address[1:].partition("?")[0]
    assert wrong.status_code == 422
    assert words in wrong.text
    assert f'<a class="button" href="/{room}">Back to {room.capitalize()}</a>' in wrong.text


def test_matches_are_counted_only_so_far(ledger: Ledger, client: TestClient) -> None:
    ledger.add("ok")
    row = {
        "run_id": ledger.run_id, "camera_id": ledger.cameras["top"], "source": "test", "captured_ns": 1,
        "latency_ms": 1.0, "outcome": "unsure", "head_scores": {}, "head_limits": {},
    }  # fmt: skip
    with unit_of_work(ledger.engine) as session:
        session.execute(insert(Inspection), [row | {"seq": 2 + number} for number in range(1000)])
    assert "More than 1\u202f000" in client.get("/find").text
    assert "<strong>1\u202f000</strong> frames" in client.get("/find?outcome=unsure").text


def test_reviews_are_found_by_what_counts(ledger: Ledger, client: TestClient) -> None:
    confirmed, changed, withdrawn, nobody = (ledger.add_defect() for _ in range(4))
    said(ledger, "confirmed_defect", confirmed, changed, withdrawn)
    said(ledger, "false_alarm", changed)
    with unit_of_work(ledger.engine) as session:
        undo_reviews(session, [latest_ids(session, [withdrawn])[withdrawn]], reviewer="eva", reviewed_ns=HOUR_NS)
    assert shown(client, "/find?review=confirmed_defect") == [confirmed]
    assert shown(client, "/find?review=false_alarm") == [changed]
    assert shown(client, "/find?review=unreviewed") == [nobody, withdrawn]
    assert "False alarm" in client.get(f"/find?view=list&before={changed + 1}").text


def test_part_has_one_address_for_all_its_frames(ledger: Ledger, client: TestClient) -> None:
    top = ledger.add("ok", part="A-1", serial="S7", lot="L1")
    side = ledger.add_defect(camera="side", part="A-1", serial="S7", lot="L1")
    ledger.add_defect(part="B", serial="S7")
    address = "/parts/A-1/S7"
    assert f'href="{address}"' in client.get(f"/frames/{top}").text
    page = client.get(address).text
    assert '<article class="frame part defect">' in page
    assert shown(client, address)[:2] == [side, top]
    assert "1 OK" in page and "1 Defect" in page
    assert client.get("/parts/A-1/nothing").status_code == 404


def test_frame_is_found_by_run_camera_and_number(ledger: Ledger, client: TestClient) -> None:
    ledger.add("ok", camera="left")
    frame_id = ledger.add("ok", camera="left")
    assert 'href="/frames/night-1/left/2"' in client.get(f"/frames/{frame_id}").text
    answer = client.get("/frames/night-1/left/2", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (302, f"/frames/{frame_id}")
    assert client.get("/frames/night-1/left/3").status_code == 404
    assert client.get("/frames/night-1/left/99999999999999999999").status_code == 422


def test_csv_has_every_column_of_every_frame_that_matches(ledger: Ledger, client: TestClient) -> None:
    ledger.add("ok")
    frame_id = ledger.add_defect(
        camera="left", serial="=cmd()", lot="-3", part="+1", score=-0.5, captured_ns=1_700_000_000_123_456_789,
        head_scores={"few-shot": 0.9}, source="@x",
    )  # fmt: skip
    said(ledger, "confirmed_defect", frame_id, kind="scratch", note='a "big" one,\nlook')
    answer = client.get("/api/v1/export.csv?outcome=defect")
    assert answer.headers["content-disposition"] == 'attachment; filename="frames.csv"'
    (row,) = csv.DictReader(io.StringIO(answer.text, newline=""))
    assert tuple(row) == COLUMNS
    assert (row["serial"], row["lot"], row["part"], row["source"]) == ("'=cmd()", "'-3", "'+1", "'@x")
    assert row["score"] == "-0.5"
    assert datetime.fromisoformat(row["captured_at"]) == datetime(2023, 11, 14, 22, 13, 20, 123456, tzinfo=UTC)
    assert (row["review"], row["review_kind"], row["reviewer"]) == ("confirmed_defect", "scratch", "eva")
    assert row["review_note"] == 'a "big" one,\nlook'
    assert json.loads(row["head_scores"]) == {"few-shot": 0.9}
    assert json.loads(row["areas"])[0]["x0"] == 60
    assert client.get("/api/v1/export.csv?camera=nowhere").text == ",".join(COLUMNS) + "\r\n"


def test_only_engineers_take_frames_away(tmp_path: Path) -> None:
    with plant_page(tmp_path / "data", emil=Role.ENGINEER, olga=Role.OPERATOR) as plant:
        for name, status, links in (("olga", 403, 0), ("emil", 200, 2)):
            client = plant.signed_in(name)
            assert client.get("/find").text.count('href="/api/v1/export') == links
            for address in ("/api/v1/export.csv", "/api/v1/export.zip"):
                assert client.get(address).status_code == status


def test_what_was_taken_away_is_in_the_log_with_its_filter(tmp_path: Path) -> None:
    with plant_page(tmp_path / "data", emil=Role.ENGINEER, anna=Role.ADMIN) as plant:
        emil = plant.signed_in("emil")
        emil.get("/api/v1/export.csv?outcome=defect&outcome=unsure&camera=left&score_from=0.5")
        emil.get("/api/v1/export.zip")
        engine = open_engine(plant.settings.database)
        with unit_of_work(engine) as session:
            events = [(row.who, row.about) for row in events_before(session, None, limit=9) if row.what == "took away"]
        engine.dispose()
    assert events == [
        ("emil", "frames.zip: every frame"),
        ("emil", "frames.csv: camera left, outcome defect or unsure, score from 0.5"),
    ]


TEXTS = st.text(st.characters(exclude_categories=["Cs"])) | st.text(st.sampled_from("=+-@;,\t\r\n\" 'x"))
CELLS = st.none() | st.integers() | st.floats(allow_nan=False) | TEXTS


@given(rows=st.lists(st.fixed_dictionaries({"a": CELLS, "b": CELLS})))
def test_csv_can_be_read_back_and_no_text_in_it_is_a_formula(rows: list[dict[str, Any]]) -> None:
    read = list(csv.DictReader(io.StringIO("".join(csv_lines(("a", "b"), rows)), newline="")))
    assert [list(row.values()) for row in read] == [
        ["" if row[name] is None else str(harmless(row[name])) for name in "ab"] for row in rows
    ]


@given(rows=st.lists(TEXTS, max_size=4), separator=st.sampled_from(";,\t"), quotes=st.booleans())
def test_no_spreadsheet_finds_a_formula_wherever_it_splits(rows: list[str], separator: str, quotes: bool) -> None:
    lines = io.StringIO("".join(csv_lines(("a", "b"), ({"a": "x", "b": text} for text in rows))), newline="")
    quoting = csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE
    for cells in csv.reader(lines, delimiter=separator, quoting=quoting):
        assert not any(cell.strip().strip('" \t').startswith(tuple("=+-@")) for cell in cells)


def test_formula_behind_a_semicolon_is_a_text_and_the_rest_stays_as_it_was() -> None:
    assert harmless('x;=HYPERLINK("http://evil")') == 'x;\'=HYPERLINK("http://evil")'
    assert harmless('a, "=1"\n@b\t +c') == "a, \"'=1\"\n'@b\t '+c"
    assert harmless("few-shot = 0.9, PCB-2041; 3-4@x") == "few-shot = 0.9, PCB-2041; 3-4@x"


def test_zip_is_sorted_by_what_people_said_and_is_a_data_set(
    ledger: Ledger, client: TestClient, tmp_path: Path
) -> None:
    defect, alarm, unsure, nobody = (ledger.add_defect() for _ in range(4))
    passed = ledger.add("ok", picture=grey_picture(120), category="pcb")
    bare = ledger.add("unsure", reason="uncalibrated", picture=grey_picture(60))
    gone = ledger.add_defect()
    ledger.add("ok", category="pcb")
    said(ledger, "confirmed_defect", defect, kind="scratch")
    said(ledger, "false_alarm", alarm)
    said(ledger, "unsure", unsure)
    said(ledger, "unsure", passed)
    next(ledger.settings.media.rglob(f"*{gone:02}.jpg")).unlink()
    answer = client.get("/api/v1/export.zip")
    packed = zipfile.ZipFile(io.BytesIO(answer.content))
    assert packed.testzip() is None
    places = {name.rpartition("/")[0]: name for name in packed.namelist() if name.endswith(".jpg")}
    assert places == {
        "pcb/test/defect": f"pcb/test/defect/{defect:09}_top_1.jpg",
        "pcb/normal": f"pcb/normal/{alarm:09}_top_2.jpg",
        "pcb/unsure": f"pcb/unsure/{passed:09}_top_5.jpg",
        "pcb/unreviewed": f"pcb/unreviewed/{nobody:09}_top_4.jpg",
        "uncalibrated/unreviewed": f"uncalibrated/unreviewed/{bare:09}_top_6.jpg",
    }
    assert f"pcb/maps/{defect:09}_top_1.png" in packed.namelist()
    stored = next(ledger.settings.media.rglob("*01.jpg")).read_bytes()
    assert packed.read(places["pcb/test/defect"]) == stored
    lines = list(csv.DictReader(io.StringIO(packed.read("reviews.csv").decode(), newline="")))
    assert {(line["id"], line["review"]) for line in lines} >= {(str(defect), "confirmed_defect"), (str(nobody), "")}
    about = packed.read("README.txt").decode()
    assert "1 pictures that the record names are gone" in about
    assert "too few good parts to calibrate: 1 in pcb/normal" in about and "calibrate --category" not in about


def test_zip_of_enough_frames_is_taken_by_calibrate_as_it_is(
    ledger: Ledger, client: TestClient, tmp_path: Path
) -> None:
    ids = [ledger.add_defect() for _ in range(7)]
    said(ledger, "confirmed_defect", *ids[:3])
    said(ledger, "false_alarm", *ids[3:])
    packed = zipfile.ZipFile(io.BytesIO(client.get("/api/v1/export.zip").content))
    packed.extractall(tmp_path / "out")
    command = "calibrate --category pcb --refs 2 --images pcb/normal --bad pcb/test/defect\n"
    assert command in packed.read("README.txt").decode()
    (category,) = open_dataset("folder", tmp_path / "out").categories
    assert (category.name, len(category.normal)) == ("pcb", 2)
    assert [sample.defect for sample in category.test] == [False, False, True, True, True]
    assert not {file.name for file in category.normal} & {sample.file.name for sample in category.test}


@pytest.mark.parametrize("view", ["cards", "list"])
def test_frame_that_waits_in_the_audit_shows_neither_score_nor_map(
    ledger: Ledger, client: TestClient, view: str
) -> None:
    drawn = {
        "picture": grey_picture(), "anomaly_map": map_with_spot(), "boxes": ((60, 40, 100, 80),), "audit_rate": 0.1,
        "threshold": 0.5, "scale_low": 0.2, "scale_high": 1.2, "part": "A", "serial": "S",
    }  # fmt: skip
    waiting = ledger.add("ok", score=0.432, head_scores={"few-shot": 0.432}, nearest_reference="1.jpg",
                         nearest_distance=0.432, **drawn)  # fmt: skip
    for address in (f"/find?view={view}", "/parts/A/S"):
        page = client.get(address).text
        assert "Waits in the audit" in page and f"/frames/{waiting}/thumbnail.jpg" in page
        assert not any(told in page for told in ("0.432", "heatmap-thumbnail", '<svg class="boxes"', "0.500"))
    assert client.get(f"/api/v1/frames/{waiting}").json()["score"] == 0.432
    said(ledger, "confirmed_ok", waiting)
    assert "Waits in the audit" in client.get(f"/find?view={view}").text  # that was not said in the audit
    engine = open_engine(ledger.settings.database, writes=True)
    with unit_of_work(engine) as session:
        review_frames(session, [waiting], ReviewVerdict.CONFIRMED_OK, reviewer="eva", reviewed_ns=9, blind=True)
    engine.dispose()
    page = client.get(f"/find?view={view}").text
    assert "0.432" in page and "Waits in the audit" not in page


def test_frame_drawn_for_the_audit_is_not_told_that_such_frames_keep_no_picture(
    ledger: Ledger, client: TestClient
) -> None:
    ledger.add("ok", audit_rate=0.1)
    assert "None was kept for this frame" in client.get("/find").text


def test_thumbnail_is_small_made_once_and_gone_with_its_picture(ledger: Ledger, client: TestClient) -> None:
    large = cv2.resize(grey_picture(), (1600, 1200))
    frame_id = ledger.add("defect", picture=large, anomaly_map=map_with_spot(), scale_low=0.2, scale_high=1.2)
    facts = client.get(f"/api/v1/frames/{frame_id}").json()
    for name, shape in (("thumbnail", (360, 480, 3)), ("heatmap_thumbnail", (360, 480, 4))):
        answer = client.get(facts[name])
        assert "max-age=86400" in answer.headers["cache-control"]
        pixels = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_UNCHANGED)
        assert pixels.shape == shape
    assert LONGEST_SIDE == 480
    made = sorted(path for path in ledger.settings.thumbnails.rglob("*") if path.is_file())
    assert [path.suffix for path in made] == [".jpg", ".png"]
    before = [path.stat().st_mtime_ns for path in made]
    client.get(facts["thumbnail"])
    assert [path.stat().st_mtime_ns for path in made] == before
    card = client.get("/find").text
    assert facts["thumbnail"] in card and facts["picture"] not in card
    assert facts["picture"] in client.get(f"/frames/{frame_id}").text
    next(ledger.settings.media.rglob("*.jpg")).unlink()
    assert client.get(facts["thumbnail"]).status_code == 404


def test_thumbnail_that_cannot_be_kept_is_sent_all_the_same(
    ledger: Ledger, client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    ids = ledger.add_defect(), ledger.add_defect()
    ledger.settings.thumbnails.write_bytes(b"a file where the folder would be")
    for frame_id in ids:
        for name, kind in (("thumbnail.jpg", "image/jpeg"), ("heatmap-thumbnail.png", "image/png")):
            answer = client.get(f"/frames/{frame_id}/{name}")
            assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
            assert cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_UNCHANGED).shape[:2] == (240, 320)
    assert [record.message.partition(":")[0] for record in caplog.records if "thumbnails" in record.name] == [
        f"thumbnails cannot be kept in {ledger.settings.thumbnails}"
    ]


def test_small_picture_is_not_enlarged_and_a_damaged_one_is_a_404(ledger: Ledger, client: TestClient) -> None:
    frame_id = ledger.add_defect()
    pixels = cv2.imdecode(
        np.frombuffer(client.get(f"/frames/{frame_id}/thumbnail.jpg").content, np.uint8), cv2.IMREAD_COLOR
    )
    assert pixels.shape == (240, 320, 3)
    other = ledger.add_defect()
    sorted(ledger.settings.media.rglob("*.jpg"))[-1].write_bytes(b"not a jpeg")
    assert client.get(f"/frames/{other}/thumbnail.jpg").status_code == 404


@pytest.mark.parametrize("tail", ["picture", "thumbnail.jpg", "heatmap-thumbnail.png"])
def test_part_of_a_picture_file_can_be_asked_for(ledger: Ledger, client: TestClient, tail: str) -> None:
    address = f"/frames/{ledger.add_defect()}/{tail}"
    whole = client.get(address)
    assert whole.headers["accept-ranges"] == "bytes"
    part = client.get(address, headers={"range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, whole.content[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{len(whole.content)}"
    assert client.get(address, headers={"range": "bytes=99999999-"}).status_code == 416
