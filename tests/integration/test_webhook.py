"""Results as signed POSTs to a real server: retried until it takes them, and said when it does not."""

import hashlib
import hmac
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from edge.ledger.outbox import announce, backlog, subscribe
from edge.ledger.record import Inspection, unit_of_work
from edge.outputs.delivery import Delivery, backoff_s
from edge.outputs.messages import Result
from edge.outputs.webhook import Hook, WebhookSender
from tests.ledger_rows import Ledger
from tests.lines import wait_until
from tests.receiver import Receiver, answering, receiving
from tests.slowness import slowness

SECRET = b"0123456789abcdef-secret"


@pytest.fixture
def told(ledger: Ledger) -> Ledger:
    """A record whose outcomes the webhook is told: frames 1 to 5 of camera `top` wait."""
    subscribe(ledger.engine, ["webhook"])
    for _ in range(5):
        add(ledger)
    return ledger


def add(ledger: Ledger) -> None:
    row = ledger.add("ok", score=0.1)
    with unit_of_work(ledger.engine) as session:
        announce(session, [session.get_one(Inspection, row)])


def ids(*seqs: int) -> list[str]:
    return [f"night-1/top/{seq}" for seq in seqs]


@contextmanager
def posting(ledger: Ledger, url: str) -> Iterator[Delivery]:
    """A delivery at work, on a thread."""
    sender = WebhookSender(Hook(url, SECRET), timeout_s=0.5)
    delivery = Delivery(
        "webhook", sender, station="cell-3", reads=ledger.engine, writes=ledger.engine, most_backoff_s=0.5
    )
    thread = threading.Thread(target=delivery.run)
    thread.start()
    try:
        yield delivery
    finally:
        delivery.stop()
        thread.join(20)
        assert not thread.is_alive()


def test_each_result_is_posted_once_with_its_identity_and_a_signature(told: Ledger) -> None:
    with receiving(Receiver()) as receiver, posting(told, receiver.url):
        wait_until(lambda: len(receiver.accepted) == 5, timeout_s=10)
    assert receiver.keys == ids(1, 2, 3, 4, 5)
    headers, body = receiver.accepted[0]
    result = Result.model_validate_json(body)
    assert (result.id, result.outcome, result.station) == ("night-1/top/1", "ok", "cell-3")
    at, _, signed = headers["Edge-Signature"].removeprefix("t=").partition(",v1=")
    assert abs(time.time() - int(at)) < 60
    assert signed == hmac.new(SECRET, at.encode() + b"." + body, hashlib.sha256).hexdigest()
    assert headers["Content-Type"] == "application/json"
    assert backlog(told.engine, "webhook").waiting == 0


@pytest.mark.parametrize("status", [500, 503, 429, 404, 301])
def test_a_server_that_fails_is_asked_again_until_it_takes_everything(told: Ledger, status: int) -> None:
    failures = iter([status] * 2)
    with receiving(Receiver(answer=lambda _: next(failures, 200))) as receiver, posting(told, receiver.url) as delivery:
        wait_until(lambda: delivery.health.failing, timeout_s=10)
        assert f"answers HTTP {status}" in (delivery.health.failing or "")
        wait_until(lambda: len(receiver.accepted) == 5, timeout_s=10)
        wait_until(lambda: delivery.health.failing is None, timeout_s=10)
    assert receiver.keys == ids(1, 2, 3, 4, 5)


def test_a_server_that_hangs_is_left_and_asked_again(told: Ledger) -> None:
    hangs = iter([None])
    with receiving(Receiver(answer=lambda _: next(hangs, 200))) as receiver, posting(told, receiver.url) as delivery:
        wait_until(lambda: delivery.health.failing, timeout_s=10)
        assert "timed out" in (delivery.health.failing or "")
        wait_until(lambda: len(receiver.accepted) == 5, timeout_s=10)


def test_a_server_that_is_restarted_misses_nothing(told: Ledger) -> None:
    with receiving(Receiver()) as first, posting(told, first.url) as delivery:
        wait_until(lambda: len(first.accepted) == 5, timeout_s=10)
        first.shutdown()
        first.server_close()
        add(told)
        wait_until(lambda: delivery.health.failing, timeout_s=10)
        with receiving(Receiver(port=first.port)) as second:
            wait_until(lambda: second.accepted, timeout_s=10)
    assert first.keys + second.keys == ids(1, 2, 3, 4, 5, 6)


