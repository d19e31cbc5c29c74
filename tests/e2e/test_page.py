"""The page in a real browser: live cards without a reload, no errors, nothing from elsewhere."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from edge.alarm import State
from edge.ledger.record import open_engine
from edge.ledger.writer import Writer
from tests.alarm_rows import alarm, entry
from tests.browser import Watched, serving, wait_for
from tests.ledger_rows import Ledger, new_ledger

SMALLEST_TARGET_PX = 44


def test_flagged_frame_appears_at_the_top_without_a_reload(ledger: Ledger, address: str, watched: Watched) -> None:
    old = ledger.add_defect(serial="SN-1")
    page = watched.page
    page.goto(address)
    page.evaluate("window.sameDocument = true")
    expect(page.locator("#link")).to_have_text("Live")
    new = ledger.add_defect(serial="SN-2", camera="right")
    ledger.add("ok")
    expect(page.locator(".card").first).to_contain_text("SN-2")
    expect(page.locator(".tile.defect p")).to_have_text("2")
    expect(page.locator("#queue-counts li").nth(0)).to_contain_text("right")
    assert [card.get_attribute("data-id") for card in page.locator(".card").all()] == [str(new), str(old)]
    assert page.evaluate("window.sameDocument") is True
    wait_for(page, "[...document.querySelectorAll('.card img')].every(i => i.complete && i.naturalWidth > 0)")


def test_alarm_appears_in_words_and_goes_again_without_a_reload(ledger: Ledger, address: str, watched: Watched) -> None:
    engine = open_engine(ledger.settings.database, writes=True)
    writer = Writer(engine, ledger.settings.media)
    writer.register("night-1", "top", source="demo:top", category="pcb")
    watched.page.goto(address)
    expect(watched.page.locator("#state")).to_be_hidden()
    writer.write([entry(1, alarm())])
    expect(watched.page.locator("#state .alarm")).to_contain_text("light has changed")
    writer.write([entry(2, alarm(State.CLEARED))])
    expect(watched.page.locator("#state")).to_be_hidden()
    engine.dispose()


def test_page_keeps_at_most_sixty_cards_after_a_flood(ledger: Ledger, address: str, watched: Watched) -> None:
    watched.page.goto(address)
    expect(watched.page.locator("#nothing")).to_be_visible()
    ids = [ledger.add("unsure", reason="uncalibrated") for _ in range(75)]
    expect(watched.page.locator(".card").first).to_have_attribute("data-id", str(ids[-1]))
    expect(watched.page.locator(".card")).to_have_count(60)
    expect(watched.page.locator("#nothing")).to_be_hidden()


def test_filtered_page_stays_as_it_is_while_counts_go_on(ledger: Ledger, address: str, watched: Watched) -> None:
    ledger.add_defect()
    watched.page.goto(f"{address}/?outcome=unsure")
    ledger.add_defect()
    expect(watched.page.locator(".tile.defect p")).to_have_text("2")
    expect(watched.page.locator(".card")).to_have_count(0)


def test_page_opened_before_the_record_starts_by_itself(tmp_path: Path, address: str, watched: Watched) -> None:
    watched.page.goto(address)
    expect(watched.page.locator("main")).to_contain_text("edge run --camera demo:pcb")
    ledger = new_ledger(tmp_path / "data")
    ledger.add_defect()
    expect(watched.page.locator(".card")).to_have_count(1)
    ledger.engine.dispose()


def test_key_and_button_hide_the_heatmap_and_the_choice_stays(ledger: Ledger, address: str, watched: Watched) -> None:
    frame_id = ledger.add_defect()
    page = watched.page
    page.goto(address)
    expect(page.locator(".heat")).to_be_visible()
    page.keyboard.press("h")
    expect(page.locator(".heat")).to_be_hidden()
    expect(page.locator("#heat-toggle")).to_have_attribute("aria-pressed", "false")
    page.goto(f"{address}/frames/{frame_id}")
    expect(page.locator(".heat")).to_be_hidden()
    page.locator("#heat-toggle").click()
    expect(page.locator(".heat")).to_be_visible()


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (1024, 768), (390, 844)])
def test_everything_fits_the_width_and_can_be_hit_with_gloves(
    ledger: Ledger, address: str, watched: Watched, width: int, height: int
) -> None:
    frame_id = ledger.add_defect(part="a-very-long-part-number-" * 4, source="folder/" * 20, camera="left")
    ledger.add_defect(camera="right")
    ledger.add("not_inspected", reason="capture_died", camera="right")
    watched.page.set_viewport_size({"width": width, "height": height})
    for path in ("/", f"/frames/{frame_id}"):
        watched.page.goto(address + path)
        assert watched.page.evaluate("document.documentElement.scrollWidth") <= width, path
        for target in watched.page.locator("a:visible, button:visible").all():
            box = target.bounding_box()
            assert box is not None
            assert min(box["width"], box["height"]) >= SMALLEST_TARGET_PX, f"{path}: {target.inner_text()}"


def test_box_lies_on_the_picture_where_the_record_says(ledger: Ledger, address: str, watched: Watched) -> None:
    frame_id = ledger.add_defect()
    watched.page.goto(f"{address}/frames/{frame_id}")
    picture = watched.page.locator(".large .photo").bounding_box()
    box = watched.page.locator(".boxes rect").last.bounding_box()
    assert picture is not None
    assert box is not None
    scale = min(picture["width"] / 320, picture["height"] / 240)  # the picture is 320 x 240, in the middle of its frame
    left, top = (picture["width"] - 320 * scale) / 2, (picture["height"] - 240 * scale) / 2
    assert box["x"] - picture["x"] == pytest.approx(left + 60 * scale, abs=2)
    assert box["y"] - picture["y"] == pytest.approx(top + 40 * scale, abs=2)
    assert box["width"] == pytest.approx(40 * scale, abs=3)


def test_lost_connection_is_said_and_frames_missed_meanwhile_come_after(ledger: Ledger, watched: Watched) -> None:
    page = watched.page
    with serving(ledger.settings.data) as address:
        page.goto(address)
        expect(page.locator("#link")).to_have_text("Live")
    expect(page.locator("#link")).to_have_text("Connection lost")
    missed = ledger.add_defect()
    with serving(ledger.settings.data, port=urlsplit(address).port or 0):
        expect(page.locator("#link")).to_have_text("Live", timeout=20_000)
        expect(page.locator(".card").first).to_have_attribute("data-id", str(missed))
        page.goto("about:blank")  # before the server goes again
    watched.problems = [problem for problem in watched.problems if "ERR_" not in problem]  # the browser's own notes
