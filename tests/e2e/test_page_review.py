"""Review and audit in a real browser: by keys alone, in batches, undone, by two at once, live, and blind."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import APIResponse, Browser, Page, Route, expect
from sqlalchemy import select

from edge.ledger.audit_rates import set_rate
from edge.ledger.kinds import add_kind
from edge.ledger.record import Review, unit_of_work
from edge.ledger.reviews import ReviewVerdict, add_reviews
from tests.browser import Watched, wait_for
from tests.ledger_rows import JUDGED, Ledger, grey_picture, map_with_spot
from tests.lines import wait_until
from tests.slowness import slowness

SCRIPT = "<script>window.stolen = true</script>"
MOST_MS = 100


@pytest.fixture
def kinds(ledger: Ledger) -> Iterator[None]:
    with unit_of_work(ledger.engine) as session:
        for at, name in enumerate(("scratch", "dirt")):
            add_kind(session, name, added_by="meister", added_ns=at)
    yield


def said(ledger: Ledger, number: int) -> list[tuple[int, str, str | None, str | None]]:
    """(frame, verdict, kind, note) of the reviews in order, once there are so many."""

    def rows() -> list[tuple[int, str, str | None, str | None]]:
        with unit_of_work(ledger.engine) as session:
            found = session.scalars(select(Review).order_by(Review.id)).all()
            return [(row.inspection_id, row.verdict, row.kind, row.note) for row in found]

    wait_until(lambda: len(rows()) >= number, timeout_s=20, every_s=0.05)  # each look takes the page's turn to write
    return rows()


def at(page: Page, frame: int) -> None:
    """The page shows this frame, under its own address, and listens to keys: a page's script comes after its text."""
    expect(page.locator("#frame")).to_have_attribute("data-id", str(frame))
    wait_for(page, f"location.pathname === '/frames/{frame}' && history.state?.id === '{frame}'")


@pytest.mark.usefixtures("kinds")
def test_a_shift_is_reviewed_by_keys_alone_without_loading_a_page(
    ledger: Ledger, address: str, watched: Watched
) -> None:
    fourth, third, second, first = (ledger.add_defect() for _ in range(4))
    page, keys = watched.page, watched.page.keyboard
    page.goto(address)
    keys.press("r")
    at(page, first)
    page.evaluate("window.sameDocument = true")
    keys.press("f")
    at(page, second)
    keys.press("j")
    at(page, third)
    keys.press("k")
    at(page, second)
    keys.press("2")
    at(page, third)
    keys.press("n")
    keys.type("at the rim")
    keys.press("Enter")
    keys.press("d")
    at(page, fourth)
    expect(page.locator("#note")).to_have_value("")
    keys.press("u")
    expect(page.locator("#done")).to_be_visible()
    assert said(ledger, 4) == [
        (first, "false_alarm", None, None),
        (second, "confirmed_defect", "dirt", None),
        (third, "confirmed_defect", None, "at the rim"),
        (fourth, "unsure", None, None),
    ]
    keys.press("z")
    at(page, fourth)
    expect(page.locator("#say")).to_contain_text("Undone")
    assert said(ledger, 5)[-1] == (fourth, "withdrawn", None, None)
    keys.press("z")
    at(page, third)
    expect(page.locator("#note")).to_have_value("at the rim")
    keys.press("3")
    expect(page.locator("#say")).to_contain_text("No kind of defect has this number")
    keys.press("?")
    expect(page.locator("#keys")).to_contain_text("Defect: scratch")
    keys.press("Escape")
    assert page.evaluate("window.sameDocument") is True


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (820, 1180)])
def test_what_the_page_says_covers_neither_verdicts_nor_note(
    ledger: Ledger, address: str, watched: Watched, width: int, height: int
) -> None:
    page = watched.page
    page.set_viewport_size({"width": width, "height": height})
    page.goto(f"{address}/frames/{ledger.add_defect()}")
    page.evaluate("import('/static/page.js').then(({ say }) => say('word '.repeat(30), 'Undo', () => {}))")
    expect(page.locator("#say")).to_be_visible()
    said = page.locator("#say").bounding_box()
    for covered in (".verdicts", ".top .rooms"):
        box = page.locator(covered).bounding_box()
        assert said is not None
        assert box is not None
        assert said["y"] >= box["y"] + box["height"] or box["y"] >= said["y"] + said["height"], covered


