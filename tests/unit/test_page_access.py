"""Whether the page may open at all, by which names it is known, and how often a password may be tried."""

import socket
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from dashboard.cli import listen
from dashboard.people.access import Access, host_name
from dashboard.people.attempts import MOST_FOR_ACCOUNT, MOST_FROM_ADDRESS, MOST_KEYS, WINDOW_S, Attempts
from dashboard.people.first import make_first_account
from dashboard.people.passwords import is_right
from dashboard.people.sign_in import own_path
from edge.errors import EdgeError
from edge.ledger.accounts import accounts
from edge.ledger.page_access import FirstAccount, check_page, is_loopback
from edge.ledger.people import AuditEvent, Role
from edge.ledger.record import open_engine, unit_of_work
from edge.run import run_line
from edge.settings import Settings
from tests.browser import serving
from tests.certificate import make_certificate
from tests.page_client import add_people

FIRST = {"EDGE_FIRST_ACCOUNT": "anna:correct horse"}
OUTSIDE = {"page_host": "0.0.0.0", "page_proxy": "10.0.0.1"}


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False),
     ("10.0.0.5", False), ("station-4", False)],
)  # fmt: skip
def test_loopback_addresses_are_known(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_page_on_loopback_opens_at_once_and_touches_nothing(tmp_path: Path) -> None:
    assert check_page(Settings(data=tmp_path / "data"), {}) is None
    assert not (tmp_path / "data").exists()


def test_page_for_others_needs_an_encrypted_way_first(tmp_path: Path) -> None:
    with pytest.raises(EdgeError, match=r"0\.0\.0\.0.*unencrypted.*EDGE_PAGE_CERTIFICATE.*EDGE_PAGE_PROXY"):
        check_page(Settings(data=tmp_path / "data", page_host="0.0.0.0"), FIRST)


def test_page_for_others_needs_somebody_who_may_sign_in(tmp_path: Path) -> None:
    settings = Settings.read(data=tmp_path / "data", **OUTSIDE)
    with pytest.raises(EdgeError, match=r"no account.*dashboard accounts add.*EDGE_FIRST_ACCOUNT_FILE"):
        check_page(settings, {})
    add_people(settings.database, olga=Role.OPERATOR)
    assert check_page(settings, {}) is None
    assert check_page(settings, FIRST) is None, "there is somebody already"


def test_page_behind_a_proxy_on_this_machine_is_for_others(tmp_path: Path) -> None:
    with pytest.raises(EdgeError, match="no account"):
        check_page(Settings(data=tmp_path / "data", page_proxy="127.0.0.1"), {})


def test_first_account_of_the_environment_or_a_file_becomes_the_admin_once(tmp_path: Path) -> None:
    settings = Settings.read(data=tmp_path / "data", **OUTSIDE)
    secret = tmp_path / "first"
    secret.write_text("anna:correct: horse\n")
    first = check_page(settings, {"EDGE_FIRST_ACCOUNT_FILE": str(secret)})
    assert first == FirstAccount("anna", "correct: horse")
    assert "horse" not in repr(first)
    make_first_account(settings.database, first)
    make_first_account(settings.database, FirstAccount("late", "correct horse"))
    engine = open_engine(settings.database)
    with unit_of_work(engine) as session:
        (made,) = accounts(session)
    engine.dispose()
    assert (made.name, made.role) == ("anna", "admin")
    assert is_right(made.password_hash, "correct: horse")


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"EDGE_FIRST_ACCOUNT": "anna:too short"}, "EDGE_FIRST_ACCOUNT: the password has 9 characters; it needs 10"),
        ({"EDGE_FIRST_ACCOUNT": "anna correct-horse"}, "no colon"),
        ({"EDGE_FIRST_ACCOUNT": ":correct horse"}, "EDGE_FIRST_ACCOUNT: name ''"),
        ({"EDGE_FIRST_ACCOUNT_FILE": "/nowhere/first"}, "/nowhere/first cannot be read"),
        (FIRST | {"EDGE_FIRST_ACCOUNT_FILE": "/x"}, "both set"),
    ],
)
def test_first_account_that_cannot_be_is_refused_without_repeating_its_password(
    tmp_path: Path, environment: dict[str, str], words: str
) -> None:
    with pytest.raises(EdgeError) as refused:
        check_page(Settings.read(data=tmp_path / "data", **OUTSIDE), environment)
    assert words in str(refused.value)
    assert "short" not in str(refused.value) and "horse" not in str(refused.value)


@pytest.mark.parametrize("proxy", ["*", "0.0.0.0/0", "::/0", "proxy.plant", "10.0.0.1,", "10.0.0.1,0.0.0.0/0"])
def test_proxy_that_would_be_anybody_is_refused(tmp_path: Path, proxy: str) -> None:
    with pytest.raises(EdgeError, match="EDGE_PAGE_PROXY"):
        check_page(Settings(data=tmp_path / "data", page_proxy=proxy), FIRST)


