"""Drawing what counts, in a real browser: by mouse and by keys alone."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from edge.ledger.bundles import BundleRow
from edge.ledger.drawn_areas import newest_area
from edge.ledger.record import unit_of_work
from edge.vision.bundle import load_bundle
from tests.browser import Watched, wait_for
from tests.ledger_rows import Ledger
from tests.tiny_bundle import saved


@pytest.fixture(autouse=True)
def judged(ledger: Ledger) -> None:
    """A bundle of `pcb` that the line has judged by."""
    saved(ledger.settings.bundles)
    bundle = load_bundle(ledger.settings.bundles, "pcb")
    with unit_of_work(ledger.engine) as session:
        session.add(
            BundleRow(
                sha256=bundle.sha256, name="pcb@1", category="pcb", encoder="patches", folder="pcb/1", first_used_ns=1
            )
        )


def drawn(ledger: Ledger) -> tuple[list[list[tuple[float, float]]], list[list[tuple[float, float]]]]:
    with unit_of_work(ledger.engine) as session:
        found = newest_area(session, "pcb")
    assert found is not None
    return [[*map(tuple, each)] for each in found.area], [[*map(tuple, each)] for each in found.ignore]  # type: ignore[misc]


def test_area_and_ignore_drawn_by_mouse_reach_the_record(ledger: Ledger, address: str, watched: Watched) -> None:
    page = watched.page
    page.goto(f"{address}/regions")
    board = page.locator("#board")
    expect(board).to_be_visible()
    wait_for(page, "document.getElementById('reference').naturalWidth > 0")
    box = board.bounding_box()
    assert box is not None
    for x, y in ((0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9), (0.1, 0.1)):
        board.click(position={"x": x * box["width"], "y": y * box["height"]})
    page.locator("#mode-ignore").click()
    for x, y in ((0.4, 0.4), (0.6, 0.4), (0.5, 0.6)):
        board.click(position={"x": x * box["width"], "y": y * box["height"]})
    page.keyboard.press("Enter")
    expect(page.locator("#polygons li")).to_have_count(2)
    page.locator("#save").click()
    expect(page.locator("#state-words")).to_contain_text("waiting for the line")
    area, ignore = drawn(ledger)
    assert area[0] == [pytest.approx(corner, abs=0.01) for corner in ((0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9))]
    assert ignore[0] == [pytest.approx(corner, abs=0.01) for corner in ((0.4, 0.4), (0.6, 0.4), (0.5, 0.6))]
    page.reload()
    expect(page.locator("#polygons li")).to_have_count(2)


def test_area_is_drawn_and_saved_by_keys_alone(ledger: Ledger, address: str, watched: Watched) -> None:
    page = watched.page
    page.goto(f"{address}/regions/pcb")
    wait_for(page, "document.getElementById('reference').naturalWidth > 0")
    page.locator("#board").focus()
    for keys in (["ArrowLeft"] * 11, ["ArrowRight"] * 20, ["ArrowDown"] * 20):
        for key in keys:
            page.keyboard.press(key)
        page.keyboard.press("Space")
    page.keyboard.press("Enter")
    page.keyboard.press("s")
    expect(page.locator("#state-words")).to_contain_text("waiting for the line")
    area, ignore = drawn(ledger)
    assert ignore == []
    assert area[0] == [pytest.approx(corner, abs=1e-6) for corner in ((0.4, 0.5), (0.6, 0.5), (0.6, 0.7))]


def test_page_of_regions_has_no_serious_fault_for_screen_readers(address: str, watched: Watched) -> None:
    watched.page.goto(f"{address}/regions/pcb")
    found = Axe().run(watched.page)
    assert [each["id"] for each in found.response["violations"] if each["impact"] in ("serious", "critical")] == []
