"""Results on MQTT: a topic a camera, at least once."""

from collections.abc import Iterator, Sequence

from edge.outputs.delivery import NotDelivered
from edge.outputs.messages import Result
from edge.outputs.mqtt import Broker, Connection, Letter
from edge.outputs.topics import result_topic

KEEPALIVE_S = 30


class MqttSender:
    """Publishes results over a connection of its own, so that a backlog does not hold up the heartbeat."""

    def __init__(self, broker: Broker, *, client_id: str) -> None:
        self._broker, self._client_id = broker, client_id
        self._connection: Connection | None = None

    def send(self, results: Sequence[Result]) -> Iterator[None]:
        """All of them at once, and the acknowledgements in order; see edge.outputs.delivery.Sender."""
        if self._connection is None:
            self._connection = Connection(self._broker, client_id=self._client_id, keepalive_s=KEEPALIVE_S)
        letters = [Letter(result_topic(result.station, result.camera), result.body()) for result in results]
        try:
            for _ in self._connection.publish_all(letters):
                yield
        except NotDelivered:
            self._drop()
            raise

    def tend(self) -> None:
        """Answer the broker; see edge.outputs.delivery.Sender."""
        if self._connection is None:
            return
        try:
            self._connection.tend(0.0)
        except NotDelivered:
            self._drop()
            raise

    def close(self) -> None:
        """Take leave of the broker."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.drop()
            self._connection = None
