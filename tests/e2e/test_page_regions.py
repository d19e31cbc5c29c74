"""Drawing what counts, in a real browser: by mouse and by keys alone."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from edge.ledger.bundles import BundleRow
from edge.ledger.drawn_areas import answer_area, newest_area
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


def corners(page: Page, *shares: tuple[float, float]) -> None:
    """Click on the board."""
    wait_for(page, "document.getElementById('reference').naturalWidth > 0")
    box = page.locator("#board").bounding_box()
    assert box is not None
    for x, y in shares:
        page.locator("#board").click(position={"x": x * box["width"], "y": y * box["height"]})


def test_an_empty_drawing_is_refused_unless_something_was_cut_before_and_then_it_is_asked_about(
    ledger: Ledger, address: str, watched: Watched
) -> None:
    page = watched.page
    page.goto(f"{address}/regions/pcb")
    corners(page)
    page.keyboard.press("s")
    expect(page.locator("#say")).to_contain_text("the whole picture counts already")
    with unit_of_work(ledger.engine) as session:
        assert newest_area(session, "pcb") is None
    corners(page, (0.1, 0.1), (0.9, 0.1), (0.5, 0.8))
    page.keyboard.press("Enter")
    page.keyboard.press("s")
    expect(page.locator("#say")).to_contain_text("Saved")
    page.reload()
    page.locator("#polygons button").click()
    page.keyboard.press("s")
    expect(page.locator("#say")).to_contain_text("the whole picture would count")
    assert len(drawn(ledger)[0]) == 1
    page.locator("#say button").click()
    expect(page.locator("#say")).to_contain_text("Saved")
    assert drawn(ledger) == ([], [])
    watched.problems = [problem for problem in watched.problems if "422" not in problem]


def test_what_is_said_of_a_drawing_goes_when_it_is_not_so_any_more(
    ledger: Ledger, address: str, watched: Watched
) -> None:
    page = watched.page
    page.goto(f"{address}/regions/pcb")
    corners(page, (0.1, 0.1), (0.9, 0.1))
    page.keyboard.press("Enter")
    expect(page.locator("#say")).to_contain_text("three corners")
    corners(page, (0.5, 0.8))
    page.keyboard.press("Enter")
    expect(page.locator("#say")).to_be_hidden(timeout=2000)
    page.keyboard.press("s")
    expect(page.locator("#who-makes-it")).to_contain_text("No line runs now")
    expect(page.locator("#state-words")).to_contain_text("waiting for the line")
    with unit_of_work(ledger.engine) as session:
        found = newest_area(session, "pcb")
    assert found is not None
    answer_area(ledger.engine, found, done=True, answer="pcb@2 was made")
    expect(page.locator("#state-words")).to_contain_text("pcb@2 was made")
    expect(page.locator("#who-makes-it")).to_be_hidden()


def test_page_of_regions_has_no_serious_fault_for_screen_readers(address: str, watched: Watched) -> None:
    watched.page.goto(f"{address}/regions/pcb")
    found = Axe().run(watched.page)
    assert [each["id"] for each in found.response["violations"] if each["impact"] in ("serious", "critical")] == []
