"""Alignment: known moves are found to a pixel, others refused, and what is shown lies where the camera saw it."""

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.build import build
from calibration.known_parts import Shown
from calibration.promise.threshold import Wish
from calibration.references.collect import Taken
from calibration.scene.options import MOST, SceneOptions
from calibration.scene.teach import see_references, teach_scene
from edge.alarm import Kind
from edge.errors import EdgeError
from edge.frame import FrameInfo, Pixels
from edge.line.demo import demo_boards
from edge.verdict import Outcome, Reason
from edge.vision.bundle import load_bundle
from edge.vision.drift import Watches
from edge.vision.registration import Pose, Registration, Tolerance, Unregistered
from edge.vision.scorer import VisionScorer
from edge.vision.warp import laid_back
from tests.in_use import build_in_use
from tests.patch_encoder import PatchEncoder, grey_part

BOARD: Pixels = next(iter(demo_boards())).pixels
HEIGHT, WIDTH = BOARD.shape[:2]


def move(*, right: float = 0, down: float = 0, degrees: float = 0, scale: float = 1) -> np.ndarray:
    """[2, 3]: pixels moved, turned counter-clockwise and enlarged about the middle."""
    matrix = cv2.getRotationMatrix2D(((WIDTH - 1) / 2, (HEIGHT - 1) / 2), degrees, scale)
    matrix[:, 2] += right, down
    return matrix


def moved(pixels: Pixels, matrix: np.ndarray) -> Pixels:
    return np.asarray(cv2.warpAffine(pixels, matrix, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT), np.uint8)


def dust(number: int) -> Pixels:
    """The board with some noise of its own."""
    noise = np.random.default_rng(number).normal(0, 4, BOARD.shape)
    return np.clip(BOARD + noise, 0, 255).astype(np.uint8)


def scratched(pixels: Pixels, *, x: int, y: int) -> Pixels:
    pixels = pixels.copy()
    pixels[y - 14 : y + 14, x - 14 : x + 14] = (255, 0, 255)
    return pixels


@pytest.fixture(scope="module")
def registration() -> Registration:
    return Registration(BOARD, Tolerance())


@pytest.mark.parametrize(
    ("right", "down", "degrees", "scale"),
    [(0, 0, 0, 1), (30, -12, 0, 1), (0, 0, 14, 1), (10, 10, -9, 0.93), (5, 0, 3, 1.08)],
)  # fmt: skip
def test_a_known_move_is_found_to_half_a_pixel(
    registration: Registration, right: float, down: float, degrees: float, scale: float
) -> None:
    matrix = move(right=right, down=down, degrees=degrees, scale=scale)
    pose = registration.register(moved(dust(1), matrix))
    corners = np.array([[x, y, 1.0] for x in (0.2, 0.8) for y in (0.2, 0.8)]) * (WIDTH, HEIGHT, 1)
    found = np.array([pose.matrix @ [*(matrix @ corner), 1] for corner in corners])
    assert np.abs(found - corners[:, :2]).max() < 0.5
    assert pose.degrees == pytest.approx(degrees, abs=0.1)
    assert pose.scale == pytest.approx(scale, abs=0.005)
    assert pose.shift * WIDTH == pytest.approx(math.hypot(right, down) / scale, abs=1)


def test_a_defect_does_not_pull_it_away(registration: Registration) -> None:
    matrix = move(right=20, degrees=5)
    pose = registration.register(moved(scratched(dust(2), x=300, y=220), matrix))
    assert pose.shift * WIDTH == pytest.approx(20, abs=1) and pose.degrees == pytest.approx(5, abs=0.1)


