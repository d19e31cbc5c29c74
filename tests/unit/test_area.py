"""Region of interest and ignore areas: what is drawn, what is kept, and that outside it nothing counts."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from calibration.find_part import closer_box
from calibration.ingredients import gather_ingredients
from calibration.references.collect import Taken
from calibration.scene.drawn_region import area_mask, read_region
from calibration.scene.options import SceneOptions
from calibration.scene.teach import teach_scene
from edge.alarm import Kind
from edge.errors import EdgeError
from edge.frame import FrameInfo, Pixels
from edge.verdict import Outcome
from edge.vision.area import Area, mask_from_png, mask_to_png, mean_colour, scaled
from edge.vision.bundle import load_bundle
from edge.vision.drift import Watches
from edge.vision.part_box import PartBox
from edge.vision.recipe import parse_recipe
from edge.vision.scorer import VisionScorer
from tests.in_use import build_in_use
from tests.patch_encoder import PatchEncoder, grey_part

LEFT = [[[0, 0], [0.48, 0], [0.48, 1], [0, 1]]]
MIDDLE = [[[0.25, 0.25], [0.75, 0.25], [0.75, 0.75], [0.25, 0.75]]]
SIZE = (128, 128)


def polygons(folder: Path, drawn: object) -> Path:
    file = folder / "drawn.json"
    file.write_text(json.dumps(drawn))
    return file


def taught(folder: Path, drawn: object, recipe: str, *, ignore: bool = False) -> VisionScorer:
    """A scorer of `part`, whose pictures count inside (or outside) what is drawn."""
    encoder = PatchEncoder(reads=True)
    region = read_region(polygons(folder, drawn))
    references = [Taken(grey_part(number, size=SIZE), f"{number}.png") for number in range(4)]
    build_in_use(
        encoder,
        references,
        category="part",
        bundles_dir=folder,
        ingredients=gather_ingredients(encoder, parse_recipe(recipe)),
        scene=teach_scene(references, SceneOptions(ignore=region) if ignore else SceneOptions(area=region)),
    )
    scorer = VisionScorer(encoder, folder)
    scorer.load("part")
    return scorer


def spotted(number: int, *, left: int, top: int) -> Pixels:
    pixels = grey_part(number, size=SIZE)
    pixels[top : top + 24, left : left + 24] = (255, 0, 0)
    return pixels


@pytest.mark.parametrize("recipe", ["neighbourhood", "few-shot", "clip-pair + references", "text + few-shot"])
def test_pictures_that_differ_only_outside_get_the_same_verdict_bit_by_bit(tmp_path: Path, recipe: str) -> None:
    scorer = taught(tmp_path, MIDDLE, recipe)
    one = grey_part(7, size=SIZE)
    mask = mask_from_png((load_bundle(tmp_path, "part").folder / "area.png").read_bytes())
    other = np.random.default_rng(0).integers(0, 256, one.shape, dtype=np.uint8)
    other[mask] = one[mask]
    first, second = scorer.score([one], ["part"])[0], scorer.score([other], ["part"])[0]
    assert (first.outcome, first.score, first.head_scores) == (second.outcome, second.score, second.head_scores)
    assert (first.regions, first.nearest, first.bundle) == (second.regions, second.nearest, second.bundle)
    if first.anomaly_map is not None and second.anomaly_map is not None:
        assert first.anomaly_map.tobytes() == second.anomaly_map.tobytes()
    other[60:70, 60:70] = (255, 0, 0)
    assert scorer.score([other], ["part"])[0].score != first.score


def test_light_outside_is_no_alarm_and_light_inside_is(tmp_path: Path) -> None:
    scorer = taught(tmp_path, LEFT, "few-shot")
    good = grey_part(7, size=SIZE)
    (verdict,) = scorer.score([good], ["part"])
    for side, kinds in ((slice(64, None), set()), (slice(None, 64), {Kind.LIGHT})):
        lit, watches = good.copy(), Watches(scorer.standard, lambda *_: [])
        lit[:, side] += 60
        alarms = [watches.see(FrameInfo("run", "top", seq, seq, "test"), lit, verdict) for seq in range(1, 20)]
        assert {alarm.kind for each in alarms for alarm in each if alarm.kind is not Kind.POSITION} == kinds


@pytest.mark.parametrize("recipe", ["neighbourhood", "few-shot"])
def test_a_defect_inside_is_found_and_one_outside_is_not(tmp_path: Path, recipe: str) -> None:
    scorer = taught(tmp_path, LEFT, recipe)
    inside, outside = scorer.score([spotted(2, left=20, top=50), spotted(2, left=90, top=50)], ["part"] * 2)
    assert inside.outcome is Outcome.DEFECT and inside.regions[0].x0 <= 32 <= inside.regions[0].x1 <= 64
    assert outside.outcome is Outcome.OK and outside.regions == ()
    for verdict in (inside, outside):
        assert verdict.anomaly_map is not None
        assert not verdict.anomaly_map[:, verdict.anomaly_map.shape[1] // 2 :].any()


def test_what_is_ignored_does_not_count_and_the_rest_does(tmp_path: Path) -> None:
    scorer = taught(tmp_path, LEFT, "neighbourhood", ignore=True)
    ignored, counts = scorer.score([spotted(2, left=20, top=50), spotted(2, left=90, top=50)], ["part"] * 2)
    assert (ignored.outcome, counts.outcome) == (Outcome.OK, Outcome.DEFECT)


def test_the_share_that_makes_the_score_is_of_what_counts(tmp_path: Path) -> None:
    """A sixteenth of the picture counts: a defect there must not be averaged with cells of the rest."""
    scorer = taught(tmp_path, [[[0, 0], [0.25, 0], [0.25, 0.25], [0, 0.25]]], "neighbourhood")
    (verdict,) = scorer.score([spotted(7, left=4, top=4)], ["part"])
    assert verdict.anomaly_map is not None and verdict.score == pytest.approx(float(verdict.anomaly_map.max()))


def test_the_area_is_in_the_bundle_and_a_changed_byte_is_refused(tmp_path: Path) -> None:
    taught(tmp_path, LEFT, "neighbourhood")
    bundle = load_bundle(tmp_path, "part")
    assert bundle.manifest.area is not None and bundle.manifest.area.share == pytest.approx(0.48, abs=0.01)
    file = bundle.folder / "area.png"
    mask = mask_from_png(file.read_bytes())
    assert mask.shape == SIZE and mask[:, :61].all() and not mask[:, 63:].any()
    file.write_bytes(mask_to_png(~mask))
    with pytest.raises(EdgeError, match=r"area\.png is not as calibration wrote it"):
        VisionScorer(PatchEncoder(), tmp_path).load("part")


def test_a_small_area_is_looked_at_closer_as_it_is() -> None:
    mask = np.zeros((100, 200), dtype=bool)
    mask[20:60, 50:150] = True
    area = Area(mask, (0, 0, 0))
    assert closer_box([area.cover(grey_part(1, size=(100, 200)))], area) == PartBox(0.25, 0.2, 0.75, 0.6)
    assert area.share == pytest.approx(0.2)


def test_the_fill_is_the_mean_of_what_counts() -> None:
    pixels = np.full((10, 10, 3), 200, np.uint8)
    pixels[:, :5] = (10, 20, 30)
    mask = np.zeros((10, 10), dtype=bool)
    mask[:, :5] = True
    assert mean_colour([pixels], mask) == (10, 20, 30)
    assert (Area(mask, (1, 2, 3)).cover(pixels)[:, 5:] == (1, 2, 3)).all()


def test_a_mask_image_is_scaled_to_the_nearest_and_cut_by_what_is_ignored(tmp_path: Path) -> None:
    white = np.zeros((20, 40), np.uint8)
    white[:, 10:] = 255
    assert cv2.imwrite(str(tmp_path / "area.png"), white)
    ignored = read_region(polygons(tmp_path, [[[0.5, 0], [1, 0], [1, 1], [0.5, 1]]]))
    mask = area_mask(read_region(tmp_path / "area.png"), ignored, width=400, height=200)
    assert mask is not None and mask.shape == (200, 400)
    assert mask[:, 100:199].all() and not mask[:, :100].any() and not mask[:, 201:].any()
    assert scaled(mask, width=40, height=20).sum() == pytest.approx(200, abs=20)


def test_a_mask_of_another_aspect_is_refused(tmp_path: Path) -> None:
    assert cv2.imwrite(str(tmp_path / "area.png"), np.eye(20, dtype=np.uint8) * 255)
    with pytest.raises(EdgeError, match="20 x 20 pixels, which is another aspect than 400 x 200"):
        area_mask(read_region(tmp_path / "area.png"), None, width=400, height=200)


@pytest.mark.parametrize(
    ("drawn", "message"),
    [
        ([], "holds no polygon"),
        ({"polygons": LEFT}, "holds no polygon"),
        ([[[0, 0], [1, 1]]], "polygon 1 has 2 corners, at least 3"),
        ([*LEFT, [[0, 0], [1.01, 0], [1, 1]]], r"polygon 2 has the corner \[1.01, 0\], which is not within"),
        ([[[0, 0], [-0.1, 0], [1, 1]]], "not within the picture"),
        ([[[0, 0], ["a", 0], [1, 1]]], "not within the picture"),
        ([[[0, 0], [float("nan"), 0], [1, 1]]], "not within the picture"),
        ([[[0, 0], [0.5, 0.5], [1, 1]]], "lie on one line"),
    ],
)
def test_what_is_no_polygon_is_refused(tmp_path: Path, drawn: object, message: str) -> None:
    with pytest.raises(EdgeError, match=message):
        read_region(polygons(tmp_path, drawn))


def test_an_area_of_nothing_or_of_all_is_refused(tmp_path: Path) -> None:
    everything = read_region(polygons(tmp_path, [[[0, 0], [1, 0], [1, 1], [0, 1]]]))
    with pytest.raises(EdgeError, match="all of the picture counts, as it does without"):
        area_mask(everything, None, width=64, height=48)
    with pytest.raises(EdgeError, match="nothing of the picture counts"):
        area_mask(None, everything, width=64, height=48)
    assert area_mask(None, None, width=64, height=48) is None


def test_a_photograph_is_no_mask(tmp_path: Path) -> None:
    assert cv2.imwrite(str(tmp_path / "part.png"), grey_part(1))
    with pytest.raises(EdgeError, match="are neither black nor white"):
        read_region(tmp_path / "part.png")
