"""Versions of a category: numbered once, whole or not there, put into use one at a time and back."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import EdgeError
from edge.vision.bundle import load_bundle, save_bundle
from edge.vision.bundle_history import Promotion, before, read_history
from edge.vision.bundle_name import BundleName, parse_bundle_name
from edge.vision.bundle_promotion import categories, in_use, promote, resolve, rollback
from edge.vision.bundle_store import add_version, versions
from tests.tiny_bundle import PICTURES, bank, manifest, saved


@pytest.mark.parametrize(
    ("text", "name"),
    [("pcb", BundleName("pcb")), ("pcb@7", BundleName("pcb", 7)), ("t-2_b@12", BundleName("t-2_b", 12))],
)
def test_a_name_is_read_and_written_alike(text: str, name: BundleName) -> None:
    assert parse_bundle_name(text) == name
    assert str(name) == text


@pytest.mark.parametrize(
    "text", ["", "@7", "pcb@", "pcb@0", "pcb@07", "pcb@-1", "pcb@x", "pcb@1@2", "../pcb@1", "pcb@٣", "pcb@1\n"]
)
def test_a_name_that_is_none_says_how_one_is_written(text: str) -> None:
    with pytest.raises(EdgeError, match=r"CATEGORY@NUMBER, for example pcb@7"):
        parse_bundle_name(text)


def test_a_new_bundle_is_the_next_version_and_the_old_one_stays_in_use_until_it_is_promoted(tmp_path: Path) -> None:
    first = saved(tmp_path, threshold=0.1)
    second = saved(tmp_path, threshold=0.2, promoted=False)
    assert (first.name, second.name) == ("1", "2")
    assert load_bundle(tmp_path, "pcb").manifest.threshold == 0.1
    promote(tmp_path, "pcb", 2)
    assert load_bundle(tmp_path, "pcb").manifest.threshold == 0.2
    assert load_bundle(tmp_path, "pcb", 1).manifest.threshold == 0.1
    assert str(load_bundle(tmp_path, "pcb").name) == "pcb@2"


def test_a_deleted_bundles_number_is_not_given_to_another(tmp_path: Path) -> None:
    saved(tmp_path)
    folder = saved(tmp_path)
    folder.rename(tmp_path / "elsewhere")
    assert saved(tmp_path).name == "3"


def test_what_is_not_there_is_refused_with_what_is(tmp_path: Path) -> None:
    saved(tmp_path, promoted=False)
    saved(tmp_path, promoted=False)
    with pytest.raises(EdgeError, match=r"no bundle pcb@7 in .*There is: pcb@1, pcb@2\."):
        promote(tmp_path, "pcb", 7)
    with pytest.raises(EdgeError, match=r"no bundle of pcb is in use.*calibrate promote pcb@2"):
        resolve(tmp_path, BundleName("pcb"))
    assert (in_use(tmp_path, "pcb"), categories(tmp_path)) == (None, [])


def test_a_damaged_bundle_is_not_put_into_use(tmp_path: Path) -> None:
    saved(tmp_path)
    (saved(tmp_path, promoted=False) / "references" / "02.png").write_bytes(b"another")
    with pytest.raises(EdgeError, match=r"bundle pcb@2 .*02\.png is not as calibration wrote it"):
        promote(tmp_path, "pcb", 2)
    assert str(in_use(tmp_path, "pcb")) == "pcb@1"
    assert len(read_history(tmp_path / "pcb")) == 1


def test_a_damaged_pointer_is_refused_and_mended_by_a_promotion(tmp_path: Path) -> None:
    saved(tmp_path)
    (tmp_path / "pcb" / "current").write_text("../other/1\n")
    with pytest.raises(EdgeError, match=r"which is no version\. Promote one"):
        load_bundle(tmp_path, "pcb")
    promote(tmp_path, "pcb", 1)
    assert load_bundle(tmp_path, "pcb").version == 1


def test_the_history_says_what_was_in_use_by_whom_and_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "ada")
    saved(tmp_path)
    saved(tmp_path, promoted=False)
    promote(tmp_path, "pcb", 2, reason="a new lot")
    assert str(rollback(tmp_path, "pcb", reason="too strict")) == "pcb@1"
    found = read_history(tmp_path / "pcb")
    assert [(each.action, each.version, each.replaced, each.reason) for each in found] == [
        ("promote", 1, None, None),
        ("promote", 2, 1, "a new lot"),
        ("rollback", 1, 2, "too strict"),
    ]
    assert {each.by for each in found} == {"ada"}
    assert found[1].sha256 == load_bundle(tmp_path, "pcb", 2).sha256
    assert load_bundle(tmp_path, "pcb").version == 1


def test_rolling_back_again_and_again_ends_with_the_first(tmp_path: Path) -> None:
    for _ in range(3):
        saved(tmp_path)
    promote(tmp_path, "pcb", 1)
    assert [rollback(tmp_path, "pcb").version for _ in range(3)] == [3, 2, 1]
    with pytest.raises(EdgeError, match=r"nothing was in use before pcb@1"):
        rollback(tmp_path, "pcb")
    assert str(in_use(tmp_path, "pcb")) == "pcb@1"


def test_a_bundle_that_an_earlier_release_promoted_can_be_gone_back_to(tmp_path: Path) -> None:
    saved(tmp_path)
    (tmp_path / "pcb" / "promotions.jsonl").unlink()
    saved(tmp_path)
    assert rollback(tmp_path, "pcb").version == 1


def test_a_history_line_without_its_promotion_counts_for_nothing(tmp_path: Path) -> None:
    for _ in range(3):
        saved(tmp_path)
    (tmp_path / "pcb" / "current").write_text("2\n")  # what a kill between the two leaves
    assert rollback(tmp_path, "pcb").version == 1


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(st.integers(1, 4), st.none()), max_size=30))
def test_rollback_is_undo(steps: Sequence[int | None]) -> None:
    history: list[Promotion] = []
    undo: list[int] = []

    def took(action: str, version: int) -> None:
        replaced = history[-1].version if history else None
        history.append(
            Promotion.model_validate(
                {
                    "time": "t",
                    "action": action,
                    "version": version,
                    "sha256": "",
                    "replaced": replaced,
                    "by": "",
                    "reason": None,
                }
            )
        )

    for step in steps:
        if step is not None:
            took("promote", step)
            undo += [step] if undo[-1:] != [step] else []
        elif len(undo) > 1:
            undo.pop()
            took("rollback", undo[-1])
        assert before(history, undo[-1] if undo else None) == (undo[-2] if len(undo) > 1 else None)


def test_bundles_written_at_once_get_different_numbers_and_are_whole(tmp_path: Path) -> None:
    seen: list[int] = []
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            seen.extend(len(list(folder.rglob("*.*"))) for folder in tmp_path.glob("pcb/[0-9]*"))

    with ThreadPoolExecutor(9) as pool:
        watching = pool.submit(watch)
        folders = list(pool.map(lambda n: saved(tmp_path, threshold=n / 100), range(8)))
        done.set()
        watching.result()
    assert sorted(int(folder.name) for folder in folders) == list(range(1, 9))
    assert {load_bundle(tmp_path, "pcb", n).manifest.threshold for n in range(1, 9)} == {n / 100 for n in range(8)}
    assert set(seen) == {5}, "a bundle was seen before it was whole"
    assert len(read_history(tmp_path / "pcb")) == 8


def run_script(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)], capture_output=True, text=True, check=False
    )


FULL_DISK = """
import resource, sys
from pathlib import Path
from edge.errors import EdgeError
from edge.vision.bundle_folder import write_folder
from edge.vision.bundle_promotion import promote
from edge.vision.bundle_store import add_version
from tests.tiny_bundle import manifest
folder, limit = Path(sys.argv[1]), int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    if limit:
        files = {"small": lambda: b"x", "large": lambda: bytes(9000)}
        add_version(folder, "pcb", lambda new: write_folder(new, manifest(), files))
    else:
        promote(folder, "pcb", 1)