def test_the_same_picture_at_half_the_resolution_has_not_moved(registration: Registration) -> None:
    half = np.asarray(cv2.resize(BOARD, (WIDTH // 2, HEIGHT // 2), interpolation=cv2.INTER_AREA), np.uint8)
    pose = registration.register(half)
    assert pose.scale == pytest.approx(1, abs=0.005)
    np.testing.assert_allclose(pose.matrix[:, :2], 2 * np.eye(2), atol=0.02)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (move(right=0.15 * WIDTH), "moved by 15.*at most 10"),
        (move(degrees=20), "turned by 20.* at most 15"),
        (move(scale=1.14), "scale is 1.1.* at most 10"),
    ],
)
def test_beyond_the_tolerance_is_not_registered(registration: Registration, matrix: np.ndarray, message: str) -> None:
    with pytest.raises(Unregistered, match=message):
        registration.register(moved(BOARD, matrix))


@pytest.mark.parametrize(
    "pixels", [grey_part(1, size=(480, 640)), np.full((480, 640, 3), 90, np.uint8), BOARD[:, ::-1]]
)
def test_what_is_not_the_part_is_not_registered(registration: Registration, pixels: Pixels) -> None:
    with pytest.raises(Unregistered, match="at least"):
        registration.register(np.ascontiguousarray(pixels))


shares = st.floats(-1, 1)


@settings(max_examples=60, deadline=None)
@given(right=shares, down=shares, degrees=shares, scale=shares, row=st.integers(0, 23), column=st.integers(0, 31))
def test_a_cell_that_the_camera_saw_is_not_lost_on_its_way_back(
    right: float, down: float, degrees: float, scale: float, row: int, column: int
) -> None:
    matrix = move(
        right=right * MOST.shift * WIDTH, down=down * MOST.shift * WIDTH, degrees=degrees * MOST.degrees,
        scale=1 + scale * MOST.scale,
    )  # fmt: skip
    pose = Pose(np.linalg.inv(np.vstack([matrix, [0, 0, 1]]))[:2], 0, 0, 1, 1)
    anomaly_map = np.zeros((24, 32), np.float32)
    anomaly_map[row, column] = 2.5
    corners = np.array([[x, y, 1] for x in (column, column + 1) for y in (row, row + 1)]) * (WIDTH / 32, HEIGHT / 24, 1)
    there = corners @ matrix.T
    if (there < 0).any() or (there > (WIDTH, HEIGHT)).any():
        return
    back = laid_back(anomaly_map, BOARD.shape, pose, BOARD.shape)
    assert back.max() == np.float32(2.5)
    rows, columns = np.nonzero(back)
    assert abs((columns.mean() + 0.5) * WIDTH / 64 - there[:, 0].mean()) < WIDTH / 40
    assert abs((rows.mean() + 0.5) * HEIGHT / 48 - there[:, 1].mean()) < HEIGHT / 30


@pytest.fixture(scope="module")
def scorer(tmp_path_factory: pytest.TempPathFactory) -> VisionScorer:
    """Taught four boards that lie a little differently."""
    folder = tmp_path_factory.mktemp("bundles")
    moves = [move(), move(right=9, degrees=1), move(down=-6, degrees=-2), move(right=-4, scale=1.02)]
    references = [Taken(moved(dust(number), own), f"{number}.png") for number, own in enumerate(moves)]
    encoder = PatchEncoder(input_size=160)
    build_in_use(
        encoder, references, category="board", bundles_dir=folder,
        scene=teach_scene(references, SceneOptions(align=Tolerance())),
    )  # fmt: skip
    align = load_bundle(folder, "board").manifest.align
    assert align is not None and align.tolerance == Tolerance()
    assert align.moved_px == pytest.approx(9, abs=1) and align.degrees == pytest.approx(2, abs=0.2)
    scorer = VisionScorer(encoder, folder)
    scorer.load("board")
    encoder.passes.clear()
    return scorer


def test_a_defect_on_a_moved_part_is_shown_where_the_camera_saw_it(scorer: VisionScorer) -> None:
    matrix = move(right=30, down=10, degrees=12, scale=0.95)
    (verdict,) = scorer.score([moved(scratched(dust(5), x=200, y=150), matrix)], ["board"])
    assert verdict.outcome is Outcome.DEFECT and verdict.anomaly_map is not None
    x, y = matrix @ (200, 150, 1)
    region = verdict.regions[0]
    assert region.x0 < x < region.x1 and region.y0 < y < region.y1
    row, column = np.unravel_index(verdict.anomaly_map.argmax(), verdict.anomaly_map.shape)
    assert abs(column / verdict.anomaly_map.shape[1] * WIDTH - x) < 40
    assert abs(row / verdict.anomaly_map.shape[0] * HEIGHT - y) < 40


def test_what_alignment_brings_in_does_not_count(scorer: VisionScorer) -> None:
    """What was to the left of the picture is nowhere to be seen; the reference's frame reaches there."""
    there, cut = dust(0), moved(dust(0), move(right=55))
    cut[:, :55] = (255, 0, 255)  # ends up where nothing of the reference is looked for
    first, second = scorer.score([there, cut], ["board"] * 2)
    assert first.outcome is Outcome.OK
    assert second.anomaly_map is not None and first.threshold is not None
    assert second.anomaly_map.max() < 2 * first.threshold


def test_a_part_out_of_place_is_not_inspected_nor_encoded(scorer: VisionScorer) -> None:
    encoder = scorer._encoder
    assert isinstance(encoder, PatchEncoder)
    encoder.passes.clear()
    pictures = [dust(7), np.ascontiguousarray(np.rot90(BOARD)), moved(BOARD, move(degrees=25))]
    verdicts = scorer.score(pictures, ["board"] * 3)
    assert verdicts[0].outcome is not Outcome.NOT_INSPECTED
    assert [(one.outcome, one.reason) for one in verdicts[1:]] == [(Outcome.NOT_INSPECTED, Reason.POSE)] * 2
    assert all(one.bundle and one.category == "board" and one.score is None for one in verdicts[1:])
    assert encoder.passes[0] == 1


def test_a_knocked_camera_raises_the_alarm_of_position(scorer: VisionScorer) -> None:
    knocked = moved(BOARD, move(right=120))
    (verdict,) = scorer.score([knocked], ["board"])
    watches = Watches(scorer.standard, lambda *_: [])
    alarms = [watches.see(FrameInfo("run", "top", seq, seq, "test"), knocked, verdict) for seq in range(1, 12)]
    assert [alarm.kind for each in alarms for alarm in each] == [Kind.POSITION]


def test_a_batch_of_parts_out_of_place_is_not_encoded_at_all(scorer: VisionScorer) -> None:
    assert isinstance(scorer._encoder, PatchEncoder)
    scorer._encoder.passes.clear()
    (verdict,) = scorer.score([np.ascontiguousarray(np.rot90(BOARD))], ["board"])
    assert verdict.reason is Reason.POSE and scorer._encoder.passes == []


def test_a_reference_that_cannot_be_registered_is_named() -> None:
    references = [Taken(BOARD, "one.png"), Taken(moved(BOARD, move(degrees=30)), "two.png")]
    scene = teach_scene(references, SceneOptions(align=Tolerance()))
    with pytest.raises(
        EdgeError, match=r"reference two\.png cannot be registered to the first, one\.png: turned by 30"
    ):
        see_references(scene, references)


def test_a_first_reference_that_shows_too_little_is_named() -> None:
    with pytest.raises(EdgeError, match=r"reference blank\.png cannot be aligned to: it shows 0 features"):
        teach_scene([Taken(np.full((90, 90, 3), 7, np.uint8), "blank.png")], SceneOptions(align=Tolerance()))


def test_a_known_part_that_the_line_would_not_inspect_is_named(tmp_path: Path) -> None:
    references = [Taken(dust(number), f"{number}.png") for number in range(3)]
    scene = teach_scene(references, SceneOptions(align=Tolerance()))
    good = [Shown("near.png", [moved(dust(7), move(right=9))]), Shown("far.png", [moved(dust(7), move(right=99))])]
    with pytest.raises(EdgeError, match=r"part far\.png would not be inspected \(pose\)"):
        build(
            PatchEncoder(), references, category="board", bundles_dir=tmp_path, scene=scene, good=good,
            wish=Wish(target_false_reject=0.5),
        )  # fmt: skip


def test_both_an_area_and_alignment(tmp_path: Path) -> None:
    """The area lies in the first reference's frame: it moves with the part."""
    from calibration.scene.drawn_region import DrawnRegion

    left = DrawnRegion(Path("left"), polygons=[[(0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)]])
    references = [Taken(dust(number), f"{number}.png") for number in range(3)]
    encoder = PatchEncoder(input_size=160)
    scene = teach_scene(references, SceneOptions(area=left, align=Tolerance()))
    build_in_use(encoder, references, category="board", bundles_dir=tmp_path, scene=scene)
    scorer = VisionScorer(encoder, tmp_path)
    scorer.load("board")
    matrix = move(right=50)
    pictures = [moved(scratched(dust(2), x=x, y=200), matrix) for x in (290, 400)]
    inside, outside = scorer.score(pictures, ["board"] * 2)
    assert (inside.outcome, outside.outcome) == (Outcome.DEFECT, Outcome.OK)
