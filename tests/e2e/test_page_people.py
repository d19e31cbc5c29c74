"""People in a real browser, over HTTPS: signing in and out, what each role sees, and what a forger gets."""

import http.client
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect
from sqlalchemy import delete

from dashboard.people.attempts import MOST_FOR_ACCOUNT
from dashboard.people.person import Person
from edge.ledger.people import Role, SignIn, record_event
from edge.ledger.record import open_engine, unit_of_work
from edge.settings import Settings
from tests.browser import serving
from tests.certificate import make_certificate
from tests.page_client import PASSWORD, add_people

SCRIPT = "<img src=x onerror=window.hit=1>"
SMALLEST_TARGET_PX = 44


@dataclass(frozen=True, slots=True)
class Plant:
    """A page over HTTPS with an admin anna and an operator olga, and a browser's page for it."""

    address: str
    data: Path
    page: Page

    def sign_in(self, name: str, password: str = PASSWORD, path: str = "/") -> None:
        self.page.goto(self.address + path)
        self.page.get_by_label("Name").fill(name)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_load_state()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def plant(tmp_path: Path, browser: Browser, certificate: dict[str, str]) -> Iterator[Plant]:
    data = tmp_path / "data"
    add_people(Settings(data=data).database, anna=Role.ADMIN, olga=Role.OPERATOR)
    problems: list[str] = []
    with serving(data, page_host="0.0.0.0", **certificate) as address:
        context = browser.new_context(ignore_https_errors=True, viewport={"width": 1280, "height": 800})
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        yield Plant(address, data, page)
        context.close()
    assert [problem for problem in problems if "the server responded with a status of" not in problem] == []


def test_person_signs_in_comes_to_where_they_wanted_and_signs_out(plant: Plant) -> None:
    page = plant.page
    plant.sign_in("olga", path="/?outcome=unsure")
    expect(page).to_have_url(f"{plant.address}/?outcome=unsure")
    expect(page.locator(".whoami")).to_contain_text("olga")
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(f"{plant.address}/sign-in")
    page.go_back()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.locator(".whoami")).to_have_count(0)


def test_wrong_password_is_said_and_one_try_too_many_too(plant: Plant) -> None:
    page = plant.page
    plant.sign_in("olga", "wrong password")
    expect(page.get_by_role("alert")).to_have_text("Name or password is wrong.")
    expect(page.get_by_label("Name")).to_have_value("olga")
    expect(page.get_by_label("Password")).to_have_value("")
    for _ in range(MOST_FOR_ACCOUNT - 1):
        form = {"name": "olga", "password": "wrong"}
        assert page.request.post(f"{plant.address}/sign-in", form=form).status == 401
    plant.sign_in("olga")
    expect(page.get_by_role("alert")).to_contain_text("Too many tries. Wait 15 minutes")


def test_operator_sees_neither_people_nor_a_way_to_them(plant: Plant) -> None:
    plant.sign_in("olga", path="/people")
    expect(plant.page.locator("main")).to_contain_text("This needs the role admin; olga is an operator.")
    expect(plant.page.get_by_role("link", name="People", exact=True)).to_have_count(0)


def test_forged_token_changes_nothing_and_says_so(plant: Plant) -> None:
    page = plant.page
    plant.sign_in("anna", path="/people")
    expect(page.locator("#new-account")).to_be_visible()
    page.evaluate("document.querySelector('meta[name=csrf]').content = '0'.repeat(64)")
    add_person(page, "eve")
    expect(page.locator("#say")).to_contain_text("did not come from a page of ours")
    page.reload()
    expect(page.locator("tr[data-account]")).to_have_count(2)


def test_sign_in_form_of_another_site_does_not_come_through(plant: Plant) -> None:
    page = plant.page
    plant.sign_in("anna")
    expect(page.locator(".whoami")).to_contain_text("anna")
    fields = f'<input name="name" value="olga"><input name="password" value="{PASSWORD}">'
    forged = f'<form method="post" action="{plant.address}/sign-in">{fields}<button>Win</button></form>'
    page.route("https://evil.example/**", lambda route: route.fulfill(body=forged, content_type="text/html"))
    page.goto("https://evil.example/")
    page.get_by_role("button", name="Win").click()
    expect(page.locator("main")).to_contain_text("did not come from a page of ours")
    page.goto(plant.address)
    expect(page.locator(".whoami")).to_contain_text("anna")


def test_all_of_the_log_is_seen_on_a_tablet(plant: Plant) -> None:
    engine = open_engine(Settings(data=plant.data).database, writes=True)
    with unit_of_work(engine) as session:
        actor = Person("hans-peter.meister", Role.ADMIN, "192.168.100.117")
        record_event(session, actor, "sent a forged request", "POST /api/v1/accounts/17/password " * 3)
    engine.dispose()
    plant.page.set_viewport_size({"width": 820, "height": 1180})
    plant.sign_in("anna", path="/people")
    table = plant.page.get_by_role("region", name="List of events")
    expect(table).to_contain_text("192.168.100.117")
    assert table.evaluate("table => table.scrollWidth <= table.clientWidth")


def seen(page: Page, where: Locator) -> None:
    """It is on the page that has loaded itself anew, whose script comes after its text."""
    expect(where).to_be_visible()
    page.wait_for_load_state()


