"""The page, its JSON and its media, asked over HTTP."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from fastapi.testclient import TestClient

from edge.ledger.bundles import record_bundle
from edge.settings import Settings
from tests.ledger_rows import HEIGHT, WIDTH, Ledger, grey_picture, map_with_spot, new_ledger
from tests.page_client import page_client

SCRIPT = "<script>alert(1)</script>"


def test_index_shows_a_flagged_frame_with_everything_the_record_holds(ledger: Ledger, client: TestClient) -> None:
    frame_id = ledger.add_defect(
        camera="left", part="P7", lot="L1", serial="SN9", nearest_reference="good_3.jpg", nearest_distance=0.25,
        head_scores={"few-shot": 0.9, "text": 0.3}, head_limits={"few-shot": 0.5, "text": 0.4}, source="board_12.jpg",
    )  # fmt: skip
    page = client.get("/").text
    shown = ("Defect", "Above the threshold", "0.900", "threshold 0.500", "left", "#1", "P7", "L1", "SN9", "good_3.jpg",
             "0.250", "few-shot 0.900 ▲", "text 0.300<", "board_12.jpg", "pcb", "ababababab")  # fmt: skip
    assert [word for word in shown if word not in page] == []
    assert f'viewBox="0 0 {WIDTH} {HEIGHT}"' in page
    assert '<rect x="60" y="40" width="40" height="40"/>' in page
    assert f"/frames/{frame_id}/heatmap-thumbnail.png?v=" in page


def test_a_bundle_is_shown_by_the_name_that_people_know(ledger: Ledger, client: TestClient) -> None:
    frame_id = ledger.add_defect()
    record_bundle(ledger.engine, sha256="ab" * 32, name="pcb@7", category="pcb", encoder="lite", folder="pcb/7")
    assert client.get(f"/api/v1/frames/{frame_id}").json()["bundle_name"] == "pcb@7"
    assert client.get("/api/v1/frames").json()["frames"][0]["bundle_name"] == "pcb@7"
    assert "pcb@7</dd>" in client.get("/").text
    assert f"pcb@7 · {'ab' * 32}" in client.get(f"/frames/{frame_id}").text


def test_frame_page_says_why_it_was_flagged(ledger: Ledger, client: TestClient) -> None:
    frame_id = ledger.add_defect(
        recipe="april-gan", head_scores={"few-shot": 0.9, "text": 0.3, "later": 2.5},
        head_limits={"few-shot": 0.5, "text": 0.4},
    )  # fmt: skip
    page = client.get(f"/frames/{frame_id}").text
    named = {name: page.partition(f'title="{name}"')[2] for name in ("few-shot", "text", "later")}
    rows = {name: after.partition("</tr>")[0] for name, after in named.items()}
    assert {name: "▲" in row for name, row in rows.items()} == {"few-shot": True, "text": False, "later": False}
    assert "Unlike every good part shown" in rows["few-shot"]
    assert "0.900" in rows["few-shot"] and "0.500" in rows["few-shot"]
    assert "april-gan" in page


def test_index_leaves_out_what_nobody_needs_to_look_at_unless_asked(ledger: Ledger, client: TestClient) -> None:
    ok = ledger.add("ok")
    lost = ledger.add("not_inspected", reason="overload")
    unsure = ledger.add("unsure", reason="uncalibrated", picture=grey_picture(), camera="right")

    def cards(query: str) -> list[int]:
        page = client.get(f"/{query}").text
        return [frame_id for frame_id in (ok, lost, unsure) if f'id="frame-{frame_id}"' in page]

    assert cards("") == [unsure]
    assert cards("?outcome=ok") == [ok], "the room Find has them"
    assert cards("?outcome=not_inspected") == [lost]
    assert cards("?camera=right") == [unsure]
    assert cards("?camera=nowhere") == []
    assert cards(f"?after={unsure}") == []


def test_older_link_leads_to_the_rest(ledger: Ledger, client: TestClient) -> None:
    ids = [ledger.add("unsure", reason="uncalibrated") for _ in range(30)]
    page = client.get("/").text
    assert f'href="/?after={ids[6]}"' in page
    older = client.get(f"/?after={ids[6]}").text
    assert [i for i in ids if f'id="frame-{i}"' in older] == ids[:6]
    assert "Older" not in older
    assert "data-live" in page
    assert "data-live" not in older


@pytest.mark.parametrize("path", ["/", "/frames/{id}", "/frames/{id}/review", "/queue/cards/{id}"])
def test_script_in_what_the_line_sent_is_shown_as_text(ledger: Ledger, client: TestClient, path: str) -> None:
    frame_id = ledger.add_defect(source=SCRIPT, serial=SCRIPT, camera=SCRIPT.replace("/", ""), nearest_reference=SCRIPT,
                                 head_scores={SCRIPT: 1.0}, nearest_distance=0.1)  # fmt: skip
    page = client.get(path.format(id=frame_id)).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_picture_is_the_stored_jpeg_and_kept_for_ever_under_its_own_address(ledger: Ledger, client: TestClient) -> None:
    frame_id = ledger.add_defect()
    address = client.get(f"/api/v1/frames/{frame_id}").json()["picture"]
    answer = client.get(address)
    assert answer.headers["content-type"] == "image/jpeg"
    assert "immutable" in answer.headers["cache-control"]
    pixels = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)
    assert pixels.shape == (HEIGHT, WIDTH, 3)
    assert client.get(f"/frames/{frame_id}/picture?v=1").headers["cache-control"] == "no-cache"


def test_heatmap_is_clear_where_the_map_is_low_and_the_same_on_another_frame(
    ledger: Ledger, client: TestClient
) -> None:
    drawn = []
    for peak in (0.8, 1.9):
        values = map_with_spot(peak)
        values[8:11, 10:14] = 0.7
        scale = {"scale_low": 0.2, "scale_high": 1.2, "threshold": 0.5}
        frame_id = ledger.add("defect", picture=grey_picture(), anomaly_map=values, **scale)
        png = client.get(f"/frames/{frame_id}/heatmap.png").content
        drawn.append(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED))
    first, second = drawn
    assert first.shape == second.shape == (HEIGHT, WIDTH, 4)
    assert np.array_equal(first[190, 240], second[190, 240])
    assert not np.array_equal(first[60, 80], second[60, 80])
    assert first[HEIGHT - 5, 5, 3] == 0


def test_flagged_frame_without_map_shows_the_picture_alone(ledger: Ledger, client: TestClient) -> None:
    frame_id = ledger.add("unsure", reason="uncalibrated", picture=grey_picture())
    card = client.get(f"/queue/cards/{frame_id}").text
    assert 'class="photo"' in card
    assert 'class="heat"' not in card
    assert client.get(f"/frames/{frame_id}/heatmap.png").status_code == 404


def test_flagged_frame_says_when_its_picture_is_gone(ledger: Ledger, client: TestClient) -> None:
    frame_id = ledger.add_defect()
    next(ledger.settings.media.rglob("*.jpg")).unlink()
    assert "Picture missing" in client.get("/").text
    facts = client.get(f"/api/v1/frames/{frame_id}").json()
    assert (facts["picture"], facts["picture_missing"]) == (None, True)


@pytest.mark.parametrize(
    ("why", "said"), [("budget", "more than their budget"), ("no_room", "had no room"), ("later", "later")]
)
def test_flagged_frame_says_why_it_has_no_picture_any_more(
    ledger: Ledger, client: TestClient, why: str, said: str
) -> None:
    frame_id = ledger.add("defect", picture_gone_ns=1_700_000_000 * 10**9, picture_gone_why=why)
    assert said in client.get("/").text
    assert said in client.get(f"/frames/{frame_id}").text
    facts = client.get(f"/api/v1/frames/{frame_id}").json()
    assert (facts["picture_missing"], facts["picture_gone_at"][:4], facts["picture_gone_why"]) == (False, "2023", why)


def test_damaged_map_is_a_404_that_names_it(ledger: Ledger, client: TestClient) -> None:
    frame_id = ledger.add_defect()
    next(ledger.settings.media.rglob("*.png")).write_bytes(b"not a png")
    answer = client.get(f"/frames/{frame_id}/heatmap.png")
    assert answer.status_code == 404
    assert "damaged" in answer.json()["detail"]


@pytest.mark.parametrize("stored", ["../record.sqlite", "/etc/passwd", "../media/../record.sqlite"])
def test_stored_path_outside_the_media_folder_is_never_served(ledger: Ledger, client: TestClient, stored: str) -> None:
    frame_id = ledger.add_defect(picture_path=stored, map_path=stored)
    assert client.get(f"/frames/{frame_id}/picture").status_code == 404
    assert client.get(f"/frames/{frame_id}/heatmap.png").status_code == 404
    assert "Picture missing" in client.get("/").text


@pytest.mark.parametrize(
    "name", ["0", "-1", "7", "9223372036854775808", "1e3", "..%2f..%2frecord.sqlite", "1%00", "abc"]
)
@pytest.mark.parametrize("tail", ["", "/review", "/reference", "/picture", "/heatmap.png"])
def test_id_of_no_frame_is_a_404(ledger: Ledger, client: TestClient, name: str, tail: str) -> None:
    assert client.get(f"/frames/{name}{tail}").status_code == 404
    assert client.get(f"/static/..%2f{name}{tail}").status_code == 404


def test_api_pages_backward_and_forward(ledger: Ledger, client: TestClient) -> None:
    ids = [ledger.add(outcome) for outcome in ("ok", "defect", "ok", "unsure", "ok")]

    def got(**query: object) -> tuple[list[int], int | None]:
        body = client.get("/api/v1/frames", params=query).json()
        return [frame["id"] for frame in body["frames"]], body["next"]

    assert got(limit=2) == ([ids[4], ids[3]], ids[3])
    assert got(limit=2, before=ids[1]) == ([ids[0]], None)
    assert got(limit=2, after=ids[0]) == ([ids[1], ids[2]], ids[2])
    assert got(outcome=["defect", "unsure"]) == ([ids[3], ids[1]], None)
    assert client.get("/api/v1/frames?after=1&before=2").status_code == 422
    assert client.get("/api/v1/frames?outcome=perfect").status_code == 422
    assert client.get("/api/v1/frames?before=9223372036854775808").status_code == 422


def test_every_answer_forbids_what_is_not_ours(ledger: Ledger, client: TestClient) -> None:
    frame_id = ledger.add_defect()
    for path in ("/", f"/frames/{frame_id}", f"/frames/{frame_id}/picture", "/static/page.js", "/healthz", "/nowhere"):
        headers = client.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'self';"), path
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


def test_pages_hold_no_inline_script_or_style_and_nothing_from_elsewhere(ledger: Ledger, client: TestClient) -> None:
    frame_id = ledger.add_defect()
    for path in ("/", f"/frames/{frame_id}", "/static/page.js", "/static/page.css"):
        text = client.get(path).text.replace("http://www.w3.org", "")
        assert "style=" not in text, path
        assert "http://" not in text, path
        assert "https://" not in text, path
    assert client.get("/docs").status_code == 404


@pytest.mark.sqlite
def test_page_without_record_says_how_to_start_and_starts_when_it_appears(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "data")
    with page_client(settings) as client:
        assert "edge run --camera demo:pcb" in client.get("/").text
        assert client.get("/api/v1/counts").status_code == 503
        assert "edge run" in client.get("/healthz").json()["record"]
        assert not settings.data.exists()
        ledger = new_ledger(settings.data)
        assert "Nothing flagged so far" in client.get("/").text
        frame_id = ledger.add_defect()
        assert f'id="frame-{frame_id}"' in client.get("/").text
        assert client.get("/api/v1/counts").json()["defect"] == 1
        assert client.get("/healthz").json() == {"page": "ok", "record": "ready"}
        ledger.engine.dispose()


def test_missing_page_is_a_page_for_people_and_json_for_programs(client: TestClient) -> None:
    assert "All flagged frames" in client.get("/frames/5", headers={"accept": "text/html"}).text
    assert client.get("/frames/5").json() == {"detail": "no frame 5 in the record"}


def test_an_unsure_frame_shows_both_of_its_thresholds(ledger: Ledger, client: TestClient) -> None:
    both = ledger.add("unsure", reason="between_thresholds", score=0.6, threshold=0.5, defect_threshold=0.75)
    one = ledger.add("defect", score=0.9, threshold=0.5, defect_threshold=0.5)
    page = client.get(f"/frames/{both}").text
    assert "threshold 0.500, defect above 0.750" in page
    assert "Between the two thresholds" in page
    assert page.count('class="tick"') == client.get(f"/frames/{one}").text.count('class="tick"') + 1
    assert "defect above" not in client.get(f"/frames/{one}").text
