"""Who may do what on a page that others can reach: sign-in, roles, CSRF, tokens, the log, and that nothing is open."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from dashboard.people import cookie, passwords
from dashboard.people.access import UNSAFE
from dashboard.people.attempts import MOST_FOR_ACCOUNT
from dashboard.people.csrf import HEADER
from dashboard.people.person import Needs
from edge.ledger.accounts import account_named
from edge.ledger.people import Account, AuditEvent, Role, SignIn
from edge.settings import Settings
from tests.page_client import LOOPBACK, PASSWORD, Plant, page_client, plant_page

NEW = "a new password"
HTML = {"accept": "text/html"}
OPEN = {"/sign-in", "/healthz", "/readyz"}


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Plant]:
    with plant_page(tmp_path / "data", anna=Role.ADMIN, emil=Role.ENGINEER, olga=Role.OPERATOR) as plant:
        yield plant


def events(plant: Plant) -> list[tuple[str, str, str]]:
    with plant.record() as session:
        return [(e.who, e.what, e.about) for e in session.scalars(select(AuditEvent).order_by(AuditEvent.id))]


def sign_in(client: TestClient, name: str, password: str = PASSWORD, **form: str) -> int:
    return client.post("/sign-in", data={"name": name, "password": password, **form}).status_code


def account_id(plant: Plant, name: str) -> int:
    with plant.record() as session:
        account = account_named(session, name)
        assert account is not None
        return account.id


def routes(plant: Plant) -> list[tuple[str, str, object]]:
    """(method, path with its parameters filled in, route) of everything that the page answers to."""
    found = []
    for route in iter_route_contexts(plant.app.routes):
        path = (route.path or "").replace(":int", "").replace(":path", "")
        while "{" in path:
            path = path.partition("{")[0] + "1" + path.partition("}")[2]
        found += [(method, path, route) for method in sorted(route.methods or {"GET"})]
    return found


def test_every_route_is_closed_to_strangers_but_sign_in_health_and_static_files(plant: Plant) -> None:
    client = plant.stranger()
    asked = routes(plant)
    assert len({path for _, path, _ in asked}) > 15
    answers = {(method, path): client.request(method, path).status_code for method, path, _ in asked}
    still_open = {path for (_, path), status in answers.items() if status not in (401, 404, 405)}
    assert still_open - {"/static"} == OPEN
    assert client.get("/nothing/there").status_code == 401
    assert client.get("/static/page.css").status_code == 200


def test_a_program_on_this_machine_is_told_to_send_a_token(client: TestClient) -> None:
    del client.headers[HEADER]
    answer = client.post("/api/v1/reviews", json={})
    assert answer.status_code == 403
    assert "Authorization: Bearer TOKEN" in answer.json()["detail"]


def test_every_write_is_closed_without_its_csrf_token_and_asks_for_a_role(plant: Plant) -> None:
    client = plant.signed_in("anna")
    del client.headers[HEADER]
    writes = [(method, path, route) for method, path, route in routes(plant) if method in UNSAFE and path not in OPEN]
    assert len(writes) > 5
    for method, path, route in writes:
        assert client.request(method, path, json={}).status_code == 403, path
        needs = [each.call for each in route.dependant.dependencies if isinstance(each.call, Needs)]  # type: ignore[attr-defined]
        assert len(needs) == 1, f"{method} {path} names no role"


def test_people_are_led_to_the_sign_in_page_and_back_and_programs_get_the_status(plant: Plant) -> None:
    client = plant.stranger()
    answer = client.get("/frames/3?x=1", headers=HTML)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=%2Fframes%2F3%3Fx%3D1")
    assert client.get("/api/v1/counts").status_code == 401
    assert client.get("/api/v1/counts").headers["www-authenticate"] == "Bearer"
    back = client.post("/sign-in", data={"name": "olga", "password": PASSWORD, "next": "/frames/3?x=1"})
    assert (back.status_code, back.headers["location"]) == (303, "/frames/3?x=1")
    assert client.get("/api/v1/me").json()["name"] == "olga"
    assert client.get("/sign-in?next=/people").headers["location"] == "/people"


def test_health_tells_strangers_nothing_but_that_the_page_is_up(plant: Plant) -> None:
    assert plant.stranger().get("/healthz").json() == {"page": "ok"}


def test_cookie_is_out_of_reach_of_scripts_other_sites_and_unencrypted_ways(plant: Plant) -> None:
    client = plant.stranger()
    made = client.post("/sign-in", data={"name": "olga", "password": PASSWORD}).headers["set-cookie"].lower()
    assert cookie.NAME.startswith("__Host-")
    for word in ("httponly", "secure", "samesite=strict", "path=/", "max-age=43200"):
        assert word in made
    with plant.record() as session:
        row = session.scalars(select(SignIn)).one()
        assert client.cookies[cookie.NAME] not in (row.token_sha256, str(row.__dict__))


@pytest.mark.parametrize("form", [("olga", "wrong password"), ("nobody", PASSWORD), ("", ""), ("olga", "")])
def test_wrong_name_and_wrong_password_are_answered_alike(plant: Plant, form: tuple[str, str]) -> None:
    client = plant.stranger()
    answer = client.post("/sign-in", data={"name": form[0], "password": form[1]})
    assert answer.status_code == 401
    assert "Name or password is wrong." in answer.text
    assert cookie.NAME not in client.cookies
    assert form[1] == "" or form[1] not in answer.text
    logged = events(plant)[-1]
    assert logged[0] == ("olga" if form[0] == "olga" else "unknown name")


def test_unknown_name_costs_a_hash_too() -> None:
    assert not passwords.is_right(None, "nobody's password")


def test_sign_in_makes_an_old_hash_anew(plant: Plant) -> None:
    assert sign_in(plant.stranger(), "olga") == 303
    with plant.record() as session:
        renewed = account_named(session, "olga")
        assert renewed is not None
        assert not passwords.is_outdated(renewed.password_hash)
        assert passwords.is_right(renewed.password_hash, PASSWORD)


def test_one_try_too_many_is_refused_even_with_the_right_password_and_other_accounts_are_not(plant: Plant) -> None:
    client = plant.stranger()
    assert [sign_in(client, "olga", "wrong") for _ in range(MOST_FOR_ACCOUNT)] == [401] * MOST_FOR_ACCOUNT
    answer = client.post("/sign-in", data={"name": "Olga", "password": PASSWORD})
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= 900
    assert sign_in(client, "emil") == 303


def test_long_form_is_refused_before_it_is_read(plant: Plant) -> None:
    assert plant.stranger().post("/sign-in", content=b"name=" + b"x" * 9000).status_code == 413
    chunked = iter([b"name=olga"])
    assert plant.stranger().post("/sign-in", content=chunked).status_code == 413


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "same-origin", "origin": "https://page.plant"}, 303),
        ({"origin": "https://page.plant"}, 303),
    ],
)
def test_sign_in_form_is_taken_from_our_own_page_alone(plant: Plant, headers: dict[str, str], status: int) -> None:
    form = {"name": "olga", "password": PASSWORD}
    assert plant.stranger().post("/sign-in", data=form, headers=headers).status_code == status


def test_forged_write_is_refused_and_logged(plant: Plant) -> None:
    client = plant.signed_in("anna")
    new = {"name": "eve", "role": "admin", "password": NEW}
    other = plant.signed_in("emil").headers[HEADER]
    for headers in ({HEADER: ""}, {HEADER: "0" * 64}, {HEADER: other}, {"sec-fetch-site": "cross-site"}):
        assert client.post("/api/v1/accounts", json=new, headers=headers).status_code == 403
    assert events(plant)[-1] == ("anna", "sent a forged request", "POST /api/v1/accounts")
    with plant.record() as session:
        assert account_named(session, "eve") is None
    assert client.post("/api/v1/accounts", json=new).status_code == 201


@pytest.mark.parametrize("name", ["olga", "emil"])
def test_role_that_is_too_low_is_told_so_and_the_log_knows(plant: Plant, name: str) -> None:
    client = plant.signed_in(name)
    for path in ("/people", "/people/log", "/api/v1/accounts", "/api/v1/tokens", "/api/v1/log"):
        assert client.get(path).status_code == 403
    answer = client.post("/api/v1/accounts", json={"name": "eve", "role": "admin", "password": NEW})
    assert answer.status_code == 403
    assert f"needs the role admin; {name} is an" in answer.json()["detail"]
    assert events(plant)[-1] == (name, "was refused", "POST /api/v1/accounts")
    assert 'href="/people"' not in client.get("/me").text


def test_sign_out_ends_the_sign_in_itself_not_only_the_cookie(plant: Plant) -> None:
    client = plant.signed_in("olga")
    secret = client.cookies[cookie.NAME]
    assert client.delete("/api/v1/me/sign-in").status_code == 204
    thief = plant.stranger()
    thief.cookies.set(cookie.NAME, secret)
    assert thief.get("/api/v1/me").status_code == 401
    assert events(plant)[-1][:2] == ("olga", "signed out")


def test_sign_in_runs_out(plant: Plant) -> None:
    client = plant.signed_in("olga")
    assert client.get("/api/v1/me").status_code == 200
    with plant.record() as session:
        session.execute(text("UPDATE sign_in SET ends_ns = began_ns + 1"))
    assert client.get("/api/v1/me").status_code == 401


def test_disabled_account_is_out_at_once_and_stays_out_until_it_is_enabled(plant: Plant) -> None:
    admin, olga, address = plant.signed_in("anna"), plant.signed_in("olga"), account_id(plant, "olga")
    assert admin.patch(f"/api/v1/accounts/{address}", json={"disabled": True}).json()["disabled_at"]
    assert olga.get("/api/v1/me").status_code == 401
    assert sign_in(plant.stranger(), "olga") == 401
    assert admin.patch(f"/api/v1/accounts/{address}", json={"disabled": False}).json()["disabled_at"] is None
    assert olga.get("/api/v1/me").status_code == 401
    assert sign_in(plant.stranger(), "olga") == 303


def test_changed_role_counts_from_the_next_request(plant: Plant) -> None:
    admin, olga, olgas = plant.signed_in("anna"), plant.signed_in("olga"), account_id(plant, "olga")
    admin.patch(f"/api/v1/accounts/{olgas}", json={"role": "admin"})
    assert olga.get("/people").status_code == 200
    olga.patch(f"/api/v1/accounts/{account_id(plant, 'anna')}", json={"role": "operator"})
    assert admin.get("/people").status_code == 403


def test_last_admin_stays(plant: Plant) -> None:
    admin, address = plant.signed_in("anna"), f"/api/v1/accounts/{account_id(plant, 'anna')}"
    for change in ({"role": "engineer"}, {"disabled": True}):
        answer = admin.patch(address, json=change)
        assert answer.status_code == 409
        assert "last admin" in answer.json()["detail"]
    assert admin.get("/people").status_code == 200


def test_new_password_from_an_admin_ends_what_the_old_one_began(plant: Plant) -> None:
    admin, olga = plant.signed_in("anna"), plant.signed_in("olga")
    address = f"/api/v1/accounts/{account_id(plant, 'olga')}/password"
    assert admin.put(address, json={"password": "short"}).status_code == 422
    assert olga.get("/api/v1/me").status_code == 200
    assert admin.put(address, json={"password": NEW}).status_code == 204
    assert olga.get("/api/v1/me").status_code == 401
    assert sign_in(plant.stranger(), "olga") == 401
    assert sign_in(plant.stranger(), "olga", NEW) == 303


def test_own_password_needs_the_current_one_and_signs_out_everywhere(plant: Plant) -> None:
    here, there = plant.signed_in("olga"), plant.signed_in("olga")
    wrong = here.put("/api/v1/me/password", json={"current": "wrong", "password": NEW})
    assert (wrong.status_code, wrong.json()["detail"]) == (403, "The current password is wrong.")
    assert here.put("/api/v1/me/password", json={"current": PASSWORD, "password": "short"}).status_code == 422
    assert here.put("/api/v1/me/password", json={"current": PASSWORD, "password": NEW}).status_code == 204
    assert [client.get("/api/v1/me").status_code for client in (here, there)] == [401, 401]
    assert sign_in(plant.stranger(), "olga", NEW) == 303


def test_token_works_by_its_role_without_csrf_is_shown_once_and_ends_when_revoked(plant: Plant) -> None:
    admin = plant.signed_in("anna")
    made = admin.post("/api/v1/tokens", json={"name": "MES", "role": "engineer"}).json()
    program = plant.stranger(authorization=f"Bearer {made['secret']}")
    assert program.get("/api/v1/me").json() == {"name": "MES (token)", "role": "engineer", "csrf": None}
    assert program.post("/api/v1/accounts", json={}).status_code in (403, 422)
    assert program.get("/api/v1/tokens").status_code == 403
    assert made["secret"] not in admin.get("/people").text + admin.get("/api/v1/tokens").text
    with plant.record() as session:
        kept = session.execute(text("SELECT * FROM api_token")).one()
        assert made["secret"] not in map(str, kept)
    assert admin.delete(f"/api/v1/tokens/{made['id']}").status_code == 204
    assert program.get("/api/v1/me").status_code == 401
    assert admin.post("/api/v1/tokens", json={"name": "MES", "role": "operator"}).status_code == 409


def test_wrong_token_is_refused_whatever_cookie_comes_with_it(plant: Plant) -> None:
    client = plant.signed_in("anna")
    assert client.get("/api/v1/me", headers={"authorization": "Bearer edge_wrong"}).status_code == 401
    assert plant.stranger(authorization="Basic YW5uYTp4").get("/api/v1/me").status_code == 401


@pytest.mark.parametrize(
    "name", ["", "  ", "local operator", "Local Operator", "x (token)", "a\tb\x00", "x" * 65, "ANNA"]
)
def test_name_that_cannot_be_or_is_taken_is_refused_in_words(plant: Plant, name: str) -> None:
    answer = plant.signed_in("anna").post("/api/v1/accounts", json={"name": name, "role": "admin", "password": NEW})
    assert answer.status_code in (409, 422)
    assert isinstance(answer.json()["detail"], str)


def test_script_in_a_name_is_shown_as_text(plant: Plant) -> None:
    script, admin = "<script>alert(1)</script>", plant.signed_in("anna")
    admin.post("/api/v1/accounts", json={"name": script, "role": "admin", "password": NEW})
    admin.post("/api/v1/tokens", json={"name": script, "role": "operator"})
    pages = [admin.get(path).text for path in ("/people", "/people/log")]
    pages.append(plant.signed_in(script).get("/me").text)
    pages.append(plant.stranger().post("/sign-in", data={"name": script, "password": "x", "next": script}).text)
    for page in pages:
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page


def test_log_is_paged_and_cannot_be_changed(plant: Plant) -> None:
    admin = plant.signed_in("anna")
    for number in range(5):
        admin.post("/api/v1/tokens", json={"name": f"t{number}", "role": "operator"})
    first = admin.get("/api/v1/log?limit=3").json()
    second = admin.get(f"/api/v1/log?limit=3&before={first['next']}").json()
    assert [e["about"][:2] for e in first["events"] + second["events"]] == ["t4", "t3", "t2", "t1", "t0"]
    assert second["next"] is None
    assert first["events"][0]["address"] == "testclient"
    for statement in ("UPDATE audit_event SET who = 'x'", "DELETE FROM audit_event"):
        with pytest.raises(IntegrityError, match="append-only"), plant.record() as session:
            session.execute(text(statement))


@pytest.mark.parametrize("host", ["evil.example", "page.plant.evil.example", "", "page.plant@evil.example"])
def test_other_name_than_the_pages_own_is_refused(plant: Plant, host: str) -> None:
    answer = plant.stranger(host=host).get("/sign-in")
    assert answer.status_code == 421
    assert "EDGE_PAGE_HOSTS" in answer.json()["detail"]


@pytest.mark.parametrize("host", ["page.plant", "PAGE.plant:8765", "10.0.0.9", "[fe80::1]:8765", "localhost"])
def test_own_names_and_bare_addresses_are_answered(plant: Plant, host: str) -> None:
    assert plant.stranger(host=host).get("/sign-in").status_code == 200


def test_unencrypted_way_around_the_proxy_is_refused(plant: Plant) -> None:
    client = TestClient(plant.app, base_url="http://page.plant", follow_redirects=False)
    assert client.post("/sign-in", data={"name": "olga", "password": PASSWORD}).status_code == 403
    assert client.get("/", headers=HTML).status_code == 403
    assert client.get("/healthz").status_code == 200


def test_answers_over_https_tell_browsers_to_stay_with_it(plant: Plant) -> None:
    headers = plant.stranger().get("/sign-in").headers
    assert headers["strict-transport-security"] == "max-age=31536000"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]


@pytest.mark.sqlite
def test_record_that_is_gone_closes_the_page(plant: Plant) -> None:
    client = plant.signed_in("anna")
    for file in plant.settings.data.glob("record.sqlite*"):
        file.unlink()
    assert client.get("/api/v1/me").status_code == 503
    assert client.get("/people").status_code == 503


def test_local_operator_needs_no_account_but_a_page_of_ours(tmp_path: Path) -> None:
    with page_client(Settings(data=tmp_path / "data")) as client:
        assert client.get("/api/v1/me").json()["role"] == "admin"
        assert f'content="{client.headers[HEADER]}"' in client.get("/me").text
        assert client.delete("/api/v1/me/sign-in").status_code == 409
        client.headers[HEADER] = "guessed"
        assert client.delete("/api/v1/me/sign-in").status_code == 403
        assert "sign-out" not in client.get("/me").text


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "10.0.0.9", "testserver"])
def test_page_led_to_loopback_under_another_name_gets_nothing(tmp_path: Path, host: str) -> None:
    with page_client(Settings(data=tmp_path / "data")) as client:
        assert client.get("/", headers={"host": host}).status_code == 421
        assert client.get("/", headers={"host": "localhost:8765"}).status_code == 200


def test_loopback_behind_an_unstated_proxy_is_refused_and_behind_a_stated_one_needs_a_sign_in(tmp_path: Path) -> None:
    with page_client(Settings(data=tmp_path / "data")) as client:
        assert "EDGE_PAGE_PROXY" in client.get("/", headers={"x-forwarded-for": "10.0.0.7"}).json()["detail"]
    with plant_page(tmp_path / "data", anna=Role.ADMIN) as plant:
        local = plant.settings.model_copy(update={"page_host": "127.0.0.1", "page_proxy": "127.0.0.1"})
    with page_client(local) as client:
        assert client.get("https://127.0.0.1/api/v1/me").status_code == 401


def test_token_counts_on_loopback_with_its_own_role(tmp_path: Path) -> None:
    with plant_page(tmp_path / "data", anna=Role.ADMIN), page_client(Settings(data=tmp_path / "data")) as client:
        made = client.post("/api/v1/tokens", json={"name": "MES", "role": "operator"}).json()
        program = TestClient(client.app, base_url=LOOPBACK, headers={"authorization": f"Bearer {made['secret']}"})
        assert program.get("/api/v1/me").json()["name"] == "MES (token)"
        assert program.post("/api/v1/tokens", json={"name": "other", "role": "admin"}).status_code == 403


def test_api_docs_list_every_operation_with_its_role_and_load_nothing(plant: Plant) -> None:
    page = plant.signed_in("olga").get("/api/v1/docs").text
    for path, methods in plant.app.openapi()["paths"].items():
        assert all(f'id="{method}-{path}"' in page for method in methods), path
    operation = page.partition('id="post-/api/v1/accounts"')[2].partition("</section>")[0]
    assert "<small>admin</small>" in operation
    assert 'href="#model-NewAccount"' in operation
    assert 'id="model-NewAccount"' in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert page.count("<script") == page.count('<script type="module" src="/static/')


def test_account_is_never_removed_because_the_record_names_it(plant: Plant) -> None:
    answer = plant.signed_in("anna").delete(f"/api/v1/accounts/{account_id(plant, 'olga')}")
    assert answer.status_code == 405
    with plant.record() as session:
        assert session.scalars(select(Account.name).order_by(Account.name)).all() == ["anna", "emil", "olga"]
