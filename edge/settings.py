"""Every knob, read once, frozen, and passed in. Unknown keys are refused."""

import difflib
import hashlib
import os
import re
import socket
import tempfile
from collections.abc import Collection
from datetime import time
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, ByteSize, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from edge.database import Database, check_url
from edge.errors import EdgeError

PREFIX = "EDGE_"
MODELS = Path("~/.local/share/edge-inspection/models")
Overload = Literal["drop-oldest", "drop-newest", "wait"]
Trigger = Literal["every", "still", "http"]
Precision = Literal["fp32", "bf16", "fp16"]


def _shifts(value: str) -> str:
    """`06:00,14:00,22:00` as it is. Raises ValueError unless it is such a list, in the order of the day."""
    starts = value.split(",")
    if not all(re.fullmatch(r"([01]\d|2[0-3]):(00|15|30|45)", start) for start in starts):
        raise ValueError("give times at quarters of an hour with commas between, for example 06:00,14:00,22:00")
    if starts != sorted(set(starts)):
        raise ValueError("give each time once, in the order of the day")
    return value


def _station(value: str) -> str:
    """The name as it is. Raises ValueError unless it can be part of a topic, a path and a database."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,63}", value) or value.startswith("pg_") or value == "information_schema":
        raise ValueError("use letters, digits, underscore and hyphen, at most 63 of them, and not pg_ at the start")
    return value


def _stations(value: str) -> str:
    """`press-3=https://10.0.0.3:8765,press-4=...` as it is. Raises ValueError unless it is such a list."""
    for one in value.split(","):
        name, _, page = one.partition("=")
        _station(name)
        if not re.fullmatch(r"https?://[^\s/@]+(/[^\s@]*)?", page):
            raise ValueError("give NAME=ADDRESS with commas between, for example press-3=https://10.0.0.3:8765")
    return value


def _budget(value: ByteSize) -> ByteSize:
    """As it is. Raises ValueError for what holds no picture: all would be removed for want of two letters."""
    if value < 1_000_000:
        raise ValueError("give at least 1MB, and with its unit, for example 50GB")
    return value


def _database_url(value: SecretStr) -> SecretStr:
    check_url(value.get_secret_value())
    return value


class Settings(BaseSettings):
    """Settings of one station. Each can be given as EDGE_<NAME> in the environment; options override it."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    data: Path = Field(default=Path("edge-data"), description="folder of the record, pictures, bundles and journals")
    database_url: Annotated[SecretStr, AfterValidator(_database_url)] | None = Field(
        default=None, description="postgresql://... instead of the SQLite file of the data folder; environment only"
    )
    station: Annotated[str, AfterValidator(_station)] = Field(
        default_factory=lambda: re.sub(r"[^A-Za-z0-9_-]+", "-", socket.gethostname()).strip("-")[:63] or "station",
        description="name of this station, in a database and in outputs; default: this machine's name",
    )
    stations: Annotated[str, AfterValidator(_stations)] | None = Field(
        default=None, description="pages of the stations of a common database: NAME=ADDRESS,NAME=ADDRESS"
    )
    stations_token: SecretStr | None = Field(
        default=None, description="API token of those pages, for their pictures; environment only"
    )
    device: Literal["auto", "cpu", "cuda"] = Field(default="auto", description="auto: CUDA where there is one")
    encoder: str = Field(default="lite", description="`lite`, or an open_clip model as NAME:TAG or NAME:/path/file")
    precision: Precision = Field(default="fp32", description="of the encoder's network")
    models: Path = Field(default=MODELS, description="folder of fetched and added encoder weights")
    adapters: Path | None = Field(default=None, description="file of trained adapters, for zero-shot maps")
    random_words: Path | None = Field(default=None, description="file of a trained random-word network")
    input_size: int | None = Field(default=None, ge=64, le=1024, description="encoder input, pixels a side")
    batch_size: int = Field(default=4, ge=1, le=64, description="most frames in one forward pass")
    credits: int = Field(default=8, ge=1, le=256, description="most frames a camera may have in flight at the worker")
    queue_frames: int = Field(default=4, ge=1, le=256, description="frames a capture holds that were not sent yet")
    deadline_s: float | None = Field(default=None, gt=0, description="older frames are not inspected: late")
    wire: Literal["raw", "jpeg"] = Field(default="raw", description="how pixels travel; jpeg is smaller and lossy")
    max_message_bytes: int = Field(default=128 << 20, ge=1 << 20, description="larger pictures are not inspected")
    drain_timeout_s: float = Field(default=3.0, gt=0, description="how long a stop waits for frames in flight")
    address: str | None = Field(default=None, description="where worker and captures meet")
    live_limit_s: float = Field(default=3.0, gt=0, description="a camera's older picture is not shown as live")
    ready_limit_s: float = Field(default=2.0, gt=1, description="not ready so long after inspection has stopped")
    camera_limit_s: float = Field(default=2.0, gt=1, description="not ready so long after a camera's last picture")
    page_host: str = Field(default="127.0.0.1", description="address the page listens on")
    page_port: int = Field(default=8765, ge=1, le=65535, description="port of the page")
    page_hosts: str | None = Field(default=None, description="names that the page answers to, with commas between")
    page_certificate: Path | None = Field(default=None, description="PEM file: the page is served over HTTPS")
    page_key: Path | None = Field(default=None, description="PEM file: the certificate's key, without a password")
    page_proxy: str | None = Field(default=None, description="address of the proxy that speaks HTTPS for the page")
    trigger_port: int = Field(default=8770, ge=1, le=65535, description="port of the first camera's POST /trigger")
    mqtt_url: str | None = Field(default=None, description="mqtt://HOST[:PORT] or mqtts://: tell this broker")
    mqtt_user: str | None = Field(default=None, description="user at the broker")
    mqtt_password_file: Path | None = Field(default=None, description="file with the user's password")
    webhook_url: SecretStr | None = Field(default=None, description="http:// or https://: POST every outcome there")
    webhook_secret_file: Path | None = Field(default=None, description="file with the secret that signs what is posted")
    outputs_ca: Path | None = Field(
        default=None, description="PEM file: the only authorities to trust, mqtts and https"
    )
    shifts: Annotated[str, AfterValidator(_shifts)] = Field(
        default="06:00,14:00,22:00", description="when shifts begin, in the station's time; quarters of an hour"
    )
    keep_days: int | None = Field(default=None, ge=1, description="flagged and reviewed pictures stay so long")
    keep_sample_days: int | None = Field(
        default=None, ge=1, description="those of passed parts and of uncalibrated cameras stay so long"
    )
    media_budget: Annotated[ByteSize, AfterValidator(_budget)] | None = Field(
        default=None, description="most that pictures may take, with its unit, for example 50GB"
    )
    disk_reserve: ByteSize | None = Field(
        default=None, description="what stays free on the disk of the pictures; default: 2 GB, or 5 % if that is less"
    )
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["text", "json"] = Field(default="text", description="json: one object a line, for a collector")

    @property
    def database(self) -> Database:
        """Where the record is."""
        if self.database_url is not None:
            url, named = self.database_url.get_secret_value(), "station" in self.model_fields_set
            return Database(url=url, station=self.station, named=named)
        return Database(file=self.data / "record.sqlite")

    @property
    def station_pages(self) -> dict[str, str]:
        """Addresses of other stations' pages, by station."""
        pairs = (one.partition("=") for one in (self.stations or "").split(",") if one)
        return {name: page for name, _, page in pairs}

    @property
    def media(self) -> Path:
        """Folder of pictures and maps; the record's paths are relative to it."""
        return self.data / "media"

    @property
    def keys(self) -> Path:
        """Folder of the keys of the wire between machines; closed to all other users."""
        return self.data / "keys"

    @property
    def page_address(self) -> str:
        """Where a browser finds the page: on all addresses of this machine, by its name."""
        name = socket.gethostname() if self.page_host in ("0.0.0.0", "::") else self.page_host
        host = f"[{name}]" if ":" in name else name
        return f"{'https' if self.page_certificate else 'http'}://{host}:{self.page_port}"

    @property
    def live(self) -> Path:
        """Folder of the latest picture of each camera; no part of the record."""
        return self.data / "live"

    @property
    def bundles(self) -> Path:
        """Folder of what calibration made: one folder a category."""
        return self.data / "bundles"

    @property
    def journals(self) -> Path:
        """Folder of the captures' own counts: one folder a run, one file a camera."""
        return self.data / "journal"

    @property
    def reports(self) -> Path:
        """Folder of calibrations' reports: one page a bundle."""
        return self.data / "reports"

    @property
    def logs(self) -> Path:
        """Folder of the processes' logs."""
        return self.data / "logs"

    @property
    def shift_starts(self) -> tuple[time, ...]:
        """When shifts begin, by the station's clock, in the order of the day."""
        return tuple(time.fromisoformat(start) for start in self.shifts.split(","))

    @property
    def thumbnails(self) -> Path:
        """Folder of the page's small pictures; whatever is in it can be made again."""
        return self.data / "thumbnails"

    @property
    def line_address(self) -> str:
        """Where worker and captures meet: `address`, or a short IPC path made from the data folder's own path.

        The path is not inside the data folder because a Unix socket's path may have 107 bytes at most.
        """
        if self.address:
            return self.address
        digest = hashlib.sha256(str(self.data.resolve()).encode()).hexdigest()[:16]
        return f"ipc://{tempfile.gettempdir()}/edge-{os.getuid()}/{digest}"

    @property
    def score_socket(self) -> Path:
        """Where the worker of this line scores pictures for the page: a Unix socket in a folder of this user alone."""
        digest = hashlib.sha256(self.line_address.encode()).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"edge-{os.getuid()}" / f"{digest}.score"

    @property
    def beats(self) -> Path:
        """Folder of the processes' heartbeats."""
        return self._in_memory("beats")

    @property
    def scoring(self) -> Path:
        """The worker's note of which frames it is scoring, for its successor."""
        return self._in_memory("scoring")

    def _in_memory(self, ending: str) -> Path:
        """A path for what a restart of the machine may forget: in memory where that can be, as a disk may be full."""
        digest = hashlib.sha256(str(self.data.resolve()).encode()).hexdigest()[:16]
        root = Path("/dev/shm" if os.access("/dev/shm", os.W_OK) else tempfile.gettempdir())
        return root / f"edge-{os.getuid()}" / f"{digest}.{ending}"

    def child_environment(self) -> dict[str, str]:
        """These settings as environment variables, so that a child process reads exactly the same."""
        values = self.model_dump(mode="json", exclude_none=True)
        values |= {name: value.get_secret_value() for name, value in self if isinstance(value, SecretStr)}
        return {f"{PREFIX}{name.upper()}": str(value) for name, value in values.items()}

    @classmethod
    def read(cls, **options: object) -> Self:
        """Read the environment, then lay the given options over it; options that are None do not count.

        Raises EdgeError naming the variable, its value and what is allowed.
        """
        known = {f"{PREFIX}{name.upper()}" for name in cls.model_fields} | NOT_SETTINGS
        unknown = sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known)
        if unknown:
            hint = _hint(unknown[0], known - NOT_SETTINGS)
            all_known = ", ".join(sorted(known - NOT_SETTINGS | {FIRST_ACCOUNT, FIRST_ACCOUNT_FILE}))
            raise EdgeError(f"unknown setting {unknown[0]} in the environment. {hint}Known: {all_known}.")
        try:
            return cls(**{name: value for name, value in options.items() if value is not None})  # type: ignore[arg-type]
        except ValidationError as error:
            problems = "; ".join(f"{'.'.join(map(str, e['loc']))}{_given(e)}: {e['msg']}" for e in error.errors())
            raise EdgeError(f"settings: {problems}. Mend the option, or EDGE_<NAME> in the environment.") from error


def _hint(unknown: str, known: Collection[str]) -> str:
    """The settings that begin so, or the one that is spelt most like it; empty if nothing is like it."""
    begun = sorted(name for name in known if name.startswith(unknown))
    near = begun or difflib.get_close_matches(unknown, known, n=1)
    return f"Did you mean {' or '.join(near)}? " if near else ""


def _given(error: ErrorDetails) -> str:
    """What was given, where it is no secret."""
    return "" if "database_url" in error["loc"] else f"={error['input']!r}"


FIRST_ACCOUNT, FIRST_ACCOUNT_FILE = f"{PREFIX}FIRST_ACCOUNT", f"{PREFIX}FIRST_ACCOUNT_FILE"
NOT_SETTINGS = {f"{PREFIX}CAMERA", f"{PREFIX}PARENT_PID", FIRST_ACCOUNT, FIRST_ACCOUNT_FILE}
"""Variables with our prefix that are no settings: what may hold a password (a camera's address, the page's first
account), and who started us."""
