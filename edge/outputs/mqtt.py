"""A connection to an MQTT broker, 3.1.1: the only file that knows paho.

One client object a connection: paho sends again, after a reconnection, what was not acknowledged before, and a
`ready` from before an outage must not come after what is said now. Driven by the one thread that uses it.
"""

import ssl
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from paho.mqtt.client import Client, ConnectFlags, MQTTMessageInfo, error_string
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge.outputs.delivery import NotDelivered

TIMEOUT_S = 5.0  # to connect, and to acknowledge
MOST_UNACKNOWLEDGED = 100
AT_LEAST_ONCE, AT_MOST_ONCE = 1, 0


@dataclass(frozen=True, slots=True)
class Broker:
    """Where a broker is, and who we are there. authorities: PEM text, None: those that the system trusts."""

    host: str
    port: int
    tls: bool
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    authorities: str | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """For people."""
        return f"{'mqtts' if self.tls else 'mqtt'}://{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Letter:
    """Something to publish."""

    topic: str
    body: bytes
    retain: bool = False


class Connection:
    """Open from its making to the first NotDelivered, or to `close`."""

    def __init__(self, broker: Broker, *, client_id: str, keepalive_s: int, will: Letter | None = None) -> None:
        """Connect. will: what the broker publishes if this connection ends in any way but `close`.

        Raises NotDelivered if there is no such broker, or it refuses us.
        """
        self._broker = broker
        self._answer: ReasonCode | None = None
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=client_id, reconnect_on_failure=False)
        self._client.connect_timeout = TIMEOUT_S
        self._client.max_inflight_messages_set(MOST_UNACKNOWLEDGED)
        self._client.on_connect = self._on_connect
        if broker.user is not None:
            self._client.username_pw_set(broker.user, broker.password)
        if broker.tls:
            self._client.tls_set_context(ssl.create_default_context(cadata=broker.authorities))
        if will is not None:
            self._client.will_set(will.topic, will.body, AT_LEAST_ONCE, will.retain)
        self._connect(keepalive_s)

    def publish(self, letter: Letter) -> None:
        """Publish, and return when the broker has it. Raises NotDelivered."""
        for _ in self.publish_all([letter]):
            pass

    def publish_all(self, letters: Sequence[Letter]) -> Iterator[int]:
        """Publish all at once; gives the place of each when the broker has it. Raises NotDelivered."""
        sent = [self._client.publish(each.topic, each.body, AT_LEAST_ONCE, each.retain) for each in letters]
        until_s = time.monotonic() + TIMEOUT_S
        for place, info in enumerate(sent):
            while not self._is_published(info):
                if time.monotonic() > until_s:
                    raise NotDelivered(f"broker {self._broker.name} did not acknowledge within {TIMEOUT_S:g} s")
                self.tend(0.1)
            until_s = time.monotonic() + TIMEOUT_S
            yield place

    def publish_once(self, letter: Letter) -> None:
        """Publish, and leave it at that. Raises NotDelivered if the connection is known to be lost."""
        self._heed(self._client.publish(letter.topic, letter.body, AT_MOST_ONCE, letter.retain).rc)

    def tend(self, timeout_s: float) -> None:
        """Wait that long at most, and keep the connection alive meanwhile. Raises NotDelivered when it is lost."""
        self._heed(self._client.loop(timeout_s))

    def close(self) -> None:
        """Take leave; the broker forgets the will."""
        self._client.disconnect()
        self._client.loop(0.1)

    def drop(self) -> None:
        """End without leave, so that the broker publishes the will; for a connection that no longer works."""
        sock = self._client.socket()
        if sock is not None:
            sock.close()

    def _connect(self, keepalive_s: int) -> None:
        try:
            self._client.connect(self._broker.host, self._broker.port, keepalive_s)
        except (OSError, ValueError) as error:  # ValueError: a host name that cannot be one
            raise NotDelivered(f"broker {self._broker.name} cannot be reached: {error}") from error
        until_s = time.monotonic() + TIMEOUT_S
        while self._answer is None:
            if time.monotonic() > until_s:
                self.drop()
                raise NotDelivered(f"broker {self._broker.name} did not answer within {TIMEOUT_S:g} s")
            self.tend(0.1)
        if self._answer.is_failure:
            self.drop()
            raise NotDelivered(f"broker {self._broker.name} refuses us: {self._answer}")

    def _on_connect(
        self, _client: Client, _data: object, _flags: ConnectFlags, answer: ReasonCode, _more: Properties | None
    ) -> None:
        self._answer = answer

    def _is_published(self, info: MQTTMessageInfo) -> bool:
        self._heed(info.rc)
        return info.is_published()

    def _heed(self, code: MQTTErrorCode) -> None:
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS and not (self._answer is not None and self._answer.is_failure):
            self.drop()
            raise NotDelivered(f"connection to broker {self._broker.name} was lost: {error_string(code)}")
