"""The fsyncs that are meant for a power cut, seen at the system calls. A power cut itself is not tested here."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CALLS = "openat,open,close,rename,renameat,renameat2,fsync,fdatasync,pwrite64,mkdir,mkdirat"
WRITE_A_DEFECT = """
import sys, time
from pathlib import Path
from edge.database import Database
from edge.frame import FrameInfo
from edge.ledger.record import open_engine
from edge.ledger.schema import prepare
from edge.ledger.writer import Entry, Writer
from tests.fakes import number_verdict, numbered_picture
data = Path(sys.argv[1])
record = Database(file=data / "record.sqlite")
prepare(record)
engine = open_engine(record, writes=True)
writer = Writer(engine, data / "media")
writer.register("night", "top", source="s", category="numbers")
writer.write([Entry(FrameInfo("night", "top", 10, 10**18, "s"), number_verdict(10), numbered_picture(10))])
(data / "written").touch()
"""
ADD_A_BUNDLE = """
import sys
from pathlib import Path
from edge.vision.bundle_folder import write_folder
from edge.vision.bundle_store import add_version
from edge.vision.manifest import Manifest
described, contents = Manifest.model_construct(category="pcb"), {"a/one.bin": lambda: b"1"}
add_version(Path(sys.argv[1]) / "bundles", "pcb", lambda folder: write_folder(folder, described, contents))
"""


def calls(program: str, data: Path) -> list[str]:
    """What a program asked of the kernel about files, `call path`, in order, with descriptors as their paths."""
    if shutil.which("strace") is None:
        reason = "needs strace"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    log = data.parent / "calls"
    data.mkdir()
    subprocess.run(
        ["strace", "-f", "-y", "-o", log, "-e", f"trace={CALLS}", sys.executable, "-c", program, data],
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )
    found = []
    for line in log.read_text(errors="replace").splitlines():
        if match := re.match(r"\d+ +(\w+)\((.*)\) = \d", line):
            paths = [path for path in re.findall(r'["<](/[^">]*)[">]', match[2]) if path.startswith(str(data))]
            if paths:
                found.append(" ".join([match[1], *(str(Path(path).relative_to(data)) for path in paths)]))
    return found


def in_order(found: list[str], *wanted: str) -> None:
    """Raise unless the patterns match, one after another."""
    rest = iter(found)
    for pattern in wanted:
        assert any(re.fullmatch(pattern, call) for call in rest), f"{pattern} does not follow, in:\n" + "\n".join(found)


def test_a_picture_its_map_and_their_names_are_on_disk_before_their_row_is(tmp_path: Path) -> None:
    found = calls(WRITE_A_DEFECT, tmp_path / "data")
    stem = "media/2001-09-09/night/top/00000010"
    for ending in (".jpg", ".png"):
        in_order(
            found, f"fsync {stem}{ending}.part", f"rename {stem}{ending}.part {stem}{ending}",
            "fsync media/2001-09-09/night/top", "pwrite64 record.sqlite-wal", "f(data)?sync record.sqlite-wal",
            "openat .*written",
        )  # fmt: skip
    for folder in ("media", "media/2001-09-09", "media/2001-09-09/night", "media/2001-09-09/night/top"):
        in_order(found, f"mkdir {folder}", f"fsync {Path(folder).parent}", "pwrite64 record.sqlite-wal")


def test_a_bundle_is_on_disk_before_it_has_its_number(tmp_path: Path) -> None:
    found = calls(ADD_A_BUNDLE, tmp_path / "data")
    draft = r"bundles/\.new-[^/]*/bundle"
    for name in ("a/one.bin", "bundle.json", "bundle.sha256"):
        in_order(found, f"fsync {draft}/{name}", f"rename {draft} bundles/pcb/1", "fsync bundles/pcb")
    in_order(found, "mkdir bundles", "fsync .", "mkdir bundles/pcb", "fsync bundles", "fsync bundles/pcb")
    for folder in (draft, f"{draft}/a"):
        in_order(found, f"fsync {folder}", f"rename {draft} bundles/pcb/1")
