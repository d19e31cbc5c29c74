"""The line's page in a real browser: live pictures and their age, what cameras do, orders by button and by key."""

import re
import time
from functools import partial

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from sqlalchemy import select
from sqlalchemy.orm import Session

from edge.frame import FrameInfo
from edge.ledger.bundles import record_bundle
from edge.ledger.camera_states import CameraNow, Doing, tell_states
from edge.ledger.categories import tell_categories
from edge.ledger.checks import record_check
from edge.ledger.live import write_live
from edge.ledger.orders import Order, OrderState, answer_order
from edge.verdict import Outcome, Reason, Region, Scale, Verdict
from tests.browser import Watched, serving
from tests.ledger_rows import Ledger, grey_picture, map_with_spot
from tests.lines import wait_until

CAMERAS = ("left", "top")
WORDS_CUT = """() => [...document.querySelectorAll(".tally span")].flatMap((span) => {
  const end = span.parentElement.getBoundingClientRect().right;
  return [...span.textContent.matchAll(/\\S+/g)].filter(({ 0: word, index }) => {
    const range = document.createRange();
    range.setStart(span.firstChild, index);
    range.setEnd(span.firstChild, index + word.length);
    return range.getClientRects().length > 1 || range.getBoundingClientRect().right > end;
  }).map(([word]) => word);
})"""
"""Words of the counts that go on in the next line, or beyond their place."""


def show(ledger: Ledger, seq: int, *, camera: str = "top", age_s: float = 0.0, outcome: str = "defect") -> None:
    """Write a camera's live picture, with a map and a box where the picture has its disc."""
    reason = Reason.ABOVE_THRESHOLD if outcome == "defect" else None
    verdict = Verdict(
        Outcome(outcome), reason, score=0.9, threshold=0.5, category="pcb", bundle="ab" * 32,
        regions=(Region(60, 40, 100, 80, 0.02, 1.5),), scale=Scale(0.2, 0.5, 1.2), anomaly_map=map_with_spot(),
    )  # fmt: skip
    at_ns = time.time_ns() - int(age_s * 1e9)
    info = FrameInfo("night-1", camera, seq, at_ns, "test")
    write_live(ledger.settings.live, info, verdict, grey_picture(), map_top=2.0, now_ns=at_ns)


def tell(ledger: Ledger, *states: CameraNow, ago_s: float = 0.0) -> None:
    """Say what the cameras do, as their supervisor would."""
    told = states or [CameraNow(name, f"demo:{name}", "pcb", Doing.INSPECTING) for name in CAMERAS]
    tell_states(ledger.engine, "night-1", told, now_ns=time.time_ns() - int(ago_s * 1e9))
    tell_categories(ledger.engine, {"cookie": "cookie@2", "pcb": "pcb@7"})


def orders(ledger: Ledger) -> list[Order]:
    with Session(ledger.engine) as session:
        return list(session.scalars(select(Order).order_by(Order.id)))


def bright(watched: Watched, canvas: str) -> int:
    """How much there is to see in the middle of the box on a canvas of the first station, 0..255."""
    return int(
        watched.page.evaluate(
            "selector => { const c = document.querySelector(selector);"
            "return Math.max(...c.getContext('2d').getImageData(80, 60, 1, 1).data.slice(0, 3)) }",
            canvas,
        )
    )


def test_a_live_picture_comes_with_overlay_and_age_and_the_next_one_takes_its_place(
    ledger: Ledger, address: str, watched: Watched
) -> None:
    tell(ledger, CameraNow("top", "demo:top", "pcb", Doing.INSPECTING))
    page = watched.page
    page.goto(f"{address}/line")
    expect(page.locator(".age")).to_have_text("No picture yet")
    show(ledger, 1)
    expect(page.locator(".age")).to_contain_text("Live")
    expect(page.locator(".station .badge.defect")).to_be_visible()
    expect(page.locator("canvas.photo")).to_have_attribute("aria-label", "Frame 1 of top")
    assert bright(watched, "canvas.photo") > 200
    assert bright(watched, "canvas.heat") > 100
    show(ledger, 2, outcome="ok")
    expect(page.locator("canvas.photo")).to_have_attribute("aria-label", "Frame 2 of top")
    expect(page.locator(".station .badge.ok")).to_be_visible()
    expect(page.locator(".station .badge.defect")).to_be_hidden()
    page.keyboard.press("h")
    expect(page.locator("canvas.heat")).to_be_hidden()


