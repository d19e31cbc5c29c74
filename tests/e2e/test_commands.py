"""The commands as a user gives them: real processes, real folders, and what they say when something is wrong."""

import csv
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import pytest

from edge.database import Database
from edge.ledger.schema import prepare
from edge.line.demo import demo_boards
from tests.fakes import numbered_folder
from tests.slowness import slowness

README = Path(__file__).parents[2] / "README.md"
BIN = Path(sys.executable).parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def command(*words: str, cwd: Path, timeout_s: float = 120, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run one of our installed commands to its end."""
    return subprocess.run(
        [str(BIN / words[0]), *words[1:]], cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True,
        timeout=timeout_s,
    )  # fmt: skip


def edge(*words: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return command("edge", *words, cwd=cwd, **environment)


@contextmanager
def started(*words: str, cwd: Path, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """One of our commands in the background; killed at the end if it is still there."""
    process = subprocess.Popen(
        [str(BIN / words[0]), *words[1:]], cwd=cwd, env={**os.environ, **environment},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=90)


def fetch_json(url: str) -> dict[str, object]:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)  # type: ignore[no-any-return]


def say_until(process: subprocess.Popen[str], pattern: str) -> str:
    """Read what a process says up to the line that matches."""
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if re.search(pattern, line):
            return line
    raise AssertionError(f"it never said {pattern}: {''.join(said)}")


@pytest.fixture(scope="module")
def boards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen of the demo's boards as files; the first eight are good, and at least one of the rest is not."""
    folder = tmp_path_factory.mktemp("boards")
    for number, board in zip(range(1, 17), demo_boards(seed=0), strict=False):
        cv2.imwrite(str(folder / f"board-{number:02d}.png"), cv2.cvtColor(board.pixels, cv2.COLOR_RGB2BGR))
    return folder


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory, boards: Path) -> Path:
    """A working folder whose edge-data knows the category pcb."""
    cwd = tmp_path_factory.mktemp("taught")
    done = command("calibrate", "--category", "pcb", "--refs", "4", "--images", str(boards), cwd=cwd)
    assert done.returncode == 0, done.stderr
    assert "52.7" in done.stdout, "it says what four references cannot promise"
    return cwd


def test_the_first_command_of_the_readme_shows_flagged_boards_within_a_minute_and_ends_cleanly(tmp_path: Path) -> None:
    first = re.search(r"^(edge run .*)$", README.read_text(), re.MULTILINE)
    assert first is not None
    assert first[1] == "edge run --camera demo:pcb"
    port = free_port()
    began_s = time.monotonic()
    with started(*first[1].split(), cwd=tmp_path, EDGE_PAGE_PORT=str(port)) as line:
        address = re.search(r"http://\S+", say_until(line, "page: http"))
        assert time.monotonic() - began_s < 60 * slowness()
        assert address is not None
        while not fetch_json(f"{address[0]}/api/v1/frames?limit=1&outcome=defect")["frames"]:
            assert time.monotonic() - began_s < 60 * slowness()
            time.sleep(0.2)
        with urllib.request.urlopen(address[0], timeout=30) as page:
            assert "Defect" in page.read().decode()
        line.send_signal(signal.SIGINT)
        stopped_s = time.monotonic()
        rest, _ = line.communicate(timeout=90)
        assert time.monotonic() - stopped_s < 10 * slowness()
    assert line.returncode == 0, rest
    assert "every frame is accounted for" in rest
    assert edge("verify", cwd=tmp_path).returncode == 0


def test_a_folder_is_inspected_once_and_every_file_is_in_the_export(taught: Path, boards: Path) -> None:
    done = edge("run", "--camera", f"{boards}=pcb", "--once", "--no-page", "--json", cwd=taught)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["numbered"] == 16
    assert summary["balanced"] is True
    assert summary["counts"]["outcomes"]["unsure"] == 0
    table = list(csv.DictReader(edge("export", "--run", summary["run"], cwd=taught).stdout.splitlines()))
    assert [row["source"] for row in table] == [f"board-{number:02d}.png" for number in range(1, 17)]
    assert {row["verdict"] for row in table[:4]} == {"ok"}, "the references themselves"
    assert sum(row["verdict"] == "defect" for row in table) == summary["counts"]["outcomes"]["defect"]
    report = json.loads(edge("verify", "--json", cwd=taught).stdout)
    assert report["good"] is True


def test_a_category_for_all_cameras_and_two_cameras_at_once(taught: Path, boards: Path) -> None:
    words = [
        "run",
        "--camera",
        str(boards),
        "--camera",
        str(boards),
        "--category",
        "pcb",
        "--once",
        "--no-page",
        "--json",
    ]
    done = edge(*words, cwd=taught)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["numbered"] == 32