except EdgeError as error:
    sys.exit(str(error))
"""


@pytest.mark.parametrize("limit_bytes", [3000, 0])
def test_a_disk_that_takes_no_more_is_one_message_and_leaves_all_as_it_was(tmp_path: Path, limit_bytes: int) -> None:
    saved(tmp_path)
    saved(tmp_path)
    was = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    run = run_script(FULL_DISK, tmp_path, limit_bytes)
    assert run.returncode == 1
    assert f"cannot be written in {tmp_path}" in run.stderr
    assert "File too large. Make room there" in run.stderr
    assert "Traceback" not in run.stderr
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == was
    assert [path.name for path in tmp_path.iterdir()] == ["pcb"]


HALF_WRITTEN = """
import sys, time
from pathlib import Path
from edge.vision.bundle_store import add_version
def write(folder):
    folder.mkdir()
    (folder / "bundle.json").write_text("{")
    print("half", flush=True)
    time.sleep(60)
add_version(Path(sys.argv[1]), "pcb", write)
"""


def test_what_a_killed_calibration_left_is_no_version_and_is_removed_by_the_next(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HALF_WRITTEN, str(tmp_path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        saved(tmp_path)
        assert len(list(tmp_path.glob(".new-*"))) == 1, "one that is at work is left alone"
        os.kill(process.pid, signal.SIGKILL)
    assert (versions(tmp_path, "pcb"), categories(tmp_path)) == ([BundleName("pcb", 1)], ["pcb"])
    assert saved(tmp_path).name == "2"
    assert list(tmp_path.glob(".new-*")) == []


def test_a_bundle_that_cannot_be_made_leaves_nothing_behind(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        folder.mkdir()
        raise EdgeError("no")

    with pytest.raises(EdgeError, match="no"):
        add_version(tmp_path, "pcb", fail)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="2 references and 1 pictures"):
        save_bundle(tmp_path, manifest(), PICTURES[:1], bank=bank())
    assert list(tmp_path.iterdir()) == []


def test_a_history_line_that_is_none_is_named(tmp_path: Path) -> None:
    saved(tmp_path)
    with (tmp_path / "pcb" / "promotions.jsonl").open("a") as file:
        file.write(json.dumps({"version": "x"}) + "\n")
    with pytest.raises(EdgeError, match=r"promotions\.jsonl holds a line that is no promotion"):
        rollback(tmp_path, "pcb")
