"""A real mosquitto for tests, and a listener that writes down what it hears and when."""

import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from edge.outputs.messages import Heartbeat, Result, State

MESSAGES = {"edge.result/1": Result, "edge.state/1": State, "edge.heartbeat/1": Heartbeat}
MOSQUITTO = "/usr/sbin/mosquitto"


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Mosquitto:
    """A broker that keeps its port, and what it must deliver, over restarts. Skips without mosquitto, fails in CI."""

    def __init__(self, folder: Path, *extra: str) -> None:
        """extra: lines of its configuration."""
        command = shutil.which("mosquitto") or MOSQUITTO
        if not Path(command).exists():
            (pytest.fail if os.environ.get("CI") else pytest.skip)("needs mosquitto")
        self.port = free_port()
        self._command = [command, "-c", str(folder / "mosquitto.conf")]
        lines = [
            f"listener {self.port} 127.0.0.1",
            "user root",
            "persistence true",
            f"persistence_location {folder}/",
            *(extra or ["allow_anonymous true"]),
        ]
        (folder / "mosquitto.conf").write_text("\n".join(lines) + "\n")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until_s = time.monotonic() + 10
        while time.monotonic() < until_s:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                assert self._process.poll() is None, "mosquitto ended"
                time.sleep(0.02)
        raise AssertionError("mosquitto does not listen")

    def freeze(self) -> None:
        """Let it stand still, with its connections open, until `thaw`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(10)
            self._process = None


@contextmanager
def running(folder: Path, *extra: str) -> Iterator[Mosquitto]:
    """A broker that runs, and is stopped at the end."""
    broker = Mosquitto(folder, *extra)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


class Listener:
    """Hears everything, over restarts of the broker as well; each message must fit its schema."""

    def __init__(self, broker: Mosquitto) -> None:
        self.heard: list[tuple[float, str, Any, bool]] = []  # when (monotonic, s), topic, message, retained
        self._lock = threading.Lock()
        self._client = Client(CallbackAPIVersion.VERSION2, client_id="listener", clean_session=False)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def of(self, kind: type) -> list[Any]:
        """The messages of one kind, in order."""
        with self._lock:
            return [message for _, _, message, _ in self.heard if isinstance(message, kind)]

    def topics(self, kind: type) -> set[str]:
        with self._lock:
            return {topic for _, topic, message, _ in self.heard if isinstance(message, kind)}

    def wait(
        self,
        kind: type,
        matches: Callable[[Any], bool],
        *,
        since_s: float,
        timeout_s: float,
        tick: Callable[[], None] = lambda: None,
    ) -> tuple[float, Any]:
        """Wait for such a message that came after `since_s`; (how long after that it came, the message)."""
        until_s = time.monotonic() + timeout_s
        while time.monotonic() < until_s:
            with self._lock:
                heard = list(self.heard)
            for at_s, _, message, _ in heard:
                if at_s >= since_s and isinstance(message, kind) and matches(message):
                    return at_s - since_s, message
            tick()
            time.sleep(0.01)
        last = [message for _, _, message, _ in heard if isinstance(message, kind)][-1:]
        raise AssertionError(f"it was not said; last: {last}")

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        at_s = time.monotonic()
        kind = next(kind for name, kind in MESSAGES.items() if f'"{name}"'.encode() in message.payload)
        with self._lock:
            self.heard.append((at_s, message.topic, kind.model_validate_json(message.payload), message.retain))


@contextmanager
def listening(broker: Mosquitto) -> Iterator[Listener]:
    listener = Listener(broker)
    try:
        yield listener
    finally:
        listener.close()