def test_without_a_category_everything_is_unsure(tmp_path: Path) -> None:
    folder = numbered_folder(tmp_path / "parts", 6)
    done = edge("run", "--camera", str(folder), "--once", "--no-page", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["counts"]["outcomes"] == {"ok": 0, "defect": 0, "unsure": 6, "not_inspected": 0}


def test_one_reference_gives_scores_and_no_threshold_so_all_is_unsure(tmp_path: Path, boards: Path) -> None:
    assert (
        command("calibrate", "--category", "pcb", "--refs", "1", "--images", str(boards), cwd=tmp_path).returncode == 0
    )
    done = edge("run", "--camera", f"{boards}=pcb", "--once", "--no-page", "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["counts"]["outcomes"]["unsure"] == 16


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["run", "--camera", "{boards}=widget"], "widget.*There is: pcb"),
        (["run", "--camera", "{empty}"], "no pictures"),
        (["run", "--camera", "nowhere"], "nowhere: no such file"),
        (["run", "--camera", "97"], "no device.*Found"),
        (["run", "--camera", "demo:cake"], "There is: demo:pcb"),
        (["run", "--camera", "{boards}=pcb", "--input-size", "256"], "made with input size 320.*256"),
        (["run", "--camera", "{boards}", "--encoder", "ViT-L-14-336:openai"], "ViT-L-14-336:openai"),
        (["run", "--camera", "{boards}", "--data", "{file}/data"], "cannot be written.*--data"),
        (["run", "--camera", "rtsp://u:secret@127.0.0.1:1/x", "--overload", "wait"], "cannot wait"),
        (["worker", "--device", "cuda"], "(?i)cuda"),
        (["worker", "--address", "tcp://0.0.0.0:5555"], "--trust-network"),
        (["verify", "--data", "{empty}"], "no record"),
        (["export", "--format", "xml"], "xml"),
    ],
)  # fmt: skip
def test_what_the_user_can_mend_is_named_with_exit_code_2(
    taught: Path, boards: Path, tmp_path: Path, words: list[str], says: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    places = {"boards": boards, "empty": tmp_path / "empty", "file": tmp_path / "file"}
    page = ["--once", "--no-page"] if words[0] == "run" else []
    done = edge(*(word.format(**places) for word in words), *page, cwd=taught)
    assert done.returncode == 2, done.stdout + done.stderr
    assert re.search(says, done.stderr.replace("\n", " ")), done.stderr
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stdout + done.stderr


def test_a_misspelt_setting_is_refused(tmp_path: Path) -> None:
    done = edge("doctor", cwd=tmp_path, EDGE_BATCHSIZE="8")
    assert done.returncode == 2
    assert "EDGE_BATCHSIZE" in done.stderr


def test_a_port_in_use_is_named(taught: Path, boards: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = edge("run", "--camera", f"{boards}=pcb", "--port", port, cwd=taught)
    assert done.returncode == 2
    assert port in done.stderr
    assert "--port" in done.stderr


def test_a_second_run_on_the_same_folder_is_refused_and_the_first_goes_on(taught: Path, boards: Path) -> None:
    words = ["run", "--camera", f"{boards}=pcb", "--no-page", "--fps", "2"]
    with started("edge", *words, cwd=taught) as first:
        say_until(first, "verdicts")
        second = edge(*words, "--once", cwd=taught)
        assert second.returncode == 2
        assert f"process {first.pid}" in second.stderr
        first.send_signal(signal.SIGINT)
        rest, _ = first.communicate(timeout=90)
    assert first.returncode == 0, rest


def test_a_newer_record_is_refused(taught: Path, boards: Path, tmp_path: Path) -> None:
    shutil.copytree(taught / "edge-data", tmp_path / "edge-data")
    prepare(Database(file=tmp_path / "edge-data" / "record.sqlite"))
    connection = sqlite3.connect(tmp_path / "edge-data" / "record.sqlite")
    connection.execute("UPDATE alembic_version SET version_num = 'r9999'")
    connection.commit()
    connection.close()
    done = edge("run", "--camera", f"{boards}=pcb", "--once", "--no-page", cwd=tmp_path)
    assert done.returncode == 2
    assert "newer than this program" in done.stderr


def test_a_call_of_post_trigger_inspects_one_part_with_its_identity(taught: Path, boards: Path) -> None:
    port = free_port()
    words = ["run", "--camera", f"{boards}=pcb", "--no-page", "--trigger", "http"]
    with started("edge", *words, cwd=taught, EDGE_TRIGGER_PORT=str(port)) as line:
        identity = {"part": "board", "lot": "L7", "serial": "0042"}
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/trigger", json.dumps(identity).encode(), {"Content-Type": "application/json"}
        )
        answer = None
        until_s = time.monotonic() + 60
        while answer is None:
            assert time.monotonic() < until_s
            try:
                with urllib.request.urlopen(request, timeout=10) as reply:
                    answer = json.load(reply)
            except OSError:  # the capture is not listening yet, or has no worker yet
                time.sleep(0.3)
        assert answer["seq"] == 1
        line.send_signal(signal.SIGINT)
        rest, _ = line.communicate(timeout=90)
    assert line.returncode == 0, rest
    (row,) = csv.DictReader(edge("export", "--run", answer["run"], cwd=taught).stdout.splitlines())
    assert (row["part"], row["lot"], row["serial"], row["source"]) == ("board", "L7", "0042", "board-01.png")


def test_doctor_says_what_is_not_well_and_what_to_do(tmp_path: Path) -> None:
    findings = json.loads(edge("doctor", "--json", cwd=tmp_path).stdout)
    by_subject = {finding["subject"]: finding for finding in findings}
    assert by_subject["encoder"]["well"]
    assert "calibrate" in by_subject["categories"]["advice"]
    assert all(finding["well"] or finding["advice"] for finding in findings)


@pytest.mark.parametrize("words", [["edge"], ["edge", "run"], ["edge", "capture"], ["calibrate"], ["dashboard"]])
def test_help_comes_quickly_because_it_does_not_load_torch(words: list[str], tmp_path: Path) -> None:
    done = command(words[0], *words[1:], "--help", cwd=tmp_path, PYTHONPROFILEIMPORTTIME="1")
    assert done.returncode == 0
    assert "Usage" in done.stdout
    assert "| torch" not in done.stderr.replace("|   ", "| ").replace("  ", " ")
