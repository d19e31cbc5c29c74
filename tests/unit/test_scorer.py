"""The scorer: one forward pass a batch, the outcome that the threshold gives, and never `ok` by accident."""

from pathlib import Path

import numpy as np
import pytest

from calibration.references.collect import Taken
from edge.errors import EdgeError
from edge.settings import Settings
from edge.verdict import Outcome, Reason, Verdict
from edge.vision.bundle import load_bundle
from edge.vision.bundle_promotion import promote, rollback
from edge.vision.scorer import VisionScorer, open_scorer
from tests.in_use import build_in_use
from tests.patch_encoder import PatchEncoder, grey_part

GOOD = [grey_part(number) for number in range(10, 14)]


def calibrated(folder: Path, encoder: PatchEncoder, *, category: str = "part", refs: int = 4) -> None:
    references = [Taken(grey_part(number), f"{number}.png") for number in range(refs)]
    build_in_use(encoder, references, category=category, bundles_dir=folder)


@pytest.fixture
def encoder() -> PatchEncoder:
    return PatchEncoder()


@pytest.fixture
def scorer(tmp_path: Path, encoder: PatchEncoder) -> VisionScorer:
    calibrated(tmp_path, encoder)
    scorer = VisionScorer(encoder, tmp_path)
    scorer.load("part")
    encoder.passes.clear()
    return scorer


def test_a_part_like_the_references_is_ok(scorer: VisionScorer) -> None:
    (verdict,) = scorer.score([grey_part(2)], ["part"])
    assert verdict.outcome is Outcome.OK
    assert verdict.regions == ()
    assert verdict.nearest is not None
    assert (verdict.nearest.reference, verdict.nearest.distance) == ("03.png", pytest.approx(0, abs=1e-3))


def test_a_spot_is_a_defect_with_a_region_around_it(scorer: VisionScorer) -> None:
    (verdict,) = scorer.score([grey_part(50, spot=True, size=(128, 256))], ["part"])
    assert (verdict.outcome, verdict.reason) == (Outcome.DEFECT, Reason.ABOVE_THRESHOLD)
    region = verdict.regions[0]
    assert region.x0 <= 160 < 224 <= region.x1 <= 256
    assert region.y0 <= 80 < 112 <= region.y1 <= 128
    assert verdict.score == region.peak


def test_a_verdict_holds_what_the_page_shows(scorer: VisionScorer) -> None:
    for verdict in scorer.score(GOOD, ["part"] * 4):
        assert verdict.anomaly_map is not None
        assert verdict.anomaly_map.dtype == np.float32
        assert verdict.anomaly_map.shape == (4, 4)
        assert verdict.score == float(verdict.anomaly_map.max()) == verdict.head_scores["neighbourhood"]
        assert verdict.scale is not None
        assert verdict.scale.low <= verdict.scale.mark == verdict.threshold
        assert verdict.category == "part"
        assert len(verdict.bundle or "") == 64


def test_a_batch_is_one_forward_pass_of_the_frames_with_a_category(scorer: VisionScorer, encoder: PatchEncoder) -> None:
    scorer.score([*GOOD, grey_part(1)], ["part", None, "part", "part", None])
    assert encoder.passes == [3]


def test_a_frame_without_a_category_is_unsure_and_not_run(scorer: VisionScorer, encoder: PatchEncoder) -> None:
    verdicts = scorer.score(GOOD[:2], [None, None])
    assert [(v.outcome, v.reason) for v in verdicts] == [(Outcome.UNSURE, Reason.UNCALIBRATED)] * 2
    assert all(verdict.anomaly_map is None and verdict.score is None for verdict in verdicts)
    assert encoder.passes == []


def test_one_reference_gives_scores_but_no_outcome(tmp_path: Path, encoder: PatchEncoder) -> None:
    calibrated(tmp_path, encoder, refs=1)
    scorer = VisionScorer(encoder, tmp_path)
    scorer.load("part")
    for verdict in scorer.score([grey_part(9), grey_part(9, spot=True)], ["part"] * 2):
        assert (verdict.outcome, verdict.reason) == (Outcome.UNSURE, Reason.NO_THRESHOLD)
        assert verdict.score is not None
        assert verdict.anomaly_map is not None
        assert verdict.regions == ()


def alike(one: Verdict, other: Verdict) -> None:
    assert (one.outcome, one.reason, one.bundle, one.category) == (
        other.outcome,
        other.reason,
        other.bundle,
        other.category,
    )
    assert one.score == pytest.approx(other.score, abs=1e-5)
    assert [(r.x0, r.y0, r.x1, r.y1) for r in one.regions] == [(r.x0, r.y0, r.x1, r.y1) for r in other.regions]


