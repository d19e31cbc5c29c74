import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import EdgeError
from edge.frame import PartIdentity
from edge.line.journal import INDEX_STEP, Journal, JournalCount, last_category, numbers_in, read_header, unfinished_run


def open_journal(folder: Path, run: str = "r") -> Journal:
    return Journal(folder, run=run, camera="cam", source="somewhere", category="pcb")


def fill(journal: Journal, count: int) -> None:
    for number in range(count):
        journal.append(captured_ns=number * 10, source=f"{number}.png")


def test_numbers_count_up_from_one_and_go_on_after_reopening(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        assert [journal.append(captured_ns=1, source="a").seq for _ in range(3)] == [1, 2, 3]
    with open_journal(tmp_path) as journal:
        assert journal.numbered == 3
        assert journal.append(captured_ns=1, source="a").seq == 4


def test_entries_are_read_back_as_written(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        who = PartIdentity("p", "l", "s")
        written = [journal.append(captured_ns=n, source=f"ä {n}\n.png", identity=who) for n in range(3 * INDEX_STEP)]
        assert journal.entries(INDEX_STEP, INDEX_STEP + 5) == written[INDEX_STEP - 1 : INDEX_STEP + 5]
        assert journal.entries(1, len(written)) == written
    with open_journal(tmp_path) as journal:
        assert journal.entries(2 * INDEX_STEP, 2 * INDEX_STEP) == [written[2 * INDEX_STEP - 1]]
    assert numbers_in(journal.path) == [info.seq for info in written]


@given(cut=st.integers(min_value=1, max_value=200))
def test_a_torn_end_loses_only_lines_that_were_not_whole(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    folder = tmp_path_factory.mktemp("journal")
    with open_journal(folder) as journal:
        fill(journal, 20)
    whole = journal.path.read_bytes()
    torn = whole[:-cut]
    journal.path.write_bytes(torn)
    left = sum(line.startswith(b"[") for line in torn.splitlines(keepends=True) if line.endswith(b"\n"))
    with open_journal(folder) as journal:
        assert journal.numbered == left
        assert journal.append(captured_ns=1, source="next").seq == left + 1
    assert (read_header(journal.path) or {})["camera"] == "cam"
    assert numbers_in(journal.path) == list(range(1, left + 2))


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    with open_journal(tmp_path), pytest.raises(EdgeError, match="another capture"):
        open_journal(tmp_path)


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        pass
    journal.path.write_text('{"version": 99}\n')
    with pytest.raises(EdgeError, match="99"):
        open_journal(tmp_path)


def test_only_a_run_without_clean_end_is_unfinished(tmp_path: Path) -> None:
    assert unfinished_run(tmp_path, "cam", "pcb") is None
    with open_journal(tmp_path, "first") as journal:
        fill(journal, 2)
    assert unfinished_run(tmp_path, "cam", "pcb") == "first"
    with open_journal(tmp_path, "first") as journal:
        journal.end()
    assert unfinished_run(tmp_path, "cam", "pcb") is None


def test_the_count_follows_a_growing_journal(tmp_path: Path) -> None:
    count = JournalCount([tmp_path / "r" / "cam.jsonl"])
    assert count.look() == 0
    with open_journal(tmp_path) as journal:
        fill(journal, 3)
        assert count.look() == 3
        fill(journal, 2)
        assert count.look() == 5


def test_what_append_returned_survives_sigkill(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from edge.line.journal import Journal\n"
        "journal = Journal(Path(sys.argv[1]), run='r', camera='cam', source='s', category='pcb')\n"
        "while True: print(journal.append(captured_ns=1, source='x').seq, flush=True)"
    )
    process = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout:
        for _ in range(100):
            last = int(process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
        last = max([last, *(int(line) for line in process.stdout.read().split(b"\n")[:-1] if line)])
    process.wait()
    with open_journal(tmp_path) as journal:
        assert journal.numbered >= last


def test_a_run_of_another_category_is_not_gone_on_with_by_itself(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        fill(journal, 2)
    assert unfinished_run(tmp_path, "cam", "cake") is None


def test_a_changeover_is_noted_and_the_numbers_go_on(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        fill(journal, 2)
        journal.end()
    for category in ("cake", "cake", "pcb"):
        with Journal(tmp_path, run="r", camera="cam", source="somewhere", category=category) as journal:
            fill(journal, 1)
        assert last_category(journal.path) == category
    assert numbers_in(journal.path) == [1, 2, 3, 4, 5]
    assert journal.path.read_bytes().count(b"cake") == 1
    assert unfinished_run(tmp_path, "cam", "pcb") == "r"


def test_a_full_disk_gives_no_number_and_leaves_whole_lines(tmp_path: Path) -> None:
    program = (
        "import resource, signal, sys; from pathlib import Path; from edge.line.journal import Journal\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "journal = Journal(Path(sys.argv[1]), run='r', camera='cam', source='s', category='pcb')\n"
        "try:\n"
        "    while True: journal.append(captured_ns=1, source='x' * 60)\n"
        "except OSError: print(journal.numbered)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True)
    with open_journal(tmp_path) as journal:
        assert 5 < journal.numbered == int(done.stdout)
        assert journal.path.read_bytes().endswith(b"\n")
