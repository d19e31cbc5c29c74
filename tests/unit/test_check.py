"""The check before a shift: it passes on what calibration left, and fails, with the reason, on what has changed."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from sqlalchemy.orm import Session
from torch import Tensor

from calibration.keepsakes import Extremes
from calibration.known_parts import Shown
from calibration.references.collect import Taken
from edge.check import CheckResult, Finding, check_kept, check_live, conclude
from edge.first_check import check_first
from edge.frame import Pixels
from edge.ledger.checks import last_checks
from edge.ledger.record import open_engine
from edge.process_table import LineStopped
from edge.settings import Settings
from edge.vision.bundle import load_bundle, save_bundle
from edge.vision.bundle_promotion import promote
from edge.vision.encoder import open_encoder
from edge.vision.scorer import VisionScorer
from tests.in_use import build_in_use
from tests.patch_encoder import PatchEncoder, grey_part

GOOD = [Shown(f"good-{number}.png", [grey_part(number)]) for number in range(20, 26)]
BAD = [Shown(f"bad-{number}.png", [grey_part(number, spot=True)]) for number in range(30, 35)]
ALMOST_GOOD = grey_part(20)
ALMOST_GOOD[0, 0] += 1  # else it would be the same picture as a good part's
MISSED = Shown("missed.png", [ALMOST_GOOD])


class OtherDevice(PatchEncoder):
    """The same encoder on a device that is wrong."""

    def prepare(self, pictures: Sequence[Pixels]) -> Tensor:
        return super().prepare(pictures) * 0.9


def taught(folder: Path, *, good: Sequence[Shown] = (), bad: Sequence[Shown] = ()) -> None:
    references = [Taken(grey_part(number), f"{number}.png") for number in range(4)]
    build_in_use(PatchEncoder(), references, category="part", bundles_dir=folder, good=good, bad=bad)


def checked(folder: Path, encoder: PatchEncoder | None = None) -> CheckResult:
    scorer = VisionScorer(encoder or PatchEncoder(), folder)
    scorer.load("part")
    bundle = load_bundle(folder, "part")
    return conclude(bundle, check_kept(scorer, bundle))


def live(folder: Path, *, good: Sequence[Pixels], bad: Sequence[Pixels]) -> list[Finding]:
    scorer = VisionScorer(PatchEncoder(), folder)
    scorer.load("part")
    named = [[(f"{number}", pixels) for number, pixels in enumerate(each)] for each in (good, bad)]
    return check_live(scorer, load_bundle(folder, "part"), good=named[0], bad=named[1])


def test_the_known_parts_that_the_bundle_keeps_come_out_as_at_calibration(tmp_path: Path) -> None:
    taught(tmp_path, good=GOOD, bad=BAD)
    result = checked(tmp_path)
    assert result.passed and result.notes == ()
    kept = load_bundle(tmp_path, "part").manifest.check
    assert [finding.score for finding in result.findings] == pytest.approx([each.score for each in kept], abs=1e-4)
    assert {each.file for each in kept} == {
        *(f"check/good/{number:02}.png" for number in (1, 2, 3, 4)),
        *(f"check/bad/{number:02}.png" for number in (1, 2, 3)),
    }


def test_a_device_that_judges_otherwise_fails_it_with_both_scores(tmp_path: Path) -> None:
    taught(tmp_path, good=GOOD, bad=BAD)
    result = checked(tmp_path, OtherDevice())
    assert not result.passed
    assert "at calibration" in result.reason and "known good" in result.reason


def test_a_defect_that_calibration_missed_is_expected_to_be_missed_and_said(tmp_path: Path) -> None:
    taught(tmp_path, good=GOOD, bad=[*BAD, MISSED])
    result = checked(tmp_path)
    assert result.passed
    (missed,) = [finding for finding in result.findings if finding.subject == "known bad missed.png"]
    assert missed.outcome == "ok"
    assert "judged wrongly, as it was then" in missed.why


def test_without_known_parts_the_references_are_run_and_the_check_says_that_it_is_weak(tmp_path: Path) -> None:
    taught(tmp_path)
    result = checked(tmp_path)
    assert result.passed
    assert [finding.subject for finding in result.findings] == [f"reference {n:02}.png" for n in (1, 2, 3, 4)]
    assert "weak" in result.notes[0]


def test_live_parts_must_be_judged_as_what_they_are(tmp_path: Path) -> None:
    taught(tmp_path, good=GOOD, bad=BAD)
    good, spot = grey_part(1), grey_part(40, spot=True)
    assert all(finding.well for finding in live(tmp_path, good=[good], bad=[spot]))
    swapped = [finding for finding in live(tmp_path, good=[spot], bad=[good]) if finding.subject.startswith("live")]
    assert [finding.well for finding in swapped if "part" in finding.subject] == [False, False]


def test_live_parts_in_another_light_fail_it_even_if_they_are_judged_well(tmp_path: Path) -> None:
    taught(tmp_path, good=GOOD, bad=BAD)
    dark = [cv2.convertScaleAbs(grey_part(number), alpha=0.8) for number in (1, 2, 3)]
    wrong = {finding.subject: finding.why for finding in live(tmp_path, good=dark, bad=[]) if not finding.well}
    assert "mean of 3; good parts had 127 of 255" in wrong["live light"]


def test_a_bundle_keeps_the_extremes_of_many_parts_and_no_more() -> None:
    kept = Extremes(lowest=2, highest=2)
    scores = np.random.default_rng(0).permutation(50).tolist()
    for score in scores:
        kept.add(Shown(str(score), []), score)
        assert len(kept.parts) <= 4
    assert [score for score, _ in kept.parts] == [0, 1, 48, 49]


def test_a_line_whose_check_fails_does_not_start_and_the_record_says_why(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "data", input_size=64, device="cpu")
    encoder = open_encoder("lite", input_size=64, device="cpu")
    references = [Taken(grey_part(number, size=(96, 96)), f"{number}.png") for number in range(3)]
    known = [Shown("known.png", [grey_part(9, size=(96, 96))])]
    build_in_use(encoder, references, category="part", bundles_dir=settings.bundles, good=known)
    said: list[str] = []
    changed = load_bundle(settings.bundles, "part")
    manifest = changed.manifest.model_copy(
        update={"check": (changed.manifest.check[0].model_copy(update={"score": 0.01}),)}
    )
    folder = save_bundle(
        settings.bundles, manifest, [reference.pixels for reference in references],
        bank=changed.bank, neighbours=changed.neighbours, pictures={"check/good/01.png": grey_part(9, size=(96, 96))},
    )  # fmt: skip
    promote(settings.bundles, "part", int(folder.name), reason="test")
    with pytest.raises(
        LineStopped, match=r"check of part failed: known good known\.png: score .* at calibration 0\.010"
    ):
        check_first(settings, [None, "part", "part"], said.append)
    assert said[0] == "checking part"
    engine = open_engine(settings.database)
    with Session(engine) as session:
        (last,) = last_checks(session)
        assert (last.passed, last.details[0]["subject"]) == (False, "known good known.png")
    engine.dispose()