def test_a_frame_is_judged_alone_as_in_a_mixed_batch(tmp_path: Path, encoder: PatchEncoder) -> None:
    calibrated(tmp_path, encoder, category="four", refs=4)
    calibrated(tmp_path, encoder, category="two", refs=2)
    scorer = VisionScorer(encoder, tmp_path)
    scorer.load("four")
    scorer.load("two")
    pictures = [*GOOD, grey_part(20, spot=True), grey_part(21, spot=True), grey_part(22, size=(40, 90))]
    categories = ["four", "two", None, "two", "two", "four", "four"]
    together = scorer.score(pictures, categories)
    for pixels, category, verdict in zip(pictures, categories, together, strict=True):
        alike(scorer.score([pixels], [category])[0], verdict)


def test_an_empty_batch_is_no_verdict(scorer: VisionScorer) -> None:
    assert scorer.score([], []) == []


def test_a_score_that_is_no_number_is_never_ok(tmp_path: Path) -> None:
    calibrated(tmp_path, PatchEncoder())
    scorer = VisionScorer(PatchEncoder(broken=True), tmp_path)
    scorer.load("part")
    with pytest.raises(FloatingPointError, match="part"):
        scorer.score([grey_part(1)], ["part"])


@pytest.mark.parametrize("other", [PatchEncoder(input_size=96), PatchEncoder(weights_sha256="1" * 64)])
def test_a_bundle_of_another_encoder_is_refused(tmp_path: Path, encoder: PatchEncoder, other: PatchEncoder) -> None:
    calibrated(tmp_path, encoder)
    with pytest.raises(EdgeError, match="was made with"):
        VisionScorer(other, tmp_path).load("part")


def test_a_category_without_a_bundle_is_refused_when_loading(scorer: VisionScorer) -> None:
    with pytest.raises(EdgeError, match="no bundle for category tile"):
        scorer.load("tile")


def judged_by(scorer: VisionScorer) -> str | None:
    return scorer.score(GOOD[:1], ["part"])[0].bundle


def test_a_promoted_bundle_is_used_from_the_next_batch_after_a_refresh(
    tmp_path: Path, encoder: PatchEncoder, scorer: VisionScorer
) -> None:
    before = judged_by(scorer)
    calibrated(tmp_path, encoder, refs=3)
    assert judged_by(scorer) == before
    scorer.refresh()
    assert judged_by(scorer) == load_bundle(tmp_path, "part", 2).sha256
    rollback(tmp_path, "part")
    scorer.refresh()
    assert judged_by(scorer) == before


def test_a_promoted_bundle_that_cannot_be_used_is_told_once_and_the_old_one_stays(
    tmp_path: Path, encoder: PatchEncoder, scorer: VisionScorer, caplog: pytest.LogCaptureFixture
) -> None:
    before = judged_by(scorer)
    calibrated(tmp_path, PatchEncoder(input_size=96))
    for _ in range(3):
        scorer.refresh()
        assert judged_by(scorer) == before
    (told,) = [record.message for record in caplog.records if record.levelname == "ERROR"]
    assert told.startswith("what was promoted for part cannot be used, and part@1 stays in use: bundle part@2 was made")
    calibrated(tmp_path, encoder, refs=3)
    scorer.refresh()
    assert judged_by(scorer) == load_bundle(tmp_path, "part", 3).sha256


def test_a_bundle_changed_behind_the_lines_back_is_told_once_and_tried_again_when_promoted_again(
    tmp_path: Path, encoder: PatchEncoder, scorer: VisionScorer, caplog: pytest.LogCaptureFixture
) -> None:
    before = judged_by(scorer)
    calibrated(tmp_path, encoder, refs=3)
    damaged = tmp_path / "part" / "2" / "references" / "01.png"
    whole = damaged.read_bytes()
    damaged.write_bytes(b"")
    for _ in range(2):
        scorer.refresh()
    assert judged_by(scorer) == before
    assert caplog.text.count("01.png is not as calibration wrote it") == 1
    damaged.write_bytes(whole)
    promote(tmp_path, "part", 2)
    scorer.refresh()
    assert judged_by(scorer) != before


def test_the_settings_open_the_lite_encoder_with_their_bundles(tmp_path: Path) -> None:
    scorer = open_scorer(Settings(data=tmp_path, input_size=64, device="cpu"))
    (verdict,) = scorer.score([grey_part(1)], [None])
    assert verdict.reason is Reason.UNCALIBRATED
    with pytest.raises(EdgeError, match=str(tmp_path / "bundles")):
        scorer.load("part")