@pytest.mark.parametrize(("proxy", "status", "address"), [("127.0.0.1", 401, "10.1.2.3"), ("10.9.9.9", 403, None)])
def test_only_the_stated_proxy_is_believed_about_its_clients(
    tmp_path: Path, proxy: str, status: int, address: str | None
) -> None:
    add_people(Settings(data=tmp_path).database, olga=Role.OPERATOR)
    told = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "10.1.2.3"}
    with serving(tmp_path, page_host="0.0.0.0", page_proxy=proxy) as page:
        answer = httpx.post(f"{page}/sign-in", data={"name": "olga", "password": "wrong"}, headers=told)
    assert answer.status_code == status
    engine = open_engine(Settings(data=tmp_path).database)
    with unit_of_work(engine) as session:
        assert session.scalar(select(AuditEvent.address)) == address
    engine.dispose()


def test_certificate_that_cannot_be_used_is_refused_and_a_good_one_taken(tmp_path: Path) -> None:
    good = make_certificate(tmp_path)
    data = tmp_path / "data"
    with pytest.raises(EdgeError, match="go together"):
        check_page(Settings(data=data, page_certificate=Path(good["page_certificate"])), FIRST)
    with pytest.raises(EdgeError, match=r"page\.key with key .*page\.pem cannot be used: .* They look swapped"):
        check_page(
            Settings.read(data=data, page_certificate=good["page_key"], page_key=good["page_certificate"]), FIRST
        )
    assert check_page(Settings.read(data=data, page_host="0.0.0.0", **good), FIRST) is not None


def test_answers_do_not_wait_for_their_headers_to_be_acknowledged() -> None:
    with listen("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_line_whose_page_may_not_open_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(EdgeError, match="unencrypted"):
        run_line(Settings(data=tmp_path / "data", page_host="0.0.0.0"), [], page=True, say=print, show=print)
    assert not (tmp_path / "data").exists()


@given(st.text() | st.from_regex(r"[/\\]{1,3}[a-z.]*[:/@\\\t]*[a-z.]{0,9}", fullmatch=True))
def test_way_back_after_a_sign_in_never_leads_elsewhere(asked: str) -> None:
    way = own_path(asked)
    as_browsers_read_it = way.replace("\\", "/").translate({9: None, 10: None, 13: None})
    assert urlsplit(urljoin("https://page.plant/sign-in", as_browsers_read_it)).netloc == "page.plant"
    assert way.startswith("/")


@pytest.mark.parametrize("asked", ["/", "/frames/3?x=1&y=%2F", "/people#log"])
def test_way_back_is_kept_where_it_is_ours(asked: str) -> None:
    assert own_path(asked) == asked


@given(st.text(max_size=30))
def test_local_page_answers_to_loopback_names_alone(host: str) -> None:
    access = Access.of(Settings())
    assert not access.knows(host) or is_loopback(host_name(host))


def test_attempts_are_limited_by_account_and_by_address_and_come_back() -> None:
    attempts = Attempts()
    assert [attempts.begin("olga", f"10.0.0.{n}", 0.0) for n in range(MOST_FOR_ACCOUNT)] == [0.0] * MOST_FOR_ACCOUNT
    assert attempts.begin("OLGA", "10.0.0.99", 1.0) == WINDOW_S - 1.0
    assert attempts.begin("olga", "10.0.0.99", WINDOW_S) == 0.0
    attempts = Attempts()
    assert not any(attempts.begin(f"name {n}", "10.0.0.1", 0.0) for n in range(MOST_FROM_ADDRESS))
    assert attempts.begin("another", "10.0.0.1", 0.0) > 0
    assert attempts.begin("another", "10.0.0.2", 0.0) == 0.0


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xy"), st.floats(0, WINDOW_S), st.booleans())))
def test_no_account_gets_more_wrong_tries_in_a_window_than_it_may(tries: list[tuple[str, str, float, bool]]) -> None:
    attempts, now_s, wrong = Attempts(), 0.0, {"a": [0.0][:0], "b": [0.0][:0]}
    for name, address, pause_s, right in tries:
        now_s += pause_s / 8
        if attempts.begin(name, address, now_s) > 0:
            continue
        if right:
            attempts.was_right(name, address)
            wrong[name].clear()
        else:
            wrong[name].append(now_s)
        assert sum(then > now_s - WINDOW_S for then in wrong[name]) <= MOST_FOR_ACCOUNT


def test_many_names_do_not_fill_the_memory() -> None:
    attempts = Attempts()
    for number in range(MOST_KEYS):
        attempts.begin(f"name {number}", f"address {number}", 0.0)
    assert len(attempts._tries) == MOST_KEYS
