"""`calibrate list | show | promote | rollback | export | import`, as a person and as a script see them."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from calibration.bundles.exchange import export_bundle
from calibration.cli import app
from edge.errors import EdgeError
from edge.vision.bundle import load_bundle
from edge.vision.bundle_history import read_history
from edge.vision.bundle_name import BundleName
from edge.vision.bundle_promotion import in_use, resolve
from tests.tiny_bundle import saved


def calibrate(*options: str | Path, data: Path) -> str:
    """What the command prints; raises what it raises."""
    result = CliRunner().invoke(app, [*map(str, options), "--data", str(data)])
    if result.exception is not None:
        raise result.exception
    return result.stdout


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A station with pcb@1 in use, pcb@2 beside it, and tile@1."""
    for category, threshold, promoted in (("pcb", 0.1, True), ("pcb", 0.2, False), ("tile", 0.3, True)):
        saved(tmp_path / "station" / "bundles", category, threshold=threshold, promoted=promoted)
    return tmp_path / "station"


def test_the_list_names_each_bundle_and_the_one_in_use(data: Path) -> None:
    heading, *lines = calibrate("list", data=data).splitlines()
    assert heading.split()[:3] == ["BUNDLE", "IN", "USE"]
    assert [line.split()[:2] for line in lines] == [["pcb@1", "yes"], ["pcb@2", "2026-11-21"], ["tile@1", "yes"]]
    rows = json.loads(calibrate("list", "pcb", "--json", data=data))
    assert [(row["bundle"], row["in_use"], row["threshold"]) for row in rows] == [
        ("pcb@1", True, 0.1),
        ("pcb@2", False, 0.2),
    ]
    assert rows[0]["sha256"] == load_bundle(data / "bundles", "pcb").sha256
    assert lines[0].endswith(rows[0]["sha256"][:10])


def test_a_damaged_bundle_is_listed_with_the_reason_beside_the_others(data: Path) -> None:
    (data / "bundles" / "pcb" / "2" / "bundle.json").write_text("{}")
    said = calibrate("list", data=data)
    assert "damaged" in said.splitlines()[2]
    assert "bundle pcb@2" in said and "bundle.json is not as calibration wrote it" in said
    assert [("damaged" in row) for row in json.loads(calibrate("list", "--json", data=data))] == [False, True, False]


def test_a_station_without_bundles_says_how_to_make_one(tmp_path: Path) -> None:
    assert "Make one: calibrate --category" in calibrate("list", data=tmp_path)
    assert json.loads(calibrate("list", "--json", data=tmp_path)) == []


def test_promote_and_rollback_are_one_command_each_and_are_remembered(data: Path) -> None:
    assert "pcb@2 is in use" in calibrate("promote", "pcb@2", "--reason", "new light", data=data)
    assert str(in_use(data / "bundles", "pcb")) == "pcb@2"
    assert json.loads(calibrate("rollback", "pcb", "--json", data=data)) == {"bundle": "pcb@1"}
    assert str(in_use(data / "bundles", "pcb")) == "pcb@1"
    assert [each.reason for each in read_history(data / "bundles" / "pcb")] == [None, "new light", None]


def test_show_tells_all_of_a_bundle(data: Path) -> None:
    calibrate("promote", "pcb@2", "--reason", "new light", data=data)
    said = calibrate("show", "pcb", data=data)
    for part in ("pcb@2", "in use", "yes", "01.png one.jpg, 02.png two.jpg", "new light", "instead of pcb@1", "0.2"):
        assert part in said
    facts = json.loads(calibrate("show", "pcb@1", "--json", data=data))
    assert (facts["bundle"], facts["in_use"], facts["threshold"], facts["category"]) == ("pcb@1", False, 0.1, "pcb")
    assert set(facts["files"]) == {"bank.safetensors", "references/01.png", "references/02.png"}
    assert [each["version"] for each in facts["promotions"]] == [1, 2]


def test_a_bundle_goes_from_one_station_to_another(data: Path, tmp_path: Path) -> None:
    file, other = tmp_path / "pcb.zip", tmp_path / "other"
    assert f"pcb@2 is in {file}" in calibrate("export", "pcb@2", file, data=data)
    assert "is here now, as pcb@1; not promoted" in calibrate("import", file, data=other)
    assert "is here already, as pcb@1; not promoted" in calibrate("import", file, data=other)
    said = json.loads(calibrate("import", file, "--promote", "--json", data=other))
    assert said == {"bundle": "pcb@1", "new": False, "promoted": True}
    assert load_bundle(other / "bundles", "pcb").manifest.threshold == 0.2
    assert [each.reason for each in read_history(other / "bundles" / "pcb")] == ["imported from pcb.zip"]


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (["promote", "pcb"], "which pcb.*pcb@1"),
        (["promote", "pcb@9"], r"There is: pcb@1, pcb@2"),
        (["rollback", "tile"], "nothing was in use before tile@1"),
        (["rollback", "nut"], r"no bundle for category nut.*There is: pcb, tile"),
        (["show", "pcb@x"], "CATEGORY@NUMBER"),
        (["list", "p/c"], "category 'p/c'"),
        (["import", "/nowhere.zip"], "no such file"),
    ],
)
def test_a_mistake_is_one_message_that_names_the_next_step(data: Path, command: list[str], reason: str) -> None:
    with pytest.raises(EdgeError, match=reason):
        calibrate(*command, data=data)
    assert str(in_use(data / "bundles", "pcb")) == "pcb@1"


def test_a_bundle_that_is_not_there_is_answered_with_those_that_are(tmp_path: Path) -> None:
    saved(tmp_path / "bundles", "one")
    with pytest.raises(EdgeError, match="There is: one@1"):
        resolve(tmp_path / "bundles", BundleName("pcb", 1))


def test_a_folder_that_is_not_there_is_not_a_lack_of_room(tmp_path: Path) -> None:
    saved(tmp_path / "bundles", "one")
    with pytest.raises(EdgeError, match="there is no folder"):
        export_bundle(tmp_path / "bundles", BundleName("one", 1), tmp_path / "nodir" / "one.zip")
