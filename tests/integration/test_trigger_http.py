"""POST /trigger over a real socket."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from edge.errors import EdgeError
from edge.line.trigger import TriggerQueue
from edge.line.trigger_http import TriggerServer, serve_trigger


class ReadLoop:
    """A capture's read loop without a camera: a frame every 5 ms, numbered from 1 if somebody asked for it."""

    def __init__(self, queue: TriggerQueue) -> None:
        self.identities: list[object] = []
        self._queue = queue
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(0.005):
            if pending := self._queue.take():
                self.identities.append(pending.identity)
                pending.done(len(self.identities))

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()


@contextmanager
def serving(queue: TriggerQueue, *, timeout_s: float = 5.0) -> Iterator[TriggerServer]:
    server = serve_trigger(queue, host="127.0.0.1", port=0, camera="camera0", run="r1", timeout_s=timeout_s)
    try:
        yield server
    finally:
        server.close()


@contextmanager
def reading(queue: TriggerQueue) -> Iterator[ReadLoop]:
    loop = ReadLoop(queue)
    try:
        yield loop
    finally:
        loop.stop()


def post(server: TriggerServer, body: object = None, **headers: str) -> httpx.Response:
    return httpx.post(f"http://127.0.0.1:{server.port}/trigger", json=body, headers=headers, timeout=10)


def test_the_answer_is_the_number_of_the_frame() -> None:
    queue = TriggerQueue()
    with serving(queue) as server, reading(queue) as loop:
        answers = [post(server, {"part": "P", "lot": "L", "serial": str(number)}) for number in range(3)]
    assert [answer.status_code for answer in answers] == [200] * 3
    assert [answer.json() for answer in answers] == [
        {"run": "r1", "camera": "camera0", "seq": seq} for seq in (1, 2, 3)
    ]
    assert [(i.part, i.lot, i.serial) for i in loop.identities] == [("P", "L", "0"), ("P", "L", "1"), ("P", "L", "2")]


@pytest.mark.parametrize("body", [None, {}, {"serial": None}, {"serial": "x" * 128}])
def test_every_field_may_be_left_out(body: object) -> None:
    queue = TriggerQueue()
    with serving(queue) as server, reading(queue):
        assert post(server, body).status_code == 200


@pytest.mark.parametrize("body", [{"serial": "x" * 129}, {"serial": ""}, {"serial": 5}, {"sreial": "x"}, [], "x"])
def test_fields_that_it_does_not_take_are_refused_and_take_no_frame(body: object) -> None:
    queue = TriggerQueue()
    with serving(queue) as server, reading(queue) as loop:
        assert post(server, body).status_code == 422
    assert loop.identities == []


def test_no_frame_is_said() -> None:
    with serving(TriggerQueue(), timeout_s=0.05) as server:
        answer = post(server)
    assert answer.status_code == 503
    assert "no frame came within 0.05 s" in answer.json()["detail"]


def test_too_many_requests_are_refused_at_once() -> None:
    queue = TriggerQueue(capacity=1)
    with serving(queue) as server:
        first = threading.Thread(target=post, args=(server,))
        first.start()
        while not queue.waiting:
            pass
        answer = post(server)
        assert answer.status_code == 429
        assert "waiting" in answer.json()["detail"]
        with reading(queue):
            first.join(5)


def test_a_web_page_may_not_trigger() -> None:
    queue = TriggerQueue()
    with serving(queue) as server, reading(queue) as loop:
        assert post(server, None, Origin="http://evil.example").status_code == 403
    assert loop.identities == []


def test_closing_answers_those_that_wait() -> None:
    queue, answers = TriggerQueue(), list[httpx.Response]()
    with serving(queue, timeout_s=60) as server:
        asker = threading.Thread(target=lambda: answers.append(post(server)))
        asker.start()
        while not queue.waiting:
            pass
    asker.join(5)
    assert answers[0].status_code == 503
    assert "stopping" in answers[0].json()["detail"]


def test_a_port_in_use_is_named() -> None:
    with serving(TriggerQueue()) as server, pytest.raises(EdgeError, match=f"{server.port}.*EDGE_TRIGGER_PORT"):
        serve_trigger(TriggerQueue(), host="127.0.0.1", port=server.port)


def test_a_closed_port_can_be_used_again() -> None:
    with serving(TriggerQueue()) as server:
        port = server.port
        post(server, "wrong")
    serve_trigger(TriggerQueue(), host="127.0.0.1", port=port).close()


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b'{"part": "' + b"x" * 5000 + b'"}', 413),
        (b'{"part": "a\\u0000b"}', 422),
        (b'{"part": "\\ud800"}', 422),
        (b"[" * 4000, 400),
    ],
)
def test_a_request_that_no_plant_sends_is_refused(content: bytes, status: int) -> None:
    with serving(TriggerQueue()) as server:
        url = f"http://127.0.0.1:{server.port}/trigger"
        for length in (str(len(content)), f"{len(content):015d}"):
            headers = {"Content-Type": "application/json", "Content-Length": length}
            assert httpx.post(url, content=content, headers=headers).status_code == status
        endless = httpx.post(url, content=iter([b"x" * 100]), headers={"Content-Type": "application/json"})
        assert endless.status_code == 413
