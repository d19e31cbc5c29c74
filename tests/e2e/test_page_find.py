"""Find and trends in a real browser: filters and the back button, downloads, a chart's point, a part's address, axe."""

import csv
import re
import time
import zipfile
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser import Watched
from tests.ledger_rows import Ledger

SMALLEST_TARGET_PX = 44
MINUTE_NS = 60_000_000_000


def ids(page: Page) -> list[str | None]:
    return [each.get_attribute("data-id") for each in page.locator("[data-id]").all()]


def test_filters_lead_to_addresses_that_the_back_button_undoes(ledger: Ledger, address: str, watched: Watched) -> None:
    left = ledger.add_defect(camera="left", serial="SN-1")
    right = ledger.add("unsure", camera="right", reason="uncalibrated", serial="SN-2")
    page = watched.page
    page.goto(f"{address}/find")
    expect(page.locator(".matches")).to_have_text("2 frames")
    page.get_by_label("Camera", exact=True).select_option("left")
    page.get_by_role("button", name="Find").click()
    expect(page).to_have_url(f"{address}/find?camera=left")
    assert ids(page) == [str(left)]
    page.get_by_role("link", name="Clear").click()
    page.locator(".chip.unsure").click()
    page.get_by_text("More filters").click()
    page.get_by_label("Serial", exact=True).fill("SN-*")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{address}/find?outcome=unsure&serial=SN-%2A")
    assert ids(page) == [str(right)]
    expect(page.get_by_label("Serial", exact=True)).to_have_value("SN-*")
    page.get_by_role("link", name="List").click()
    expect(page.locator("table.frames tbody tr")).to_have_count(1)
    for query, matches in (("outcome=unsure&serial=SN-%2A", 1), ("", 2), ("camera=left", 1)):
        page.go_back()
        expect(page).to_have_url(f"{address}/find{'?' if query else ''}{query}")
        expect(page.locator(".matches")).to_have_text(f"{matches} frame{'s' if matches > 1 else ''}")
    expect(page.get_by_label("Camera", exact=True)).to_have_value("left")


def test_found_frames_can_be_taken_away(ledger: Ledger, address: str, watched: Watched, tmp_path: Path) -> None:
    ledger.add("ok")
    frame_id = ledger.add_defect(serial="SN-1")
    watched.page.goto(f"{address}/find?serial=SN-1")
    for name in ("CSV", "ZIP"):
        with watched.page.expect_download() as download:
            watched.page.get_by_role("link", name=name, exact=True).click()
        download.value.save_as(tmp_path / name)
    with (tmp_path / "CSV").open(newline="") as file:
        assert [row["id"] for row in csv.DictReader(file)] == [str(frame_id)]
    with zipfile.ZipFile(tmp_path / "ZIP") as packed:
        assert f"pcb/unreviewed/{frame_id:09}_top_2.jpg" in packed.namelist()


def test_point_of_a_chart_leads_to_its_frames_by_mouse_and_by_keyboard(
    ledger: Ledger, address: str, watched: Watched
) -> None:
    now_ns = time.time_ns()
    old = [ledger.add_defect(captured_ns=now_ns - 180 * MINUTE_NS + number) for number in range(2)]
    new = ledger.add_defect(captured_ns=now_ns)
    page = watched.page
    page.goto(f"{address}/trends")
    points = page.get_by_role("group", name="Defect rate").get_by_role("link")
    expect(points).to_have_count(2)
    points.first.click()
    expect(page).to_have_url(re.compile("/find[?]from="))
    assert ids(page) == [str(each) for each in reversed(old)]
    page.go_back()
    points.last.focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/find[?]from="))
    assert ids(page) == [str(new)]


def test_part_with_a_slash_in_its_name_has_an_address(ledger: Ledger, address: str, watched: Watched) -> None:
    first = ledger.add("ok", part="A/1", serial="S 7/é%")
    second = ledger.add_defect(camera="side", part="A/1", serial="S 7/é%")
    page = watched.page
    page.goto(f"{address}/frames/{first}")
    page.locator("summary", has_text="Facts").click()
    page.get_by_role("link", name="A/1 · S 7/é%").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("S 7/é%")
    expect(page.locator(".frame > header .badge")).to_have_text("Defect")
    assert ids(page)[:2] == [str(second), str(first)]
    page.goto(f"{address}/frames/night-1/side/1")
    expect(page).to_have_url(f"{address}/frames/{second}")


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (820, 1180)])
def test_find_and_trends_fit_can_be_hit_and_have_no_serious_fault(
    ledger: Ledger, address: str, watched: Watched, width: int, height: int
) -> None:
    now_ns = time.time_ns()
    for number in range(40):
        captured_ns = now_ns - number * 20 * MINUTE_NS
        ledger.add("ok" if number % 9 else "defect", captured_ns=captured_ns, score=0.4, threshold=0.5, category="pcb")
    ledger.add_defect(part="a-very-long-part-number-" * 4, serial="S1", source="folder/" * 20)
    page = watched.page
    page.set_viewport_size({"width": width, "height": height})
    for path in ("/find", "/find?view=list&lot=&serial=S1", "/find?serial=nothing", "/parts/-/S1", "/trends"):
        page.goto(address + path.replace("-/S1", f"{'a-very-long-part-number-' * 4}/S1"))
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        for target in page.locator("a:visible:not(.point), button:visible, summary:visible, select:visible").all():
            box = target.bounding_box()
            assert box is not None
            assert min(box["width"], box["height"]) >= SMALLEST_TARGET_PX, f"{path}: {target.inner_text()}"
        if width == 820:  # what axe looks at is the same
            continue
        found = Axe().run(page).response["violations"]
        serious = [each for each in found if each["impact"] in ("serious", "critical")]
        assert not serious, f"{path}: {[(each['id'], each['nodes'][0]['html']) for each in serious]}"
