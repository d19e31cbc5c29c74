"""Outputs as they are asked for: what is refused, where secrets never appear, and what the document shows."""

import json
import re
import time
from pathlib import Path

import pytest
from pydantic import SecretStr

from edge import lock
from edge.cli import main
from edge.errors import EdgeError
from edge.ledger.outbox import announce, waiting
from edge.ledger.readiness import Why
from edge.ledger.record import Inspection, unit_of_work
from edge.line.camera_spec import parse_camera
from edge.line.capture_options import CaptureOptions
from edge.outputs.configured import configured
from edge.outputs.messages import LINE_STOPPED, MESSAGES, OUTPUTS_GONE, Heartbeat, Result, State
from edge.outputs.webhook import signature
from edge.process_table import Role
from edge.programs import programs
from edge.settings import Settings
from edge.teller import want
from tests.here import run_here
from tests.ledger_rows import Ledger

DOCUMENT = Path(__file__).parents[2] / "edge" / "outputs" / "OUTPUTS.md"
SECRET = "s3cret-Pa55-0123456789"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text(SECRET + "\n")
    return path


def test_without_an_address_there_is_no_output_and_no_process_for_one() -> None:
    assert configured(Settings()).names == []
    assert Role.OUTPUTS not in [program.role for program in programs(Settings(), [], page=True)]


def test_a_line_with_an_address_has_a_process_that_tells_and_no_secret_is_among_its_arguments(secret: Path) -> None:
    settings = Settings(
        mqtt_url="mqtt://broker", mqtt_user="line", mqtt_password_file=secret,
        webhook_url=SecretStr(f"https://mes.example/{SECRET}"), webhook_secret_file=secret,
    )  # fmt: skip
    assert SECRET not in repr(settings)
    assert settings.child_environment()["EDGE_WEBHOOK_URL"].endswith(SECRET)
    assert configured(settings).names == ["mqtt", "webhook"]
    table = programs(settings, [CaptureOptions(parse_camera("demo:pcb"))], page=False)
    (tells,) = [program for program in table if program.role is Role.OUTPUTS]
    assert SECRET not in " ".join(tells.arguments)
    assert SECRET not in repr(configured(settings))


