"""`edge outputs`: tells brokers and web servers what the line says. A thread an output, and one that says `ready`.

outbox -> delivery -> receiver, once for each output        record, heartbeats -> readiness -> broker
"""

import hashlib
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from edge.ledger.beats import OUTPUTS, Heart
from edge.ledger.outbox import subscribe
from edge.ledger.ready_now import ready_now
from edge.ledger.record import open_engine
from edge.ledger.schema import prepare
from edge.outputs.announcer import Announcer
from edge.outputs.configured import MQTT, WEBHOOK, configured
from edge.outputs.delivery import Delivery, Sender
from edge.outputs.messages import LINE_STOPPED, State, down, gone, state_of
from edge.outputs.mqtt_sender import MqttSender
from edge.outputs.webhook import WebhookSender
from edge.settings import Settings

log = logging.getLogger(__name__)

TICK_S = 0.1
LOCK_WAIT_S = 1.0
MOST_BACKOFF_S = {MQTT: 2.0, WEBHOOK: 30.0}


class Teller:
    """All outputs of one station."""

    def __init__(self, settings: Settings) -> None:
        """Open the record and subscribe. Raises EdgeError for settings that cannot be."""
        outputs = configured(settings)
        prepare(settings.database)
        self._settings = settings
        self._reads = open_engine(settings.database)
        self._writes = open_engine(settings.database, writes=True, wait_s=LOCK_WAIT_S)
        want(settings)
        self._heart = Heart(settings.beats, OUTPUTS)
        self._stop, self._orderly = threading.Event(), False
        name = hashlib.sha256(f"{settings.station} {settings.data.resolve()}".encode()).hexdigest()[:12]
        senders: dict[str, Sender] = {}
        self._announcer: Announcer | None = None
        if outputs.broker is not None:
            senders[MQTT] = MqttSender(outputs.broker, client_id=f"edge-{name}-r")
            self._announcer = Announcer(
                outputs.broker, self.state, station=settings.station, client_id=f"edge-{name}-s"
            )
        if outputs.hook is not None:
            senders[WEBHOOK] = WebhookSender(outputs.hook)
        self._deliveries = [self._delivery(output, sender) for output, sender in senders.items()]

    def run(self) -> None:
        """Tell until `stop`. Raises what any thread raised."""
        bodies = [delivery.run for delivery in self._deliveries] + ([self._announcer.run] if self._announcer else [])
        with ThreadPoolExecutor(max_workers=len(bodies)) as pool:
            under_way = [pool.submit(body) for body in bodies]
            while not self._stop.wait(TICK_S) and not any(body.done() for body in under_way):
                self._beat()
            for delivery in self._deliveries:
                delivery.stop()
            if self._announcer:
                self._announcer.stop(self._farewell())
            for body in under_way:
                body.result()
        self._reads.dispose()
        self._writes.dispose()

    def stop(self) -> None:
        """Deliver what is there already, say that the line was stopped, and let `run` return."""
        self._orderly = True
        self._stop.set()

    def abandon(self) -> None:
        """The same without its supervisor: what the line does now, nobody can say."""
        self._stop.set()

    def state(self) -> State:
        """What the line is doing now, and how its outputs do."""
        health = {delivery.output: delivery.health for delivery in self._deliveries}
        at_ns = time.time_ns()
        now = ready_now(self._settings, self._reads)
        return state_of(now, health, station=self._settings.station, at_ns=at_ns)

    def _beat(self) -> None:
        health = {delivery.output: delivery.health for delivery in self._deliveries}
        self._heart.beat(
            at_hand=sum(one.waiting for one in health.values()),
            failing={output: one.failing for output, one in health.items()},
        )

    def _farewell(self) -> State:
        if not self._orderly:
            return gone(station=self._settings.station)
        return down(LINE_STOPPED, "the line was stopped", station=self._settings.station, at_ns=time.time_ns())

    def _delivery(self, output: str, sender: Sender) -> Delivery:
        return Delivery(
            output,
            sender,
            station=self._settings.station,
            reads=self._reads,
            writes=self._writes,
            most_backoff_s=MOST_BACKOFF_S[output],
        )


def want(settings: Settings) -> list[str]:
    """Let the record keep outcomes for the outputs that the settings ask for, and for no others; says which those are.

    Before the first frame is recorded, or it is not told. Raises EdgeError for settings that cannot be.
    """
    names = configured(settings).names
    engine = open_engine(settings.database, writes=True)
    for name, missed in subscribe(engine, names).items():
        log.warning("output %s is no longer asked for; it was never told of %d results", name, missed)
    engine.dispose()
    return names