def test_a_result_that_is_refused_lets_the_others_pass_is_named_and_tried_again(
    told: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    refused = iter([422] * 2)
    answer = lambda result: next(refused, 200) if result.seq == 2 else 200  # noqa: E731
    with receiving(Receiver(answer=answer)) as receiver, posting(told, receiver.url):
        wait_until(lambda: len(receiver.accepted) == 5, timeout_s=10)
    assert receiver.keys == ids(1, 3, 4, 5, 2)
    assert "webhook refuses night-1/top/2, which is tried again: HTTP 422" in caplog.text


def test_a_server_that_refuses_everything_is_not_asked_for_each(told: Ledger) -> None:
    for _ in range(60):
        add(told)
    with receiving(Receiver(answer=lambda _: 400)) as receiver, posting(told, receiver.url) as delivery:
        wait_until(lambda: delivery.health.failing, timeout_s=10)
        assert "results are refused" in (delivery.health.failing or "")
        assert receiver.asked <= 2 * 21
    assert backlog(told.engine, "webhook").waiting == 65


def test_many_that_are_refused_let_the_others_pass(told: Ledger, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(60):
        add(told)
    answer = lambda result: 422 if result.seq <= 45 else 200  # noqa: E731
    with receiving(Receiver(answer=answer)) as receiver, posting(told, receiver.url):
        wait_until(lambda: len(receiver.accepted) == 20, timeout_s=10)
    assert receiver.keys == ids(*range(46, 66))
    assert "results are refused" in caplog.text


def drip(connection: socket.socket, _: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"X-Drip: x\r\n")
        time.sleep(0.1)


def endless(connection: socket.socket, _: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(bytes(1 << 16))


def test_an_answer_that_drips_is_left_when_its_time_is_up(told: Ledger) -> None:
    with answering(drip) as url, posting(told, url) as delivery:
        wait_until(lambda: delivery.health.failing, timeout_s=10)
        assert "no whole answer in 0.5 s" in (delivery.health.failing or "")


@pytest.mark.parametrize(
    "answer",
    [endless, lambda asker, _: asker.sendall(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nno gzip")],
    ids=["endless", "packed"],
)
def test_of_an_answer_little_is_read_and_nothing_unpacked(
    told: Ledger, answer: Callable[[socket.socket, bytes], None]
) -> None:
    with answering(answer) as url, posting(told, url):
        wait_until(lambda: backlog(told.engine, "webhook").waiting == 0, timeout_s=10)


def test_what_a_server_says_is_not_repeated_whatever_its_letters(
    told: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    def echo(connection: socket.socket, asked: bytes) -> None:
        head = b"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=idna\r\nContent-Length: %d\r\n\r\n"
        path = asked.split()[1]
        connection.sendall(head % len(path) + path)

    with answering(echo) as url, posting(told, url) as delivery:
        wait_until(lambda: delivery.health.failing, timeout_s=10)
        assert (delivery.health.failing or "").endswith("answers HTTP 404")
    with answering(lambda connection, asked: connection.sendall(asked)) as url, posting(told, url) as delivery:
        wait_until(lambda: delivery.health.failing, timeout_s=10)
        assert "RemoteProtocolError" in (delivery.health.failing or "")
    assert "s3cret" not in caplog.text


def test_slow_answers_hold_up_neither_a_stop_nor_what_is_forgotten(told: Ledger) -> None:
    for _ in range(60):
        add(told)
    slow = threading.Event()
    with receiving(Receiver(answer=lambda _: 204 if slow.wait(0.2) else 200)) as receiver:
        with posting(told, receiver.url):
            wait_until(lambda: backlog(told.engine, "webhook").waiting < 65, timeout_s=5 * slowness())
            began_s = time.monotonic()
        assert time.monotonic() - began_s < 4 * slowness()
        slow.set()
    assert backlog(told.engine, "webhook").waiting + len(receiver.accepted) == 65


def test_what_is_secret_in_an_address_is_in_no_log(told: Ledger, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    failures = iter([500])
    with receiving(Receiver(answer=lambda _: next(failures, 200))) as receiver, posting(told, receiver.url):
        wait_until(lambda: len(receiver.accepted) == 5, timeout_s=10)
    with posting(told, receiver.url) as delivery:
        add(told)
        wait_until(lambda: delivery.health.failing, timeout_s=10)
    assert "cannot be reached" in caplog.text
    assert "s3cret" not in caplog.text
    assert SECRET.decode() not in caplog.text


def test_a_slow_output_does_not_hold_up_the_other(told: Ledger) -> None:
    subscribe(told.engine, ["webhook", "other"])
    with receiving(Receiver(answer=lambda _: None)) as slow, receiving(Receiver()) as quick, posting(told, slow.url):
        other = WebhookSender(Hook(quick.url, SECRET))
        second = Delivery("other", other, station="x", reads=told.engine, writes=told.engine, most_backoff_s=1)
        thread = threading.Thread(target=second.run)
        thread.start()
        add(told)
        wait_until(lambda: quick.keys == ids(6), timeout_s=10)
        second.stop()
        thread.join()


def test_the_wait_grows_to_its_bound_and_is_never_the_same_for_all() -> None:
    waits = [[backoff_s(failures, most_s=30.0) for _ in range(50)] for failures in (1, 4, 100)]
    for some, most in zip(waits, (0.25, 2.0, 30.0), strict=True):
        assert most / 2 <= min(some) < max(some) <= most
