"""What the processes log: JSON lines that a collector reads, last words, and a folder that stays small."""

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge.errors import EdgeError
from edge.frame import FrameInfo
from edge.log_files import LogFiles, begin_anew, last_words
from edge.logs import about, know, logged_to, logs_json, start_logging
from edge.process_table import Program, Role
from edge.settings import Settings
from edge.supervisor import Supervisor
from tests.lines import wait_until
from tests.small_disk import small_disk

INFO = FrameInfo("night-1", "top", 7, 1, "test")


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root, hook = logging.getLogger(), sys.excepthook
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    sys.excepthook = hook
    logging.captureWarnings(False)


def lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_json_line_says_when_who_what_and_of_which_frame(capsys: pytest.CaptureFixture[str]) -> None:
    start_logging(Settings(log_format="json"), "capture-top")
    assert logs_json()
    log = logging.getLogger("edge.capture")
    log.info("no frame yet: %s", "ß\n")
    know(run="night-1", camera="top")
    log.warning("numbered", extra={"seq": 7})
    log.error("of another", extra=about(FrameInfo("day-2", "side", 8, 1, "test")))
    before, during, after = lines(capsys.readouterr().err)
    assert abs((datetime.now(UTC) - datetime.fromisoformat(str(before.pop("ts")))).total_seconds()) < 60
    assert before == {
        "level": "info", "logger": "edge.capture", "process": "capture-top", "message": "no frame yet: ß\n"
    }  # fmt: skip
    assert (during["run"], during["camera"], during["seq"]) == ("night-1", "top", 7)
    assert (after["run"], after["camera"], after["seq"]) == ("day-2", "side", 8)


def test_text_stays_text_and_beside_words_only_warnings_are_said(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    start_logging(Settings(), "supervisor", beside_words=True)
    with logged_to(tmp_path / "logs" / "supervisor.log"):
        logging.getLogger("edge.run").info("started worker")
        logging.getLogger("edge.run").warning("worker ended")
    said = capsys.readouterr().err
    assert not logs_json()
    assert "started" not in said and said.rstrip().endswith("WARNING edge.run: worker ended")
    kept = (tmp_path / "logs" / "supervisor.log").read_text().splitlines()
    assert [line.rpartition(": ")[2] for line in kept] == ["started worker", "worker ended"]


def test_an_error_that_nobody_caught_is_one_json_line_with_its_traceback() -> None:
    code = (
        "from edge.logs import start_logging; from edge.settings import Settings\n"
        "start_logging(Settings(log_format='json'), 'worker')\n"
        "import warnings; warnings.warn('worn out')\n"
        "raise ValueError('lens cap')\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    warned, died = lines(ended.stderr)
    assert "worn out" in str(warned["message"])
    assert (died["level"], died["message"]) == ("critical", "ValueError: lens cap")
    assert str(died["traceback"]).startswith("Traceback")


def test_the_supervisor_finds_the_last_words_of_a_process_that_logs_json(tmp_path: Path) -> None:
    said = json.dumps({"ts": "now", "level": "error", "message": "error: the lens cap is on"})
    wrong = Program("worker", Role.WORKER, ["-c", f"import sys; print({said!r}); sys.exit(2)"])
    line = Supervisor([wrong], logs=tmp_path, rows=lambda _: 0)
    with pytest.raises(EdgeError, match="worker cannot work: the lens cap is on"):
        wait_until(lambda: False, timeout_s=30, tick=line.tick)
    line.stop()


def test_last_words_are_found_in_the_predecessor_of_an_empty_log_and_may_be_no_json(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    assert last_words(log) == "it said nothing."
    log.write_text('{"message": "well"}\nFatal Python error: Segmentation fault\n')
    assert last_words(log) == "Fatal Python error: Segmentation fault"
    begin_anew(log)
    assert log.read_text() == ""
    assert last_words(log) == "Fatal Python error: Segmentation fault"
    log.write_text("[1, 2]\n")
    assert last_words(log) == "[1, 2]"
    log.write_bytes(b"x" * 200_000 + b"\nthe end\n")
    assert last_words(log) == "the end"


def test_a_log_that_grows_becomes_its_predecessor_while_a_process_writes_it_and_nothing_else_is_touched(
    tmp_path: Path,
) -> None:
    code = "import sys, time\nfor i in range(1500):\n    print(i, 'x' * 90, flush=True)\n    time.sleep(0.0005)\n"
    log, other = tmp_path / "worker.log", tmp_path / "notes.txt"
    other.write_text("y" * 100_000)
    with log.open("ab") as output:
        writer = subprocess.Popen([sys.executable, "-c", code], stdout=output)
    sizes, numbers = [], []
    previous = tmp_path / "worker.log.1"
    while writer.poll() is None:
        sizes.append(log.stat().st_size)
        LogFiles(tmp_path, limit_bytes=25_000).tick()
        if previous.exists():
            numbers += [int(line.split()[0]) for line in previous.read_text().splitlines()]
            previous.unlink()
    numbers += [int(line.split()[0]) for line in log.read_text().splitlines()]
    assert other.stat().st_size == 100_000
    assert max(sizes) < 140_000 / 2
    assert numbers == sorted(numbers) and numbers[-1] == 1499
    assert len(numbers) > 1490, "a line is lost only if it comes between the copy's end and the emptying"


def test_on_a_full_disk_a_log_is_emptied_though_it_cannot_be_kept(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", size_bytes=1 << 20) as disk:
        log = disk / "worker.log"
        log.write_bytes(b"x" * 900_000)
        begin_anew(log)
        assert log.stat().st_size == 0
        assert not (disk / "worker.log.1").exists()
