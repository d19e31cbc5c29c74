"""Results and readiness over a real mosquitto: at least once, through its restarts; TLS and a password."""

import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from edge.ledger.outbox import announce, backlog, subscribe
from edge.ledger.record import Inspection, unit_of_work
from edge.outputs.announcer import HEARTBEAT_S, Announcer
from edge.outputs.configured import configured
from edge.outputs.delivery import Delivery, NotDelivered
from edge.outputs.messages import LINE_STOPPED, OUTPUTS_GONE, CameraReady, Heartbeat, Result, State, down, gone, moment
from edge.outputs.mqtt import Broker, Connection, Letter
from edge.outputs.mqtt_sender import MqttSender
from edge.settings import Settings
from edge.teller import Teller
from tests.broker import Listener, Mosquitto, listening, running
from tests.certificate import make_certificate
from tests.ledger_rows import Ledger
from tests.lines import wait_until

STATION = "cell-3"
PASSWORD = "s3cret-Pa55"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with running(tmp_path) as broker:
        yield broker


@pytest.fixture
def listener(broker: Mosquitto) -> Iterator[Listener]:
    with listening(broker) as listener:
        yield listener


@contextmanager
def threaded(run: Callable[[], None], stop: Callable[[], None]) -> Iterator[None]:
    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop()
        thread.join(20)
        assert not thread.is_alive()


def at(broker: Mosquitto) -> Broker:
    return Broker("127.0.0.1", broker.port, tls=False)


def delivering(ledger: Ledger, broker: Mosquitto) -> Delivery:
    sender = MqttSender(at(broker), client_id="test-r")
    return Delivery("mqtt", sender, station=STATION, reads=ledger.engine, writes=ledger.engine, most_backoff_s=0.5)


def announcing(broker: Mosquitto, look: Callable[[], State]) -> Announcer:
    return Announcer(at(broker), look, station=STATION, client_id="test-s")


def state(*, ready: bool) -> State:
    return State(station=STATION, ready=ready, reasons=[], cameras={}, outputs={}, at=moment(time.time_ns()))


def add_rows(ledger: Ledger, count: int, **columns: object) -> None:
    """Rows as the writer adds them, with their place in the outbox."""
    ids = [ledger.add("ok", score=0.1, **columns) for _ in range(count)]
    with unit_of_work(ledger.engine) as session:
        announce(session, [session.get_one(Inspection, row) for row in ids])


class Broken:
    """A sender with a defect of ours, which shows after a second."""

    def __init__(self) -> None:
        self._made_s = time.monotonic()

    def send(self, results: Sequence[Result]) -> Iterator[None]:
        raise NotImplementedError

    def tend(self) -> None:
        if time.monotonic() - self._made_s > 1.0:
            raise ZeroDivisionError

    def close(self) -> None:
        pass


def test_results_come_on_their_cameras_topic_and_leave_the_outbox(
    ledger: Ledger, broker: Mosquitto, listener: Listener
) -> None:
    subscribe(ledger.engine, ["mqtt"])
    add_rows(ledger, 110)
    add_rows(ledger, 1, camera="side", serial="0042", part="board")
    delivery = delivering(ledger, broker)
    with threaded(delivery.run, delivery.stop):
        wait_until(lambda: len(listener.of(Result)) == 111, timeout_s=20)
        wait_until(lambda: backlog(ledger.engine, "mqtt").waiting == 0, timeout_s=20)
    results = listener.of(Result)
    assert [result.id for result in results[:110]] == [f"night-1/top/{seq}" for seq in range(1, 111)]
    assert (results[110].part_outcome, results[110].serial, results[110].frame) == ("ok", "0042", 111)
    assert listener.topics(Result) == {f"edge/{STATION}/camera/{camera}/result" for camera in ("top", "side")}


def test_a_broker_that_is_away_and_comes_back_misses_nothing(
    ledger: Ledger, broker: Mosquitto, listener: Listener
) -> None:
    subscribe(ledger.engine, ["mqtt"])
    delivery = delivering(ledger, broker)
    with threaded(delivery.run, delivery.stop):
        for _ in range(2):
            add_rows(ledger, 20)
            wait_until(lambda: listener.of(Result), timeout_s=10)
            broker.stop()
            add_rows(ledger, 20)
            wait_until(lambda: delivery.health.failing, timeout_s=10)
            assert delivery.health.failing is not None
            assert str(broker.port) in delivery.health.failing
            broker.start()
        wait_until(lambda: len({result.seq for result in listener.of(Result)}) == 80, timeout_s=20)
        wait_until(lambda: backlog(ledger.engine, "mqtt").waiting == 0, timeout_s=10)
        wait_until(lambda: delivery.health.failing is None and delivery.health.waiting == 0, timeout_s=10)


