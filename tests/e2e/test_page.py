"""The page in a real browser: live cards without a reload, no errors, nothing from elsewhere."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect, sync_playwright

from dashboard.app import create_app
from dashboard.cli import PageServer, listen
from edge.alarm import State
from edge.ledger.record import open_engine
from edge.ledger.writer import Writer
from edge.settings import Settings
from tests.alarm_rows import alarm, entry
from tests.ledger_rows import Ledger, new_ledger

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
SMALLEST_TARGET_PX = 44


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        reason = f"needs {CHROMIUM}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


class Watched:
    """A browser page with everything that went wrong in it and every address that it asked for."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.problems: list[str] = []
        self.hosts: set[str | None] = set()
        page.on("console", lambda message: self.problems.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("request", lambda request: self.hosts.add(urlsplit(request.url).hostname))


@pytest.fixture
def watched(browser: Browser) -> Iterator[Watched]:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(10_000)
    watched = Watched(page)
    yield watched
    page.close()
    assert watched.problems == []
    assert watched.hosts <= {"127.0.0.1"}


@contextmanager
def serving(data: Path, port: int = 0) -> Iterator[str]:
    """The page on `data` by a real server in a thread; gives its address."""
    app = create_app(Settings(data=data))
    with listen("127.0.0.1", port) as listener:
        server = PageServer(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1), app.state.site)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.handle_exit(signal.SIGTERM, None)
        thread.join(timeout=10)
        assert not thread.is_alive()


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A page on a data folder that does not exist yet."""
    with serving(tmp_path / "data") as address:
        yield address


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = new_ledger(tmp_path / "data")
    yield ledger
    ledger.engine.dispose()


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
    expect(page.locator(".camera").nth(0)).to_contain_text("right")
    assert [card.get_attribute("data-id") for card in page.locator(".card").all()] == [str(new), str(old)]
    assert page.evaluate("window.sameDocument") is True
    page.wait_for_function("[...document.querySelectorAll('.card img')].every(i => i.complete && i.naturalWidth > 0)")


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
    picture = watched.page.locator(".views .photo").first.bounding_box()
    box = watched.page.locator(".boxes rect").last.bounding_box()
    assert picture is not None
    assert box is not None
    scale = picture["width"] / 320  # the picture is 320 x 240 and its frame 4:3, so it fills it
    assert box["x"] - picture["x"] == pytest.approx(60 * scale, abs=2)
    assert box["y"] - picture["y"] == pytest.approx(40 * scale, abs=2)
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
    watched.problems = [problem for problem in watched.problems if "ERR_" not in problem]  # the browser's own notes
