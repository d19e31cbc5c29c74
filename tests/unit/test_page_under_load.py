"""What comes too large, too often, or while others hold the record: refused in words, and the page goes on."""

import threading
import time
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from starlette.exceptions import HTTPException

from dashboard.body_limit import MOST_BYTES
from dashboard.people.attempts import MOST_FOR_ACCOUNT, MOST_FROM_ADDRESS, Attempts
from dashboard.streams import Streams
from edge.ledger.record import open_engine
from edge.patient import patient
from tests.ledger_rows import Ledger


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_above_a_megabyte_is_refused_unread(client: TestClient, chunked: bool) -> None:
    def pieces() -> Iterator[bytes]:
        yield b'{"frames": [1'
        for _ in range(MOST_BYTES // 1000 + 1):
            yield b",1" * 500
        yield b'], "verdict": "unsure"}'

    content: object = pieces() if chunked else b"".join(pieces())
    answer = client.post("/api/v1/reviews", content=content, headers={"content-type": "application/json"})  # type: ignore[arg-type]
    assert answer.status_code == 413
    assert "Send less" in answer.json()["detail"]


def test_what_is_not_as_described_is_told_without_sending_it_back(client: TestClient) -> None:
    answer = client.post("/api/v1/reviews", json={"frames": ["x" * 5000], "verdict": "unsure"})
    assert answer.status_code == 422
    assert len(answer.content) < 1000
    assert answer.json()["detail"][0]["loc"] == ["body", "frames", 0]


def test_while_others_write_a_review_is_refused_in_words_and_pages_are_still_read(
    ledger: Ledger, client: TestClient
) -> None:
    frame_id = ledger.add_defect()
    said = {"frames": [frame_id], "verdict": "unsure", "seen": {str(frame_id): None}}
    with ledger.engine.begin():
        refused = client.post("/api/v1/reviews", json=said)
        assert (refused.status_code, "busy" in refused.json()["detail"]) == (503, True)
        assert client.get("/").status_code == 200
    assert client.post("/api/v1/reviews", json=said).status_code < 300


def test_a_locked_record_makes_the_line_try_again_and_does_not_end_it(ledger: Ledger) -> None:
    writes = open_engine(ledger.settings.database, writes=True, wait_s=0.05)
    done: list[int] = []

    def tell() -> None:
        with writes.begin():
            done.append(1)

    with ledger.engine.begin():
        patient(tell)()
        assert done == []
    patient(tell)()
    assert done == [1]
    writes.dispose()


async def _none() -> "Iterator[str]":
    yield ""


def test_streams_beyond_the_most_are_refused() -> None:
    streams = Streams(most=0)
    with pytest.raises(HTTPException) as refused:
        streams.answer(_none())  # type: ignore[arg-type]
    assert refused.value.status_code == 503


def test_a_hundred_listeners_cost_one_look_at_the_record(ledger: Ledger, client: TestClient) -> None:
    from dashboard.site import Site

    site: Site = client.app.state.site  # type: ignore[attr-defined]
    looks = [site.pulse.look() for _ in range(100)]
    assert len({id(look) for look in looks}) == 1
    ledger.add_defect()
    time.sleep(0.5)
    assert site.pulse.look().newest_id == 1
    threads = [threading.Thread(target=site.pulse.look) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("typed", [" anna", "an\u0301na".replace("n\u0301", "n"), "\u2003ANNA  ", "anna\u00a0"])
def test_a_name_typed_in_another_way_is_the_same_name(typed: str) -> None:
    attempts = Attempts()
    for number in range(MOST_FOR_ACCOUNT):
        assert attempts.begin("anna", f"10.0.0.{number}", 0.0) == 0
    assert attempts.begin(typed, "10.0.1.1", 1.0) > 0


def test_the_many_addresses_of_one_ipv6_network_count_as_one() -> None:
    attempts = Attempts()
    for number in range(MOST_FROM_ADDRESS):
        assert attempts.begin(f"name{number}", f"2001:db8::{number:x}", 0.0) == 0
    assert attempts.begin("another", "2001:db8::ffff:1", 1.0) > 0
    assert attempts.begin("another", "2001:db8:0:1::1", 1.0) == 0
