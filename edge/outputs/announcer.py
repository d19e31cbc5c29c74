"""Tells a broker whether the line is ready: retained state, last will, heartbeat.

One thread looks and tells, so that a look that hangs ends the heartbeat, and nothing old is said as if it were new.
"""

import logging
import random
import threading
import time
from collections.abc import Callable

from edge.outputs.delivery import NotDelivered
from edge.outputs.messages import Heartbeat, State, gone
from edge.outputs.mqtt import Broker, Connection, Letter
from edge.outputs.topics import heartbeat_topic, state_topic

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.1
HEARTBEAT_S = 0.5
STATE_EVERY_S = 5.0  # also without a change
AGAIN_S = 0.5
KEEPALIVE_S = 2  # the broker publishes the will after one and a half times this, if the connection dies without a word


class Announcer:
    """Says the newest state whenever it changes. `run` is for a thread of its own."""

    def __init__(self, broker: Broker, look: Callable[[], State], *, station: str, client_id: str) -> None:
        """look: the state as it is now, with its time; called about ten times a second."""
        self._broker, self._look, self._station, self._client_id = broker, look, station, client_id
        self._stop = threading.Event()
        self._farewell: State | None = None
        self._count = 0
        self._failing: str | None = None

    def run(self) -> None:
        """Tell until `stop`; a broker that is away is tried again twice a second."""
        while not self._stop.is_set():
            try:
                self._announce()
            except NotDelivered as error:
                self._fail(str(error))
                self._stop.wait(AGAIN_S * random.uniform(0.5, 1.0))

    def stop(self, farewell: State) -> None:
        """Let `run` end, with this as the last word."""
        self._farewell = farewell
        self._stop.set()

    def _announce(self) -> None:
        will = Letter(state_topic(self._station), gone(station=self._station).body(), retain=True)
        connection = Connection(self._broker, client_id=self._client_id, keepalive_s=KEEPALIVE_S, will=will)
        if self._failing is not None:
            log.info("mqtt: broker %s is there", self._broker.name)
            self._failing = None
        try:
            self._tell(connection)
        except NotDelivered:
            connection.drop()
            raise
        connection.close()

    def _tell(self, connection: Connection) -> None:
        """Say what changes until `stop`, and then the last word."""
        topic = state_topic(self._station)
        said: object = None
        state_due_s = beat_due_s = 0.0
        while not self._stop.is_set():
            state, now_s = self._look(), time.monotonic()
            if now_s >= beat_due_s:  # before the state, whose acknowledgement may take long: it would be old by then
                connection.publish_once(Letter(heartbeat_topic(self._station), self._heartbeat(state).body()))
                beat_due_s = now_s + HEARTBEAT_S
            if _gist(state) != said or now_s >= state_due_s:
                connection.publish(Letter(topic, state.body(), retain=True))
                said, state_due_s = _gist(state), now_s + STATE_EVERY_S
            self._wait(connection)
        assert self._farewell is not None
        connection.publish(Letter(topic, self._farewell.body(), retain=True))

    def _wait(self, connection: Connection) -> None:
        """Until the next look: the connection returns early whenever the broker says something."""
        until_s = time.monotonic() + LOOK_EVERY_S
        while (left_s := until_s - time.monotonic()) > 0 and not self._stop.is_set():
            connection.tend(left_s)

    def _heartbeat(self, state: State) -> Heartbeat:
        assert state.at is not None
        self._count += 1
        return Heartbeat(
            station=self._station,
            ready=state.ready,
            cameras={name: camera.ready for name, camera in state.cameras.items()},
            count=self._count,
            at=state.at,
        )

    def _fail(self, why: str) -> None:
        if why != self._failing:
            log.warning("mqtt: %s; nobody is told whether the line is ready", why)
            self._failing = why


def _gist(state: State) -> object:
    """What must not change unsaid; the sentences tell seconds that pass."""
    cameras = {
        name: (camera.ready, [reason.why for reason in camera.reasons]) for name, camera in state.cameras.items()
    }
    failing = {name: health.failing for name, health in state.outputs.items()}
    return state.ready, [(reason.why, reason.camera) for reason in state.reasons], cameras, failing
