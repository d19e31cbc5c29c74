"""A closer look on the line: it is in the bundle, mixes with other categories in a batch, and shows where."""

from pathlib import Path

import numpy as np
import pytest

from calibration.references.collect import Taken
from edge.verdict import Outcome, Scale
from edge.vision.bundle import load_bundle
from edge.vision.judge import PictureScores, judge
from edge.vision.manifest import Calibration, Manifest
from edge.vision.scorer import VisionScorer
from tests.in_use import build_in_use
from tests.patch_encoder import PatchEncoder, grey_part, placed_part

SPOT = (88, 96, 104, 112)
"""Left, top, right, bottom of the red spot that `placed_part` paints, in pixels."""


@pytest.fixture(scope="module")
def encoder() -> PatchEncoder:
    return PatchEncoder(input_size=320)


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bundles")


@pytest.fixture(scope="module")
def scorer(bundles: Path, encoder: PatchEncoder) -> VisionScorer:
    """Taught `placed`, whose part lies in one place, and `loose`, whose parts fill the picture."""
    placed = [Taken(placed_part(number), f"{number}.png") for number in range(4)]
    loose = [Taken(grey_part(number), f"{number}.png") for number in range(4)]
    scorer = VisionScorer(encoder, bundles)
    for category, references in (("placed", placed), ("loose", loose)):
        build_in_use(encoder, references, category=category, bundles_dir=bundles)
        scorer.load(category)
    return scorer


@pytest.mark.usefixtures("scorer")
def test_the_box_is_kept_in_the_bundle(bundles: Path) -> None:
    placed, loose = (load_bundle(bundles, category) for category in ("placed", "loose"))
    assert placed.manifest.part_box is not None and loose.manifest.part_box is None
    assert set(placed.neighbours) == {"whole", "part"} and set(loose.neighbours) == {"whole"}
    assert placed.manifest.calibration.tokens == {"whole": 400, "part": 400}


def test_it_can_be_left_out(tmp_path: Path, encoder: PatchEncoder) -> None:
    references = [Taken(placed_part(number), f"{number}.png") for number in range(3)]
    build_in_use(encoder, references, category="placed", bundles_dir=tmp_path, closer_look=False)
    assert load_bundle(tmp_path, "placed").manifest.part_box is None


def test_categories_with_and_without_it_share_a_batch(scorer: VisionScorer, encoder: PatchEncoder) -> None:
    pictures = [placed_part(8), grey_part(8), placed_part(9, spot=True), grey_part(9, spot=True), grey_part(1)]
    categories = ["placed", "loose", "placed", "loose", None]
    encoder.passes.clear()
    together = scorer.score(pictures, categories)
    assert encoder.passes == [2, 4] or encoder.passes == [4, 2], "all pictures in one pass, all boxes in another"
    for verdict, pixels, category in zip(together, pictures, categories, strict=True):
        (alone,) = scorer.score([pixels], [category])
        assert (alone.outcome, alone.category) == (verdict.outcome, verdict.category)
        assert alone.score == pytest.approx(verdict.score)
    assert [verdict.outcome for verdict in together[2:]] == ["defect", "defect", "unsure"]


def test_a_defect_in_the_box_is_shown_where_it_is(scorer: VisionScorer) -> None:
    (verdict,) = scorer.score([placed_part(9, spot=True)], ["placed"])
    left, top, right, bottom = SPOT
    region = verdict.regions[0]
    assert region.x0 <= left + 8 and right - 8 <= region.x1 and region.y0 <= top + 8 and bottom - 8 <= region.y1
    assert (region.x1 - region.x0) * (region.y1 - region.y0) < 4 * (right - left) * (bottom - top)


@pytest.mark.parametrize(("left", "top"), [(0, 0), (12, 70), (70, 24), (130, 70), (72, 132), (136, 136)])
def test_a_defect_outside_the_box_is_seen_near_and_far(scorer: VisionScorer, left: int, top: int) -> None:
    """The box is 40..120 by 48..128 pixels: the parts' place and its margin."""
    stray = placed_part(9)
    stray[top : top + 24, left : left + 24] = (255, 0, 0)
    (verdict,) = scorer.score([stray], ["placed"])
    assert verdict.outcome is Outcome.DEFECT
    region = verdict.regions[0]
    assert region.x0 <= left + 12 <= region.x1 and region.y0 <= top + 12 <= region.y1


@pytest.mark.parametrize(("recipe", "shown"), [("neighbourhood", 1), ("text+few-shot", 0)])
def test_a_spread_out_defect_is_shown_even_where_nothing_reaches_the_mark(recipe: str, shown: int) -> None:
    """The score, a mean of the map, is above the threshold, and no cell above what good parts' largest cell reached."""
    said = Calibration(grade="first", method="by hand", loo_scores=(1.0,), tokens={}, created="2026-11-22T00:00:00")
    made = Manifest(
        category="part", encoder="patches", weights_sha256="0" * 64, input_size=64, references=(), recipe=recipe,
        threshold=1.0, scale=Scale(0.5, 1.5, 3.0), calibration=said,
    )  # fmt: skip
    anomaly_map = np.zeros((20, 20), np.float32)
    anomaly_map[4:8, 4:8] = 1.2
    one = PictureScores(1.2, {}, anomaly_map)
    verdict = judge(one, made, bundle_sha256="0" * 64, shape=(200, 200, 3))
    assert verdict.outcome is Outcome.DEFECT
    assert len(verdict.regions) == shown