def add_person(page: Page, name: str) -> None:
    form = page.locator("#new-account")
    form.get_by_label("Name").fill(name)
    form.get_by_label("Password").fill(PASSWORD)
    form.get_by_role("button", name="Add").click()


def test_admin_manages_people_and_a_script_in_a_name_stays_text(plant: Plant) -> None:
    page = plant.page
    plant.sign_in("anna", path="/people")
    add_person(page, SCRIPT)
    row = page.locator("tr[data-account]", has_text=SCRIPT)
    seen(page, row)
    row.get_by_role("combobox").select_option("engineer")
    seen(page, page.locator(".log tbody tr").first.get_by_text("operator to engineer"))
    row.get_by_role("button", name="New password").click()
    page.locator("#give-form").get_by_label("Password").fill("another password")
    page.get_by_role("button", name="Give").click()
    expect(page.locator("#say")).to_contain_text(f"{SCRIPT} has a new password")
    row.get_by_role("button", name="Disable").click()
    expect(row).to_contain_text("Disabled")
    assert page.evaluate("window.hit") is None


def test_token_is_shown_once_and_works_until_it_is_revoked(plant: Plant) -> None:
    page = plant.page
    plant.sign_in("anna", path="/people")
    page.get_by_label("Program").fill("MES")
    page.get_by_role("button", name="Make token").click()
    expect(page.locator("#made-token")).to_be_visible()
    headers = {"Authorization": f"Bearer {page.locator('#secret').input_value()}"}
    page.get_by_role("button", name="Done").click()
    row = page.locator("tr[data-token]", has_text="MES")
    seen(page, row)
    expect(page.locator("#secret")).to_have_value("")
    me = f"{plant.address}/api/v1/me"
    assert page.request.get(me, headers=headers).json()["name"] == "MES (token)"
    row.get_by_role("button", name="Revoke").click()
    expect(row).to_contain_text("Revoked")
    assert page.request.get(me, headers=headers).status == 401


def test_own_password_is_changed_and_asked_for_again(plant: Plant) -> None:
    page = plant.page
    plant.sign_in("olga", path="/me")
    page.get_by_label("Current password").fill(PASSWORD)
    page.get_by_label("New password").fill("another password")
    page.get_by_role("button", name="Change password").click()
    expect(page).to_have_url(f"{plant.address}/sign-in")
    plant.sign_in("olga", "another password")
    expect(page.locator(".whoami")).to_contain_text("olga")


def test_live_page_ends_with_its_sign_in(plant: Plant) -> None:
    page = plant.page
    plant.sign_in("olga")
    expect(page.locator("#link")).to_have_text("Live")
    engine = open_engine(Settings(data=plant.data).database, writes=True)
    with unit_of_work(engine) as session:
        session.execute(delete(SignIn))
    engine.dispose()
    page.wait_for_url(f"{plant.address}/sign-in*", timeout=15_000)


@pytest.mark.parametrize("signed_in", [False, True])
def test_no_path_leads_out_of_the_page(plant: Plant, signed_in: bool) -> None:
    headers = {}
    if signed_in:
        plant.sign_in("anna")
        expect(plant.page.locator(".whoami")).to_be_visible()
        headers["Cookie"] = "; ".join(f"{c['name']}={c['value']}" for c in plant.page.context.cookies())
    up = [
        "/static/../",
        "/static/%2e%2e/",
        "/static/..%2f",
        "/static/..%5c",
        "/static/%2e%2e%2f%2e%2e%2f",
        "/static//",
        "/../",
    ]
    for path in [start + end for start in up for end in ("app.py", "record.sqlite", "etc/passwd", f"{plant.data}/x")]:
        answer = raw_get(plant.address, path, headers)
        assert answer[0] in (400, 401, 404), path
        assert b"create_app" not in answer[1] and b"SQLite format" not in answer[1] and b"root:" not in answer[1]


def raw_get(address: str, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
    """As no browser asks: the path as it is."""
    unsigned = ssl._create_unverified_context()
    connection = http.client.HTTPSConnection(urlsplit(address).netloc, context=unsigned, timeout=10)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (820, 1180)])
def test_pages_of_people_are_reachable_for_everybody(plant: Plant, width: int, height: int) -> None:
    page = plant.page
    page.set_viewport_size({"width": width, "height": height})
    page.goto(f"{plant.address}/sign-in")
    check_reach(page, width)
    plant.sign_in("anna", path="/people")
    page.get_by_label("Program").fill("MES")
    page.get_by_role("button", name="Make token").click()
    expect(page.locator("#made-token")).to_be_visible()
    check_reach(page, width)
    for path in ("/people", "/people/log", "/me", "/api/v1/docs", "/nowhere"):
        page.goto(plant.address + path)
        check_reach(page, width)


def check_reach(page: Page, width: int) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= width, page.url
    found: list[dict[str, Any]] = Axe().run(page).response["violations"]
    assert [(each["id"], each["nodes"][0]["html"]) for each in found] == [], page.url
    for target in page.locator("button:visible, input:visible, select:visible, nav a:visible").all():
        box = target.bounding_box()
        assert box is not None
        assert box["height"] >= SMALLEST_TARGET_PX, f"{page.url}: {target.evaluate('e => e.outerHTML')}"
