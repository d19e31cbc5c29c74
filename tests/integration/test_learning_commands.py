"""From a false alarm to the next bundle, and back, by the commands a person gives: real encoder, record and bundles."""

import json
import time
from pathlib import Path
from typing import Any

import cv2
import pytest
from typer.testing import CliRunner

from calibration.cli import app
from edge.errors import EdgeError
from edge.ledger.reviews import ReviewVerdict, add_reviews
from edge.ledger.schema import prepare
from edge.settings import Settings
from edge.vision.bundle import load_bundle
from edge.vision.bundle_history import read_history
from tests.ledger_rows import Ledger, new_ledger
from tests.patch_encoder import grey_part


def calibrate(data: Path, *words: str) -> str:
    result = CliRunner().invoke(app, [*words, "--data", str(data)])
    if isinstance(result.exception, EdgeError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def as_json(data: Path, *words: str) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(calibrate(data, *words, "--json"))
    return said


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """A station that was taught grey parts, and has flagged two red ones that are hard to tell apart."""
    good = tmp_path / "good"
    good.mkdir()
    for number in range(4):
        assert cv2.imwrite(str(good / f"{number}.png"), grey_part(number))
    data = tmp_path / "data"
    calibrate(data, "--category", "pcb", "--images", str(good), "--input-size", "64")
    prepare(Settings(data=data).database)
    ledger = new_ledger(data)
    for seed in (50, 50):
        ledger.add("defect", picture=grey_part(seed, spot=True), category="pcb", score=9.0, threshold=0.5)
    return ledger


def say(ledger: Ledger, verdict: ReviewVerdict, frame: int) -> None:
    add_reviews(ledger.engine, [frame], verdict, reviewer="anna", reviewed_ns=time.time_ns())


def test_a_false_alarm_is_learned_replayed_and_kept_out_of_use_by_a_confirmed_defect(ledger: Ledger) -> None:
    data = ledger.settings.data
    say(ledger, ReviewVerdict.FALSE_ALARM, 1)
    say(ledger, ReviewVerdict.CONFIRMED_DEFECT, 2)
    offered = as_json(data, "learn", "--category", "pcb")
    assert [(each["frame"], each["unlike_all"]) for each in offered["candidates"]] == [(1, True)]
    with pytest.raises(EdgeError, match=r"frame 1: looks unlike every good part"):
        calibrate(data, "learn", "--category", "pcb", "--all")
    learned = as_json(data, "learn", "--category", "pcb", "--frames", "1", "--yes")
    assert (learned["bundle"], learned["references"], learned["promoted"]) == ("pcb@2", 5, False)
    assert learned["threshold"] == learned["threshold_before"]
    replayed = as_json(data, "replay", "--bundle", "pcb@2", "--report", str(data / "page"))
    assert [(flip["frame"], flip["to"], flip["reference"]) for flip in replayed["flips"]] == [
        (1, "ok", True),
        (2, "ok", False),
    ]
    assert Path(replayed["page"]).is_file()
    with pytest.raises(EdgeError, match=r"pcb@2 is not promoted: 1 of 1 .*frame 2\."):
        calibrate(data, "promote", "pcb@2")
    assert load_bundle(ledger.settings.bundles, "pcb").version == 1
    calibrate(data, "promote", "pcb@2", "--force", "the picture is of a gauge")
    assert load_bundle(ledger.settings.bundles, "pcb").version == 2
    reason = read_history(ledger.settings.bundles / "pcb")[-1].reason
    assert reason is not None and reason.startswith("the picture is of a gauge (forced: ") and "frame 2" in reason
    calibrate(data, "rollback", "pcb")  # going back is never refused
    assert load_bundle(ledger.settings.bundles, "pcb").version == 1
    ledger.engine.dispose()


def test_a_calibration_is_not_put_into_use_either_if_a_confirmed_defect_would_pass(
    ledger: Ledger, tmp_path: Path
) -> None:
    data, good = ledger.settings.data, tmp_path / "good"
    say(ledger, ReviewVerdict.CONFIRMED_DEFECT, 2)
    for number in range(2):  # somebody puts defective parts among the good ones
        assert cv2.imwrite(str(good / f"{number}.png"), grey_part(50 + number, spot=True)[..., ::-1])
    with pytest.raises(EdgeError, match=r"pcb@2 is not promoted: .*frame 2\."):
        calibrate(data, "--category", "pcb", "--images", str(good), "--input-size", "64")
    assert load_bundle(ledger.settings.bundles, "pcb").version == 1
    ledger.engine.dispose()


def test_a_known_defect_is_refused_by_its_frame_and_a_twin_is_called_by_its_id(ledger: Ledger, tmp_path: Path) -> None:
    data, bad = ledger.settings.data, tmp_path / "bad"
    bad.mkdir()
    assert cv2.imwrite(str(bad / "spot.png"), grey_part(50, spot=True)[..., ::-1])
    for frame in (1, 2):
        say(ledger, ReviewVerdict.FALSE_ALARM, frame)
    assert "frame 2 shows the same part as frame 1: it adds little" in calibrate(data, "learn", "--category", "pcb")
    good = ["--images", str(tmp_path / "good"), "--input-size", "64"]
    calibrate(data, "--category", "pcb", *good, "--bad", str(bad))
    assert "frame 1 shows the known defect spot.png" in calibrate(data, "learn", "--category", "pcb")
    learn = ["learn", "--category", "pcb", "--frames", "1", "--yes"]
    with pytest.raises(EdgeError, match=r"frame 1 shows spot\.png, known to pcb@2 as a defect.*--known-defects"):
        calibrate(data, *learn)
    said = calibrate(data, *learn, "--known-defects")
    assert "The known defect spot.png passes: pcb@2 caught it" in said
    with pytest.raises(EdgeError, match=r"pcb@3 is not promoted: 1 known defect .* would be ok: spot\.png"):
        calibrate(data, "promote", "pcb@3")
    ledger.engine.dispose()
