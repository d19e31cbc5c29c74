"""A promotion while the line runs: every frame has one outcome, by the old bundle and then by the new one."""

import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from itertools import groupby
from pathlib import Path

import cv2
import pytest

from calibration.build import build
from calibration.references.collect import Taken
from edge.capture import Capture
from edge.line.camera_spec import CameraSpec, parse_camera
from edge.line.capture_options import CaptureOptions
from edge.settings import Settings
from edge.vision.bundle import load_bundle
from edge.vision.bundle_promotion import promote, rollback
from edge.vision.scorer import VisionScorer
from edge.worker import Worker
from tests.lines import report, rows, wait_until
from tests.patch_encoder import PatchEncoder, grey_part

FPS = 20.0


def taught(settings: Settings, *, refs: int, input_size: int = 64) -> str:
    """The content hash of the next bundle."""
    references = [Taken(grey_part(number), f"{number}.png") for number in range(refs)]
    encoder = PatchEncoder(input_size=input_size)
    built = build(encoder, references, category="part", bundles_dir=settings.bundles)
    return load_bundle(settings.bundles, "part", int(built.folder.name)).sha256


def parts(folder: Path, count: int) -> Path:
    folder.mkdir()
    for number in range(count):
        cv2.imwrite(str(folder / f"{number:04}.png"), grey_part(number % 50))
    return folder


def rows_of(settings: Settings, sha256: str) -> int:
    """How many rows a bundle has given; cheap enough to ask beside the line that is watched."""
    if not settings.database.file.exists():
        return 0
    with closing(sqlite3.connect(settings.database.file)) as connection:
        return int(connection.execute("SELECT count(*) FROM inspection WHERE bundle = ?", (sha256,)).fetchone()[0])


@contextmanager
def live(settings: Settings, folder: Path) -> Iterator[None]:
    """A worker and a camera that cannot wait; at the end it stops, and what was numbered is recorded."""
    spec = parse_camera(str(folder))
    options = CaptureOptions(CameraSpec(spec.address, "part", spec.name), once=True, overload="drop-oldest", fps=FPS)
    worker = Worker(settings, VisionScorer(PatchEncoder(), settings.bundles))
    capture = Capture(settings, options)
    with ThreadPoolExecutor(2) as pool:
        working, capturing = pool.submit(worker.run), pool.submit(capture.run)
        try:
            yield
        finally:
            capture.stop()
            if working.done():
                working.result()
            assert not capturing.result(20).unacknowledged
            worker.stop()
            working.result(20)


def test_a_promotion_is_taken_up_without_losing_a_frame(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = Settings(data=tmp_path / "data", drain_timeout_s=20)
    first = taught(settings, refs=4)
    promote(settings.bundles, "part", 1)
    second = taught(settings, refs=3)
    taught(settings, refs=4, input_size=96)

    def judged(count: int, *, by: str) -> None:
        wait_until(lambda: rows_of(settings, by) >= count, timeout_s=30, tick=lambda: time.sleep(0.05))

    with live(settings, parts(tmp_path / "parts", 1000)):
        judged(10, by=first)
        promote(settings.bundles, "part", 2)
        judged(10, by=second)
        promote(settings.bundles, "part", 3)
        wait_until(lambda: "part@3 was made with input size 96" in caplog.text, timeout_s=30)
        judged(rows_of(settings, second) + 10, by=second)
        rollback(settings.bundles, "part")
        rollback(settings.bundles, "part")
        judged(rows_of(settings, first) + 10, by=first)
    found = rows(settings)
    assert [row.seq for row in found] == list(range(1, len(found) + 1))
    assert {row.outcome for row in found} <= {"ok", "defect"}
    assert [sha256 for sha256, _ in groupby(row.bundle for row in found)] == [first, second, first]
    assert {row.bundle: row.judged_by and row.judged_by.name for row in found} == {first: "part@1", second: "part@2"}
    assert report(settings).good_while(running=False)
    assert caplog.text.count("part@2 stays in use") == 1
