"""A page of the record is overwritten under a running `edge run`: it ends and says what to do, and so does the next."""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from edge.ledger.beats import WORKER, read_beats
from edge.settings import Settings
from tests.damage import is_overwritten, overwrite_page, root_page
from tests.fakes import numbered_folder
from tests.lines import recorded_yet, wait_until

pytestmark = pytest.mark.sqlite
PATIENCE_S = 90


def start(settings: Settings, folder: Path, said: Path) -> subprocess.Popen[bytes]:
    words = ["run", "--camera", str(folder), "--fps", "10", "--no-page", "--data", str(settings.data)]
    with said.open("wb") as output:
        return subprocess.Popen([sys.executable, "-m", "edge.cli", *words], stdout=output, stderr=output)


def folded(database: Path) -> bool:
    """Fold what is in the write-ahead log into the file, so that the file's page is what everybody reads."""
    with closing(sqlite3.connect(database, timeout=1)) as connection:
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def damage_while_it_runs(settings: Settings) -> int:
    """Overwrite the page that the table of inspections begins with; its number."""
    database, worker = settings.data / "record.sqlite", read_beats(settings.beats)[WORKER].pid

    def caught_between_two_writes() -> bool:
        os.kill(worker, signal.SIGSTOP)
        if folded(database):
            return True
        os.kill(worker, signal.SIGCONT)
        return False

    wait_until(caught_between_two_writes, timeout_s=30)
    page = root_page(database, "inspection")
    overwrite_page(database, page)
    os.kill(worker, signal.SIGCONT)
    return page


def kept(settings: Settings) -> dict[str, bytes]:
    """The record, and all that belongs to it."""
    folders = settings.media, settings.journals
    files = [settings.data / "record.sqlite", *(path for folder in folders for path in folder.rglob("*"))]
    return {str(path): path.read_bytes() for path in files if path.is_file()}


def test_a_line_whose_record_is_damaged_ends_with_the_reason_and_the_next_is_refused(tmp_path: Path) -> None:
    settings, said = Settings(data=tmp_path / "data"), tmp_path / "said"
    folder = numbered_folder(tmp_path / "parts", 1000)
    line = start(settings, folder, said)
    try:
        wait_until(lambda: recorded_yet(settings) > 10, timeout_s=PATIENCE_S, every_s=0.1)
        page = damage_while_it_runs(settings)
        assert line.wait(PATIENCE_S) == 2
    finally:
        line.kill()
        line.wait()
    says_what_to_do(said)
    before = kept(settings)
    assert is_overwritten(settings.data / "record.sqlite", page), "nobody mended it"
    again = start(settings, folder, said)
    assert again.wait(PATIENCE_S) == 2
    says_what_to_do(said)
    assert kept(settings) == before


def says_what_to_do(said: Path) -> None:
    words = " ".join(said.read_text().split())
    assert "record.sqlite is no whole database" in words and "kept as it is" in words and "edge restore" in words
    assert "Traceback" not in words