def test_ports_and_tls_follow_the_address(secret: Path) -> None:
    plain = configured(Settings(mqtt_url="mqtt://broker")).broker
    safe = configured(Settings(mqtt_url="mqtts://[::1]")).broker
    other = configured(Settings(mqtt_url="mqtts://broker:9000", mqtt_user="a", mqtt_password_file=secret)).broker
    assert plain is not None
    assert safe is not None
    assert other is not None
    assert (plain.port, plain.tls, plain.password) == (1883, False, None)
    assert (safe.host, safe.port, safe.tls) == ("::1", 8883, True)
    assert (other.port, other.password) == (9000, SECRET)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"mqtt_url": "broker:1883"}, "EDGE_MQTT_URL is no address.*mqtt://HOST"),
        ({"mqtt_url": "mqtt://broker:port"}, "EDGE_MQTT_URL is no address"),
        ({"mqtt_url": f"mqtt://line:{SECRET}@broker"}, "EDGE_MQTT_URL holds a user or a password"),
        ({"mqtt_url": f"mqtt://broker/{SECRET}"}, "EDGE_MQTT_URL: only a host and a port"),
        ({"mqtt_url": "mqtt://broker", "mqtt_password_file": "SECRET"}, "without EDGE_MQTT_USER"),
        ({"mqtt_url": "mqtt://broker", "mqtt_password_file": "absent"}, "EDGE_MQTT_PASSWORD_FILE=.*cannot be read"),
        ({"mqtt_url": "mqtt://broker", "mqtt_user": "a", "mqtt_password_file": "EMPTY"}, "is empty"),
        ({"mqtt_url": "mqtts://broker", "outputs_ca": "absent"}, "EDGE_OUTPUTS_CA=.*cannot be read"),
        ({"mqtt_url": "mqtts://broker", "outputs_ca": "EMPTY"}, "EDGE_OUTPUTS_CA=.*holds no certificate"),
        ({"mqtt_url": "mqtts://broker", "outputs_ca": "SECRET"}, "EDGE_OUTPUTS_CA=.*holds no certificate"),
        ({"webhook_url": f"ftp://mes/{SECRET}"}, "EDGE_WEBHOOK_URL is no address"),
        ({"webhook_url": f"https://mes/{SECRET}"}, "EDGE_WEBHOOK_SECRET_FILE must name a file"),
        ({"webhook_url": "https://mes", "webhook_secret_file": "EMPTY"}, "is empty"),
    ],
)
def test_what_cannot_be_is_refused_and_no_secret_is_said(
    given: dict[str, str], named: str, secret: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").write_text("\n")
    paths = {"SECRET": str(secret), "EMPTY": str(tmp_path / "empty")}
    with pytest.raises(EdgeError, match=named) as error:
        configured(Settings(**{name: paths.get(value, value) for name, value in given.items()}))  # type: ignore[arg-type]
    assert SECRET not in str(error.value)


@pytest.mark.parametrize("station", ["", "a/b", "a#", "line 3", "x" * 101])
def test_a_station_is_named_so_that_a_topic_can_hold_it(station: str) -> None:
    with pytest.raises(EdgeError, match="station"):
        Settings.read(station=station)
    assert re.fullmatch(r"[A-Za-z0-9_-]+", Settings().station)


def test_the_record_keeps_outcomes_for_what_is_asked_for_and_says_what_is_not_any_more(
    ledger: Ledger, secret: Path, caplog: pytest.LogCaptureFixture
) -> None:
    both = ledger.settings.model_copy(
        update={"mqtt_url": "mqtt://broker", "webhook_url": SecretStr("https://mes"), "webhook_secret_file": secret}
    )
    assert want(both) == ["mqtt", "webhook"]
    row = ledger.add("ok")
    with unit_of_work(ledger.engine) as session:
        announce(session, [session.get_one(Inspection, row)])
    assert want(both.model_copy(update={"webhook_url": None})) == ["mqtt"]
    assert "output webhook is no longer asked for; it was never told of 1 results" in caplog.text
    assert [one.inspection.id for one in waiting(ledger.engine, "mqtt", limit=10)] == [row]


def test_one_data_folder_has_one_process_that_tells(tmp_path: Path) -> None:
    with (
        lock.sole(tmp_path, "outputs"),
        pytest.raises(EdgeError, match="`edge outputs` is at work"),
        lock.sole(tmp_path, "outputs"),
    ):
        pass
    with lock.sole(tmp_path, "outputs"):
        pass


def test_the_command_prints_the_schemas_and_has_nothing_to_do_without_an_address(tmp_path: Path) -> None:
    schemas = json.loads(run_here(main, "outputs", "--schemas").stdout)
    assert set(schemas) == {"Result", "State", "Heartbeat"}
    assert schemas["Result"]["properties"]["outcome"] == {"$ref": "#/$defs/Outcome"}
    ended = run_here(main, "outputs", "--data", str(tmp_path))
    assert ended.returncode == 2
    assert "set EDGE_MQTT_URL or EDGE_WEBHOOK_URL" in ended.stderr


def test_the_examples_in_the_document_are_messages() -> None:
    kinds = {f"edge.{kind.__name__.lower()}/1": kind for kind in MESSAGES}
    examples = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", DOCUMENT.read_text(), re.S)]
    parsed = [kinds[example["type"]].model_validate(example) for example in examples]
    assert {type(message) for message in parsed} == {State, Heartbeat, Result}
    assert [json.loads(message.body()) for message in parsed] == examples


def test_every_reason_is_explained_in_the_document() -> None:
    said = set(re.findall(r"`(\w+)`", DOCUMENT.read_text()))
    assert {why.value for why in Why} | {LINE_STOPPED, OUTPUTS_GONE} <= said


def test_the_receiver_of_the_document_knows_our_signature() -> None:
    (shown,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.S)
    names: dict[str, object] = {}
    exec(shown, names)
    is_genuine = names["is_genuine"]
    assert callable(is_genuine)
    now_s = int(time.time())
    assert is_genuine(b"secret", signature(b"secret", b"{}", at_s=now_s), b"{}")
    assert not is_genuine(b"secret", signature(b"secret", b"{}", at_s=now_s), b"{ }")
    assert not is_genuine(b"other", signature(b"secret", b"{}", at_s=now_s), b"{}")
    assert not is_genuine(b"secret", signature(b"secret", b"{}", at_s=now_s - 3600), b"{}")