def test_a_picture_without_successor_is_greyed_and_so_it_is_when_the_server_is_gone(
    ledger: Ledger, watched: Watched
) -> None:
    tell(ledger)
    show(ledger, 1, camera="left", age_s=60)
    show(ledger, 2, camera="top")
    page = watched.page
    with serving(ledger.settings.data) as address:
        page.goto(f"{address}/line")
        left, top = page.locator(".view").all()
        expect(left.locator(".age")).to_contain_text("No picture since")
        assert "grayscale(1)" in left.locator(".photo").evaluate("canvas => getComputedStyle(canvas).filter")
        expect(page.locator(".station").first.locator(".badge:visible")).to_have_count(0)
        expect(top.locator(".age")).to_contain_text("No picture since", timeout=5000)
        show(ledger, 3, camera="top")
        expect(top.locator(".age")).to_contain_text("Live")
    expect(top.locator(".age")).to_contain_text("No picture since", timeout=6000)
    assert "grayscale(1)" in top.locator(".photo").evaluate("canvas => getComputedStyle(canvas).filter")
    expect(page.locator("#unreachable")).to_contain_text("nothing below is of now")
    watched.problems = [problem for problem in watched.problems if "ERR_" not in problem]  # the browser's own notes


def test_pictures_that_come_late_are_grey_and_said_to_come_late_until_none_comes(
    ledger: Ledger, address: str, watched: Watched
) -> None:
    tell(ledger, CameraNow("top", "demo:top", "pcb", Doing.INSPECTING))
    show(ledger, 1, age_s=12)
    page, age = watched.page, watched.page.locator(".age")
    page.goto(f"{address}/line")
    expect(age).to_contain_text("No picture since")
    show(ledger, 2, age_s=12)
    expect(age).to_contain_text(re.compile(r"Pictures come 1\d s late"))
    expect(page.locator(".view")).to_have_class("view old")
    expect(page.locator(".station .badge:visible")).to_have_count(0)
    expect(age).to_contain_text("No picture since", timeout=6000)


def test_a_station_says_what_its_camera_does_and_its_frames(ledger: Ledger, address: str, watched: Watched) -> None:
    record_bundle(ledger.engine, sha256="ab" * 32, name="pcb@7", category="pcb", encoder="lite", folder="pcb/7")
    record_check(ledger.engine, category="pcb", bundle="pcb@7", passed=False, reason="a good part failed", details=[])
    for _ in range(3):
        ledger.add_defect()
    ledger.add("not_inspected", reason="overload")
    stopped = CameraNow("top", "demo:top", "pcb", Doing.STOPPED, "the belt is cleaned", "anna")
    tell(ledger, stopped, CameraNow("left", "demo:left", None, Doing.FAILED, "no such device"))
    watched.page.goto(f"{address}/line")
    left, top = watched.page.locator(".facts-now").all()
    for words in ("Stopped", "by anna", "the belt is cleaned", "pcb@7", "lite", "FAILED", "Camera faster", "1 in the"):
        expect(top).to_contain_text(words)
    expect(top.locator(".tally .defect strong")).to_have_text("3")
    expect(top.locator(".tally .not_inspected strong")).to_have_text("1")
    expect(left).to_contain_text("no such device")
    tell(ledger, stopped, CameraNow("left", "demo:left", "pcb", Doing.INSPECTING))
    expect(left).to_contain_text("Inspecting")


def test_a_run_with_other_cameras_shows_those(ledger: Ledger, address: str, watched: Watched) -> None:
    watched.page.goto(f"{address}/line")
    expect(watched.page.locator("main")).to_contain_text("No camera has been started here yet")
    tell(ledger, CameraNow("top", "demo:top", "pcb", Doing.INSPECTING))
    expect(watched.page.locator(".station h2")).to_have_text("top")
    tell(ledger, CameraNow("left", "demo:left", "pcb", Doing.INSPECTING))
    expect(watched.page.locator(".station h2")).to_have_text("left")


def test_a_dead_supervisor_shows_as_no_sign_of_life_and_takes_no_orders(
    ledger: Ledger, address: str, watched: Watched
) -> None:
    tell(ledger, ago_s=60)
    watched.page.goto(f"{address}/line")
    expect(watched.page.locator(".doing").first).to_contain_text("No sign of life")
    expect(watched.page.locator("[data-ask]:visible")).to_have_count(0)
    watched.page.keyboard.press("s")
    expect(watched.page.locator("dialog[open]")).to_have_count(0)