def test_the_key_of_a_kind_says_that_none_are_listed(ledger: Ledger, address: str, watched: Watched) -> None:
    frame = ledger.add_defect()
    watched.page.goto(f"{address}/frames/{frame}")
    at(watched.page, frame)
    watched.page.keyboard.press("1")
    expect(watched.page.locator("#say")).to_contain_text("No kinds of defect are listed yet")
    at(watched.page, frame)


def test_a_decision_brings_the_next_frame_with_its_pictures_within_a_tenth_of_a_second(
    ledger: Ledger, address: str, watched: Watched
) -> None:
    for _ in range(8):
        last = ledger.add_defect()
    page = watched.page
    page.goto(f"{address}/frames/{last}")
    page.evaluate("""() => {
      window.took = [];
      addEventListener("keydown", () => { window.pressed = performance.now(); }, true);
      new MutationObserver(() => {
        const images = [...document.querySelectorAll("#frame img")];
        const shown = Promise.all(images.map((image) => image.decode()));
        shown.then(() => window.took.push(performance.now() - window.pressed));
      }).observe(document.querySelector("main"), { childList: true });
    }""")
    for number in range(1, 7):
        page.wait_for_timeout(350)  # a person looks
        page.keyboard.press("f")
        wait_for(page, f"window.took.length === {number}")
    took = sorted(page.evaluate("window.took"))
    assert took[len(took) // 2] < MOST_MS * slowness(), took
    said(ledger, 6)


def test_a_changed_mind_and_a_refused_undo_do_not_jam_the_undo_key(
    ledger: Ledger, address: str, watched: Watched
) -> None:
    _, second, first = (ledger.add_defect() for _ in range(3))
    page, keys = watched.page, watched.page.keyboard
    page.goto(f"{address}/frames/{first}")
    keys.press("u")
    at(page, second)
    keys.press("d")
    said(ledger, 2)
    page.goto(f"{address}/frames/{second}")
    keys.press("f")
    said(ledger, 3)
    for number in (4, 5):
        keys.press("z")
        expect(page.locator("#say")).to_contain_text("Undone")
        said(ledger, number)
        at(page, second)
        page.reload()
    keys.press("d")
    said(ledger, 6)
    add_reviews(ledger.engine, [second], ReviewVerdict.UNSURE, reviewer="anna", reviewed_ns=1)
    keys.press("z")
    expect(page.locator("#say")).to_contain_text("already reviewed by anna")
    keys.press("z")
    at(page, first)
    assert [row[:2] for row in said(ledger, 8)[3:]] == [
        (second, "confirmed_defect"), (second, "withdrawn"), (second, "confirmed_defect"), (second, "unsure"),
        (first, "withdrawn"),
    ]  # fmt: skip
    watched.problems = [problem for problem in watched.problems if "409" not in problem]


def test_many_cards_get_one_verdict_which_one_key_takes_back(ledger: Ledger, address: str, watched: Watched) -> None:
    ids = [ledger.add_defect() for _ in range(5)]
    page, keys = watched.page, watched.page.keyboard
    page.goto(address)
    boxes = page.locator(".card .tick input")
    boxes.nth(0).check()
    boxes.nth(2).click(modifiers=["Shift"])
    expect(page.locator("#chosen")).to_have_text("3 chosen")
    page.locator("#batch [data-say=false_alarm]").click()
    expect(page.locator(".card")).to_have_count(2)
    assert [row[:2] for row in said(ledger, 3)] == [(frame, "false_alarm") for frame in ids[:1:-1]]
    expect(page.locator("#queue-counts .waiting")).to_have_text("2")
    page.locator(".card .picture").first.focus()
    keys.press("x")
    expect(page.locator("#chosen")).to_have_text("1 chosen")
    keys.press("a")
    keys.press("u")
    expect(page.locator("#nothing")).to_be_visible()
    said(ledger, 5)
    keys.press("z")
    expect(page.locator(".card")).to_have_count(2)


def test_after_a_batch_the_queue_refills_from_the_record_and_its_counts_are_right(
    ledger: Ledger, address: str, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.review.pages.CARDS", 3)
    kept, *_ = [ledger.add_defect() for _ in range(5)]
    page, keys = watched.page, watched.page.keyboard
    page.goto(f"{address}/?camera=top")
    expect(page.locator(".card")).to_have_count(3)
    keys.press("a")
    keys.press("f")
    expect(page.locator(".card")).to_have_count(2)
    expect(page.locator("#nothing")).to_be_hidden()
    expect(page.locator("[rel=next]")).to_have_count(0)
    for counted in ("#queue-counts .waiting strong", "#queue-outcomes small >> nth=0"):
        expect(page.locator(counted)).to_have_text("2")
    expect(page.locator("#start")).to_have_attribute("href", re.compile(f"/frames/{kept + 1}"))
    keys.press("a")
    keys.press("d")
    expect(page.locator("#nothing")).to_be_visible()
    expect(page.locator("#start")).to_be_hidden()


def test_two_browsers_on_one_frame_never_overwrite_each_other(
    ledger: Ledger, address: str, watched: Watched, browser: Browser
) -> None:
    frame = ledger.add_defect()
    page = watched.page
    page.goto(f"{address}/frames/{frame}")
    page.route("**/events*", lambda route: route.abort())  # the news is late
    page.reload()
    other = browser.new_page()
    other.goto(f"{address}/frames/{frame}")
    other.keyboard.press("d")
    expect(other.locator("#done")).to_be_visible()
    said(ledger, 1)
    page.keyboard.press("f")
    expect(page.locator("#say")).to_contain_text("Already reviewed by local operator as confirmed defect")
    expect(page.locator(".said")).to_contain_text("Confirmed defect")
    assert len(said(ledger, 1)) == 1
    page.locator("#say button").click()
    assert [row[1] for row in said(ledger, 2)] == ["confirmed_defect", "false_alarm"]
    other.close()
    watched.problems = [problem for problem in watched.problems if "ERR_" not in problem and "409" not in problem]


def test_what_another_says_is_told_at_once_and_its_card_goes(
    ledger: Ledger, address: str, watched: Watched, browser: Browser
) -> None:
    kept, frame = ledger.add_defect(), ledger.add_defect()
    watched.page.goto(f"{address}/frames/{frame}")
    queue = browser.new_page()
    queue.goto(address)
    for page in (watched.page, queue):
        expect(page.locator("#link")).to_have_text("Live")
    add_reviews(ledger.engine, [frame], ReviewVerdict.FALSE_ALARM, reviewer="anna", reviewed_ns=1)
    expect(watched.page.locator("#say")).to_contain_text("anna just said of this frame: false alarm")
    expect(queue.locator(".card")).to_have_count(1)
    expect(queue.locator(".card")).to_have_attribute("data-id", str(kept))
    queue.close()


def test_new_cards_come_under_a_filter_only_if_they_fit(ledger: Ledger, address: str, watched: Watched) -> None:
    ledger.add_defect(camera="left")
    page = watched.page
    page.goto(f"{address}/?camera=right")
    expect(page.locator("#link")).to_have_text("Live")
    ledger.add_defect(camera="left")
    fitting = ledger.add_defect(camera="right")
    expect(page.locator(".card")).to_have_count(1)
    expect(page.locator(".card")).to_have_attribute("data-id", str(fitting))
    expect(page.locator("#queue-counts .waiting")).to_contain_text("1 of 3")


def test_back_leads_to_the_frame_before_and_shows_what_was_said(ledger: Ledger, address: str, watched: Watched) -> None:
    second, first = ledger.add_defect(), ledger.add_defect()
    page = watched.page
    page.goto(f"{address}/?order=worst")
    page.goto(f"{address}/frames/{first}?order=worst")
    page.keyboard.press("f")
    at(page, second)
    said(ledger, 1)
    page.go_back()
    at(page, first)
    expect(page.locator(".said")).to_contain_text("False alarm")
    page.go_forward()
    at(page, second)
    page.go_back()
    page.go_back()
    expect(page.locator(".card")).to_have_count(1)


def test_a_verdict_that_cannot_be_sent_brings_its_frame_back_with_the_reason(
    ledger: Ledger, address: str, watched: Watched
) -> None:
    second, first = ledger.add_defect(), ledger.add_defect()
    page = watched.page
    page.goto(f"{address}/frames/{first}")
    page.route("**/api/v1/reviews", lambda route: route.abort())
    page.keyboard.press("n")
    page.keyboard.type("glare")
    page.keyboard.press("Enter")
    page.keyboard.press("f")
    expect(page.locator("#say")).to_contain_text("nothing was changed")
    at(page, first)
    expect(page.locator("#note")).to_have_value("glare")
    page.unroute("**/api/v1/reviews")
    page.keyboard.press("f")
    at(page, second)
    assert said(ledger, 1) == [(first, "false_alarm", None, "glare")]
    watched.problems = [problem for problem in watched.problems if "ERR_" not in problem]


def test_a_refusal_that_comes_before_the_next_frame_does_keeps_its_frame(
    ledger: Ledger, address: str, watched: Watched
) -> None:
    second, first = ledger.add_defect(), ledger.add_defect()
    page = watched.page
    held: list[Route] = []
    page.route(f"**/frames/{second}/review*", lambda route: held.append(route))
    page.route("**/api/v1/reviews", lambda route: route.abort())
    page.goto(f"{address}/frames/{first}")
    page.keyboard.press("f")
    expect(page.locator("#say")).to_contain_text("nothing was changed")
    for route in held:
        route.continue_()
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(500)
    at(page, first)
    watched.problems = [problem for problem in watched.problems if "ERR_" not in problem]


def test_a_queue_from_before_a_verdict_brings_no_decided_frame_back(
    ledger: Ledger, address: str, watched: Watched
) -> None:
    second, first = ledger.add_defect(), ledger.add_defect()
    page = watched.page
    verdicts: list[Route] = []
    queues: list[tuple[Route, APIResponse]] = []
    page.route("**/api/v1/reviews", lambda route: verdicts.append(route))
    page.route("**/api/v1/queue*", lambda route: queues.append((route, route.fetch())))
    page.goto(f"{address}/frames/{first}")
    page.keyboard.press("d")
    at(page, second)
    page.keyboard.press("u")

    def queue_was_asked() -> bool:
        page.wait_for_timeout(20)  # in it the routes above are called
        return bool(queues)

    wait_until(queue_was_asked, timeout_s=20)
    for number, route in enumerate(verdicts, start=1):
        route.continue_()
        assert len(said(ledger, number)) == number
    page.wait_for_timeout(300)  # the page has heard that both are in the record
    for route, answer in queues:
        assert [frame["id"] for frame in answer.json()["frames"]] == [first, second]
        route.fulfill(response=answer)
    expect(page.locator("#done")).to_be_visible()


def test_script_in_a_note_a_kind_and_a_name_is_text(ledger: Ledger, address: str, watched: Watched) -> None:
    frame, other = ledger.add_defect(), ledger.add_defect()
    with unit_of_work(ledger.engine) as session:
        add_kind(session, SCRIPT, added_by=SCRIPT, added_ns=1)
    add_reviews(ledger.engine, [frame], ReviewVerdict.UNSURE, reviewer=SCRIPT, reviewed_ns=1, kind=SCRIPT, note=SCRIPT)
    page = watched.page
    page.goto(f"{address}/frames/{other}")
    page.wait_for_timeout(300)
    page.goto(f"{address}/frames/{frame}")
    expect(page.locator(".reviews q")).to_have_text(SCRIPT)
    expect(page.locator(".said")).to_contain_text(SCRIPT)
    page.goto(f"{address}/kinds")
    expect(page.locator("tbody th")).to_have_text(SCRIPT)
    assert page.evaluate("window.stolen") is None


def test_map_boxes_and_zoom_have_keys_and_the_choice_stays(ledger: Ledger, address: str, watched: Watched) -> None:
    second, first = ledger.add_defect(), ledger.add_defect()
    page = watched.page
    page.goto(f"{address}/frames/{first}")
    page.locator("#opacity").fill("0.3")
    page.locator("#frame h1").click()
    page.keyboard.press("b")
    page.keyboard.press("+")
    expect(page.locator(".sheet")).to_have_class("sheet zoomed")
    page.keyboard.press("j")
    at(page, second)
    expect(page.locator(".sheet")).to_have_class("sheet")
    expect(page.locator(".boxes")).to_be_hidden()
    assert page.locator(".heat").evaluate("image => getComputedStyle(image).opacity") == "0.3"
    page.keyboard.press("h")
    expect(page.locator(".heat")).to_be_hidden()
    expect(page.locator("#heat-toggle")).to_have_attribute("aria-pressed", "false")


def passed(ledger: Ledger) -> int:
    """A passed part that was drawn for the audit."""
    columns: dict[str, Any] = JUDGED | {"score": 0.1234}
    return ledger.add("ok", picture=grey_picture(), anomaly_map=map_with_spot(), audit_rate=0.5, **columns)


@pytest.mark.usefixtures("kinds")
def test_passed_parts_are_judged_blind_by_keys_alone(ledger: Ledger, address: str, watched: Watched) -> None:
    frames = {passed(ledger) for _ in range(4)}
    page, keys, asked = watched.page, watched.page.keyboard, []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{address}/audit")
    for number, key in enumerate("gd1u", 1):
        expect(page.locator("#waiting")).to_have_text(str(5 - number))
        for secret in ("0.123", "heatmap", 'class="boxes"', "threshold", "score", "outcome"):
            assert secret not in page.content()
        keys.press(key)
        said(ledger, number)
    expect(page.locator("#nothing")).to_be_visible()
    rows = said(ledger, 4)
    assert {row[0] for row in rows} == frames
    assert [row[1:3] for row in rows] == [
        ("confirmed_ok", None), ("confirmed_defect", None), ("confirmed_defect", "scratch"), ("unsure", None),
    ]  # fmt: skip
    assert not [url for url in asked if "heatmap" in url or ("/frames/" in url and "/picture" not in url)]
    page.goto(f"{address}/audit/estimates")
    expect(page.locator(".panel").first).to_contain_text("66.7 %")


@pytest.mark.usefixtures("kinds")
@pytest.mark.parametrize(("width", "height"), [(1280, 800), (820, 1180)])
def test_axe_finds_no_serious_fault_and_everything_fits_and_can_be_hit(
    ledger: Ledger, address: str, watched: Watched, width: int, height: int
) -> None:
    ledger.add_defect(camera="left")
    frame = ledger.add_defect(nearest_reference="00.png", nearest_distance=0.2, head_scores={"text": 0.9})
    add_reviews(ledger.engine, [frame], ReviewVerdict.UNSURE, reviewer="anna", reviewed_ns=1, note="glare")
    passed(ledger)
    with unit_of_work(ledger.engine) as session:
        set_rate(session, "pcb", 0.5, set_by="meister", set_ns=1)
    page = watched.page
    page.set_viewport_size({"width": width, "height": height})
    for path in ("/", f"/frames/{frame}", "/kinds", "/audit", "/audit/estimates"):
        page.goto(address + path)
        faults = [
            (path, fault["id"], [node["html"] for node in fault["nodes"]])
            for fault in Axe().run(page).response["violations"]
            if fault["impact"] in ("serious", "critical")
        ]
        if "frames" in path:
            expect(page.locator(".heads thead")).to_be_visible()
        assert faults == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        for target in page.locator("a:visible, button:visible, summary:visible, label.tick:visible").all():
            box = target.bounding_box()
            assert box is not None
            assert min(box["width"], box["height"]) >= 44, f"{path}: {target.inner_text()}"