def test_a_change_is_said_at_once_the_state_is_kept_and_heartbeats_are_not(
    broker: Mosquitto, listener: Listener
) -> None:
    now = [state(ready=True)]
    announcer = announcing(broker, lambda: now[0])
    farewell = down(LINE_STOPPED, "the line was stopped", station=STATION, at_ns=time.time_ns())
    with threaded(announcer.run, lambda: announcer.stop(farewell)):
        began_s = time.monotonic()
        listener.wait(State, lambda said: said.ready, since_s=began_s, timeout_s=10)
        changed_s = time.monotonic()
        now[0] = state(ready=False)
        listener.wait(State, lambda said: not said.ready, since_s=changed_s, timeout_s=10)
        listener.wait(Heartbeat, lambda said: not said.ready and said.count > 2, since_s=changed_s, timeout_s=10)
        newcomer = subprocess.run(
            ["mosquitto_sub", "-p", str(broker.port), "-t", "#", "--retained-only", "-W", "1", "-F", "%t"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert newcomer.stdout.split() == [f"edge/{STATION}/state"]
    assert listener.of(State)[-1] == farewell


def test_a_connection_that_dies_without_a_word_leaves_the_last_will(broker: Mosquitto, listener: Listener) -> None:
    will = Letter(f"edge/{STATION}/state", gone(station=STATION).body(), retain=True)
    connection = Connection(at(broker), client_id="test-s", keepalive_s=2, will=will)
    connection.publish(Letter(f"edge/{STATION}/state", state(ready=True).body(), retain=True))
    began_s = time.monotonic()
    connection.drop()
    _, said = listener.wait(State, lambda said: not said.ready, since_s=began_s, timeout_s=10)
    assert said.reasons[0].why == OUTPUTS_GONE


def test_a_heartbeat_is_as_old_as_its_look_also_where_a_state_is_acknowledged_late(
    broker: Mosquitto, listener: Listener
) -> None:
    frozen_s: list[float] = []

    def look() -> State:
        if frozen_s or not listener.of(Heartbeat):
            return state(ready=not frozen_s)
        time.sleep(HEARTBEAT_S)  # so that both a state and a heartbeat are due
        broker.freeze()
        threading.Timer(1.2, broker.thaw).start()
        frozen_s.append(time.time())
        return state(ready=True).model_copy(update={"cameras": {"top": CameraReady(ready=True, reasons=[])}})

    announcer = announcing(broker, look)
    with threaded(announcer.run, lambda: announcer.stop(gone(station=STATION))):
        listener.wait(Heartbeat, lambda said: not said.ready, since_s=0, timeout_s=10)
    assert all(said.at.timestamp() < frozen_s[0] + 0.1 for said in listener.of(Heartbeat) if said.ready)


def test_outputs_that_end_unasked_say_so_and_not_that_the_line_was_stopped(
    ledger: Ledger, broker: Mosquitto, listener: Listener
) -> None:
    teller = Teller(ledger.settings.model_copy(update={"mqtt_url": broker.url}))
    (delivery,) = teller._deliveries
    delivery._sender = Broken()
    with pytest.raises(ZeroDivisionError):
        teller.run()
    listener.wait(State, lambda said: said == gone(station=ledger.settings.station), since_s=0, timeout_s=10)
    assert LINE_STOPPED not in [reason.why for said in listener.of(State) for reason in said.reasons]


@pytest.mark.filterwarnings("ignore:Exception ignored in. <ssl.SSLSocket")  # paho leaves it to the garbage collector
def test_a_password_over_tls_is_needed_and_a_wrong_one_or_authority_is_named_without_it(tmp_path: Path) -> None:
    made = make_certificate(tmp_path)
    subprocess.run(["mosquitto_passwd", "-b", "-c", tmp_path / "users", "line", PASSWORD], check=True)
    (tmp_path / "password").write_text(PASSWORD + "\n")
    keys = [f"certfile {made['page_certificate']}", f"keyfile {made['page_key']}"]
    with running(tmp_path, *keys, "allow_anonymous false", f"password_file {tmp_path / 'users'}") as broker:
        settings = Settings(
            mqtt_url=f"mqtts://127.0.0.1:{broker.port}",
            mqtt_user="line",
            mqtt_password_file=tmp_path / "password",
            outputs_ca=Path(made["page_certificate"]),
        )
        right = configured(settings).broker
        assert right is not None
        assert PASSWORD not in repr(right)
        connection = Connection(right, client_id="test", keepalive_s=5)
        connection.publish(Letter("edge/x/state", b"{}"))
        connection.close()
        with pytest.raises(NotDelivered, match="refuses us: Not authorized") as refused:
            Connection(replace(right, password="wrong"), client_id="test", keepalive_s=5)
        assert "wrong" not in str(refused.value)
        with pytest.raises(NotDelivered, match="certificate verify failed"):
            Connection(replace(right, authorities=None), client_id="test", keepalive_s=5)


def test_a_broker_that_is_not_there_is_named() -> None:
    with pytest.raises(NotDelivered, match=r"mqtt://127\.0\.0\.1:9 cannot be reached"):
        Connection(Broker("127.0.0.1", 9, tls=False), client_id="test", keepalive_s=5)
