"""What outputs cost the line's writer, and how fast they deliver: `python -m tests.output_speed`.

In one run, on a record of its own: rows a second of the line's writer in groups of 8, without an output, with one and
with two, by turns; bytes on disk of a result that waits; results a second through a real mosquitto and to a web server
in this process; and from a row's commit to the listener, for single rows.
"""

import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer
from sqlalchemy import Engine

from edge.ledger.outbox import backlog, subscribe
from edge.ledger.record import open_engine
from edge.ledger.writer import Writer
from edge.outputs.delivery import Delivery, Sender
from edge.outputs.messages import Result
from edge.outputs.mqtt import Broker
from edge.outputs.mqtt_sender import MqttSender
from edge.outputs.webhook import Hook, WebhookSender
from tests.broker import listening, running
from tests.ledger_rows import new_ledger
from tests.lines import wait_until
from tests.receiver import Receiver, receiving
from tests.writer_speed import GROUP, GROUPS, entry, rate

TURNS, SINGLES = 9, 60
WANTED: dict[str, list[str]] = {"none": [], "one": ["mqtt"], "two": ["mqtt", "webhook"]}


def command() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as where:
        folder = Path(where)
        ledger = new_ledger(folder / "data")
        engine = open_engine(ledger.settings.database, writes=True)
        made = Writer(engine, ledger.settings.media)
        made.register("speed", "top", source="demo:top", category="pcb")
        rows = write(made, engine)
        deliver_all(ledger.engine, folder)
        single(made, ledger.engine, folder, first=rows + 1)
        engine.dispose()
        ledger.engine.dispose()


def write(made: Writer, engine: Engine) -> int:
    """Rows a second with and without outputs; returns how many rows there are now."""
    rates: dict[str, list[float]] = {name: [] for name in WANTED}
    seq = 1
    for _ in range(TURNS):
        for name, wanted in WANTED.items():
            subscribe(engine, wanted)
            rates[name].append(rate(made, first=seq))
            seq += GROUPS * GROUP
    for name, found in rates.items():
        ratio = statistics.median(a / b for a, b in zip(found, rates["none"], strict=True))
        typer.echo(f"writer, outputs: {name:>5} {statistics.median(found):7.0f} rows/s, ratio {ratio:.3f}")
    subscribe(engine, [])
    before = pages(engine)
    seq += fill(made, seq)
    without = pages(engine) - before
    subscribe(engine, ["mqtt", "webhook"])
    before = pages(engine)
    seq += fill(made, seq)
    per_row = (pages(engine) - before - without) / (2 * FILL)
    typer.echo(f"a result that waits: {per_row:.0f} bytes")
    return seq - 1


FILL = 4000


def fill(made: Writer, first: int) -> int:
    """Add FILL rows."""
    for start in range(first, first + FILL, 200):
        made.write([entry(seq) for seq in range(start, start + 200)])
    return FILL


def pages(engine: Engine) -> int:
    """Bytes of the database that hold something."""
    with engine.connect() as connection:
        count, free, size = (
            int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
            for name in ("page_count", "freelist_count", "page_size")
        )
    return (count - free) * size


def deliver_all(engine: Engine, folder: Path) -> None:
    """How fast a backlog goes out."""
    waiting = backlog(engine, "mqtt").waiting
    with running(folder) as broker:
        at = Broker("127.0.0.1", broker.port, tls=False)
        with timed("mqtt", waiting), delivering("mqtt", MqttSender(at, client_id="speed"), engine) as done:
            done(waiting)
    with (
        receiving(Receiver()) as receiver,
        timed("webhook", waiting),
        delivering("webhook", WebhookSender(Hook(receiver.url, b"secret")), engine) as done,
    ):
        done(waiting)


@contextmanager
def timed(output: str, results: int) -> Iterator[None]:
    began_s = time.monotonic()
    yield
    typer.echo(f"{output}: {results / (time.monotonic() - began_s):.0f} results/s of a backlog of {results}")


class Done:
    """Waits until an output has nothing left."""

    def __init__(self, output: str, engine: Engine) -> None:
        self._output, self._engine = output, engine

    def __call__(self, waiting: int) -> None:
        wait_until(lambda: backlog(self._engine, self._output).waiting == 0, timeout_s=60 + waiting / 20)


@contextmanager
def delivering(output: str, sender: Sender, engine: Engine) -> Iterator[Done]:
    delivery = Delivery(output, sender, station="speed", reads=engine, writes=engine, most_backoff_s=1.0)
    thread = threading.Thread(target=delivery.run)
    thread.start()
    yield Done(output, engine)
    delivery.stop()
    thread.join()


def single(made: Writer, engine: Engine, folder: Path, *, first: int) -> None:
    """From commit to listener, a row at a time."""
    took_ms = []
    with running(folder) as broker, listening(broker) as listener:
        sender = MqttSender(Broker("127.0.0.1", broker.port, tls=False), client_id="speed")
        with delivering("mqtt", sender, engine):
            for seq in range(first, first + SINGLES):
                made.write([entry(seq)])
                committed_s = time.monotonic()
                took_s, _ = listener.wait(Result, lambda one, n=seq: one.seq == n, since_s=committed_s, timeout_s=20)
                took_ms.append(took_s * 1000)
                time.sleep(0.13)
    p50, p95 = statistics.median(took_ms), sorted(took_ms)[int(0.95 * len(took_ms))]
    typer.echo(f"from commit to listener: p50 {p50:.0f} ms, p95 {p95:.0f} ms, longest {max(took_ms):.0f} ms")


if __name__ == "__main__":
    typer.run(command)
