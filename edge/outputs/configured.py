"""Which outputs the settings ask for, with their secrets, which come from files alone."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from edge.errors import EdgeError
from edge.outputs.mqtt import Broker
from edge.outputs.webhook import Hook
from edge.settings import Settings

MQTT, WEBHOOK = "mqtt", "webhook"
PLAIN_PORT, TLS_PORT = 1883, 8883
SHORTEST_SECRET = 16


@dataclass(frozen=True, slots=True)
class Configured:
    """The outputs; None for one that nobody asked for."""

    broker: Broker | None
    hook: Hook | None

    @property
    def names(self) -> list[str]:
        """Of the outputs that are there."""
        return [name for name, there in ((MQTT, self.broker), (WEBHOOK, self.hook)) if there is not None]


def configured(settings: Settings) -> Configured:
    """What the settings ask for. Raises EdgeError, which never says a secret, for what cannot be."""
    authorities = _authorities(settings.outputs_ca)
    return Configured(_broker(settings, authorities), _hook(settings, authorities))


def _broker(settings: Settings, authorities: str | None) -> Broker | None:
    if settings.mqtt_url is None:
        return None
    parts = _split(settings.mqtt_url, "EDGE_MQTT_URL", ("mqtt", "mqtts"))
    if parts.path.strip("/") or parts.query:
        raise EdgeError("EDGE_MQTT_URL: only a host and a port can be given, for example mqtt://broker:1883.")
    password = _secret(settings.mqtt_password_file, "EDGE_MQTT_PASSWORD_FILE")
    if password is not None and settings.mqtt_user is None:
        raise EdgeError("EDGE_MQTT_PASSWORD_FILE is given without EDGE_MQTT_USER. Give both, or neither.")
    assert parts.hostname is not None
    tls = parts.scheme == "mqtts"
    port = parts.port or (TLS_PORT if tls else PLAIN_PORT)
    return Broker(parts.hostname, port, tls, settings.mqtt_user, password, authorities)


def _hook(settings: Settings, authorities: str | None) -> Hook | None:
    if settings.webhook_url is None:
        return None
    url = settings.webhook_url.get_secret_value()
    _split(url, "EDGE_WEBHOOK_URL", ("http", "https"))
    secret = _secret(settings.webhook_secret_file, "EDGE_WEBHOOK_SECRET_FILE")
    if secret is None or len(secret) < SHORTEST_SECRET:
        raise EdgeError(
            f"what is posted to EDGE_WEBHOOK_URL is signed: EDGE_WEBHOOK_SECRET_FILE must name a file with a secret of "
            f"{SHORTEST_SECRET} characters or more. Make one: openssl rand -hex 32."
        )
    return Hook(url, secret.encode(), authorities)


def _split(url: str, variable: str, schemes: tuple[str, str]) -> SplitResult:
    """The parts of an address, none of which is repeated in an error: it may hold a secret."""
    wanted = " or ".join(f"{scheme}://HOST[:PORT]" for scheme in schemes)
    try:
        parts = urlsplit(url)
        good = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise EdgeError(f"{variable} is no address of an output. Give {wanted}.")
    if parts.username is not None or parts.password is not None:
        raise EdgeError(f"{variable} holds a user or a password. Secrets come from files; see edge/outputs/OUTPUTS.md.")
    return parts


def _secret(path: Path | None, variable: str) -> str | None:
    text = _read(path, variable)
    if text is None:
        return None
    secret = text.rstrip("\r\n")
    if not secret:
        raise EdgeError(f"{variable}={path} is empty. Write the secret into it.")
    return secret


def _authorities(path: Path | None) -> str | None:
    """The text of a PEM file that holds a certificate at least: without one the system's would be trusted instead."""
    text = _read(path, "EDGE_OUTPUTS_CA")
    if text is None:
        return None
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
    except (ssl.SSLError, ValueError) as error:  # ValueError: it is empty, or no ASCII
        raise EdgeError(
            f"EDGE_OUTPUTS_CA={path} holds no certificate, or a broken one: {error}. Put the authorities' certificates "
            "there, as PEM; or leave it out to trust those of the system."
        ) from error
    return text


def _read(path: Path | None, variable: str) -> str | None:
    try:
        return None if path is None else path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise EdgeError(f"{variable}={path} cannot be read: {error}. Mend the file or the path.") from error