def test_a_camera_is_stopped_with_a_reason_and_the_answer_is_said(
    ledger: Ledger, address: str, watched: Watched
) -> None:
    tell(ledger, CameraNow("top", "demo:top", "pcb", Doing.INSPECTING))
    page = watched.page
    page.goto(f"{address}/line")
    expect(page.locator("[data-ask=stop]")).to_be_visible()
    page.keyboard.press("s")
    page.keyboard.press("Enter")
    expect(page.locator("#why")).to_be_visible()  # it wants a reason
    page.keyboard.type("belt <b>jam</b>")
    page.keyboard.press("Enter")
    expect(page.locator("#orders .waiting")).to_contain_text("local operator")
    expect(page.locator("#orders .waiting")).to_contain_text("belt <b>jam</b>")
    (order,) = orders(ledger)
    assert (order.kind, order.camera, order.reason, order.asked_by) == (
        "stop", "top", "belt <b>jam</b>", "local operator",
    )  # fmt: skip
    answer_order(ledger.engine, order.id, OrderState.DONE, "top is stopped")
    expect(page.locator("#say")).to_have_text("Done: top is stopped")
    tell(ledger, CameraNow("top", "demo:top", "pcb", Doing.STOPPED, order.reason, order.asked_by))
    expect(page.locator("[data-ask=start]")).to_be_visible()
    expect(page.locator("[data-ask=stop]")).to_be_hidden()
    page.locator("[data-ask=start]").click()
    page.locator("[data-reason='well again']").click()
    page.locator("#why-ask").click()
    expect(page.locator("#orders .waiting")).to_contain_text("well again")
    assert [order.kind for order in orders(ledger)] == ["stop", "start"]


def test_a_camera_is_changed_over_in_two_keys(ledger: Ledger, address: str, watched: Watched) -> None:
    tell(ledger)
    page = watched.page
    page.goto(f"{address}/line")
    expect(page.locator("[data-ask=changeover]").first).to_be_visible()
    page.keyboard.press("2")
    expect(page.locator(".station.chosen h2")).to_have_text("top")
    page.keyboard.press("c")
    expect(page.locator("#change")).to_contain_text("Change top over to")
    page.wait_for_timeout(2500)  # people think, and the page goes on renewing what it shows
    tell(ledger)
    page.keyboard.press("2")  # pcb, which it inspects already
    expect(page.locator("#change")).to_be_visible()
    page.keyboard.press("1")
    expect(page.locator("#orders .waiting")).to_contain_text("Change over top to cookie")
    assert [(order.kind, order.camera, order.category) for order in orders(ledger)] == [("changeover", "top", "cookie")]
    answer_order(ledger.engine, 1, OrderState.REFUSED, "no bundle for cookie")
    expect(page.locator("#say")).to_have_text("Refused: no bundle for cookie")


def opens(ledger: Ledger, page: Page, key: str) -> bool:
    """Whether the key opens its dialog; not while the page finds that its supervisor has been silent."""
    tell(ledger)
    page.keyboard.press(key)
    page.wait_for_timeout(300)
    return page.locator("dialog[open]").is_visible()


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (820, 1180)])
def test_the_page_fits_is_big_enough_to_hit_and_reachable_for_all(
    ledger: Ledger, address: str, watched: Watched, width: int, height: int
) -> None:
    tell(ledger)
    show(ledger, 1, camera="left", age_s=60)
    page = watched.page
    page.set_viewport_size({"width": width, "height": height})
    page.goto(f"{address}/line")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(WORDS_CUT) == []
    for opened in (None, "s", "c"):
        tell(ledger)  # its supervisor lives
        expect(page.locator("[data-ask=stop]").first).to_be_visible()
        if opened:
            wait_until(partial(opens, ledger, page, opened), timeout_s=30)
        for target in page.locator("a:visible, button:visible").all():
            box = target.bounding_box()
            assert box is not None
            assert min(box["width"], box["height"]) >= 44, target.inner_text()
        found = Axe().run(page).response["violations"]
        assert [(fault["id"], fault["nodes"][0]["html"]) for fault in found if fault["impact"] != "minor"] == []
        page.keyboard.press("Escape")
