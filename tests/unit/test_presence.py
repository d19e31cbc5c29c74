"""Nothing there is no defect: the empty view is told from parts, whole or broken, in other light too."""

import time
from pathlib import Path

import numpy as np
import pytest

from calibration.references.collect import Taken
from calibration.scene.empty_view import APART, parse_empty, read_empties, take_empties
from calibration.scene.options import SceneOptions, read_scene_options
from calibration.scene.teach import teach_scene
from edge.errors import EdgeError
from edge.frame import Pixels
from edge.line.demo import demo_boards
from edge.line.shot import Shot
from edge.verdict import Outcome, Reason
from edge.vision.bundle import load_bundle
from edge.vision.registration import Tolerance
from edge.vision.scorer import VisionScorer
from tests.fakes import NumberCamera, numbered_folder
from tests.in_use import build_in_use
from tests.patch_encoder import PatchEncoder, placed_part

PARTS = [Taken(placed_part(number), f"{number}.png") for number in range(4)]


def belt(number: int, *, light: float = 1.0, size: tuple[int, int] = (160, 160)) -> Pixels:
    """The green background of `placed_part`, with some noise."""
    noise = np.random.default_rng(100 + number).normal(0, 6, (*size, 3))
    return np.clip((np.array((20, 110, 40)) + noise) * light, 0, 255).astype(np.uint8)


BELTS = [Taken(belt(number), f"belt{number}.png") for number in range(4)]


@pytest.fixture(scope="module")
def scorer(tmp_path_factory: pytest.TempPathFactory) -> VisionScorer:
    folder = tmp_path_factory.mktemp("bundles")
    encoder = PatchEncoder(input_size=320)
    build_in_use(encoder, PARTS, category="part", bundles_dir=folder, empties=BELTS)
    facts = load_bundle(folder, "part").manifest.empty
    assert facts is not None and 1.5 * facts.empty <= facts.good and facts.empty <= facts.limit < facts.good
    assert len(list((load_bundle(folder, "part").folder / "empty").iterdir())) == len(facts.pictures) == 4
    scorer = VisionScorer(encoder, folder)
    scorer.load("part")
    return scorer


@pytest.mark.parametrize("light", [0.9, 1.0, 1.1])
def test_the_empty_view_is_not_inspected_and_parts_are(scorer: VisionScorer, light: float) -> None:
    half = placed_part(2)
    half[88:] = belt(8)[88:]
    pictures = [belt(9, light=light), placed_part(2), placed_part(9, spot=True), half]
    empty, *parts = scorer.score(pictures, ["part"] * 4)
    assert (empty.outcome, empty.reason) == (Outcome.NOT_INSPECTED, Reason.NO_PART)
    assert empty.category == "part" and empty.bundle and empty.score is None
    assert [one.outcome for one in parts] == ["ok", "defect", "defect"]


def test_it_needs_no_forward_pass_of_its_own(scorer: VisionScorer) -> None:
    assert isinstance(scorer._encoder, PatchEncoder)
    scorer._encoder.passes.clear()
    scorer.score([belt(9), placed_part(8)], ["part"] * 2)
    assert scorer._encoder.passes == [2, 2], "the whole pictures and the closer look"


def test_what_lies_on_an_empty_belt_is_a_defect(scorer: VisionScorer) -> None:
    pixels = belt(9)
    pixels[60:110, 60:110] = (255, 0, 0)
    assert scorer.score([pixels], ["part"])[0].outcome is Outcome.DEFECT


def test_without_it_nothing_is_ever_no_part(tmp_path: Path) -> None:
    encoder = PatchEncoder(input_size=320)
    build_in_use(encoder, PARTS, category="part", bundles_dir=tmp_path)
    scorer = VisionScorer(encoder, tmp_path)
    scorer.load("part")
    assert scorer.score([belt(9)], ["part"])[0].reason is not Reason.NO_PART


def test_a_part_among_the_empty_pictures_is_named_and_nothing_written(tmp_path: Path) -> None:
    with pytest.raises(EdgeError, match=r"oops\.png is .* unlike the other pictures of the empty view"):
        build_in_use(
            PatchEncoder(), PARTS, category="part", bundles_dir=tmp_path,
            empties=[*BELTS, Taken(placed_part(7), "oops.png")],
        )  # fmt: skip
    assert not list(tmp_path.glob("part/*"))


def test_a_part_that_cannot_be_found_is_told_from_none(tmp_path: Path) -> None:
    board = next(iter(demo_boards())).pixels
    noise = np.random.default_rng(0)
    references = [
        Taken(np.clip(board + noise.normal(0, 3, board.shape), 0, 255).astype(np.uint8), f"{n}.png") for n in range(3)
    ]
    empties = [Taken(belt(number, size=(480, 640)), f"belt{number}.png") for number in range(3)]
    encoder = PatchEncoder(input_size=160)
    scene = teach_scene(references, SceneOptions(align=Tolerance()))
    build_in_use(encoder, references, category="board", bundles_dir=tmp_path, scene=scene, empties=empties)
    scorer = VisionScorer(encoder, tmp_path)
    scorer.load("board")
    turned = np.ascontiguousarray(np.rot90(board))
    verdicts = scorer.score([belt(9, size=(480, 640)), turned, references[1].pixels], ["board"] * 3)
    assert [one.reason for one in verdicts[:2]] == [Reason.NO_PART, Reason.POSE]
    assert verdicts[2].outcome is Outcome.OK


class LiveBelt:
    """The real protocol of a live camera over an empty belt: it cannot wait; `count` frames, the fifth unreadable."""

    source = "belt"
    finite = False
    can_wait = False
    continuous = True

    def __init__(self, count: int) -> None:
        self._count, self.number = count, 0

    def read(self) -> Shot | None:
        if self.number == self._count:
            return None
        self.number += 1
        return Shot(None if self.number == 5 else belt(self.number), time.time_ns(), f"belt#{self.number}")

    def lock_controls(self) -> dict[str, float]:
        return {}

    def close(self) -> None:
        pass


def test_frames_are_taken_apart_once_the_view_is_clear() -> None:
    camera, asked = LiveBelt(100), []
    taken = take_empties(camera, 3, lambda: asked.append(camera.number))
    assert asked == [0], "before the first frame"
    assert [each.source for each in taken] == [f"belt#{n * APART + 1} empty {n}" for n in (1, 2, 3)]


def test_a_camera_that_ends_or_cannot_be_cleared_is_refused() -> None:
    with pytest.raises(EdgeError, match="ended after 1 of 3 frames of the empty view"):
        take_empties(LiveBelt(15), 3, lambda: None)
    with pytest.raises(EdgeError, match="no live camera whose view could be cleared"):
        take_empties(NumberCamera(50), 3, lambda: None)


@pytest.mark.parametrize(
    ("text", "message"), [("1", "give 2 to 32 frames"), ("33", "give 2 to 32"), ("/nowhere", "no such file or folder")]
)
def test_a_number_or_place_that_cannot_be_is_refused(text: str, message: str) -> None:
    with pytest.raises(EdgeError, match=message):
        parse_empty(text)


def test_a_number_is_refused_where_nobody_can_clear_the_view() -> None:
    with pytest.raises(EdgeError, match="--empty 5: frames are taken of a live camera"):
        read_scene_options(area=None, ignore=None, align=False, tolerance=None, empty="5", can_clear=False)


def test_one_picture_of_the_empty_view_is_too_few(tmp_path: Path) -> None:
    with pytest.raises(EdgeError, match="1 pictures of the empty view, at least 2"):
        read_empties(numbered_folder(tmp_path / "empty", 1))
    assert len(read_empties(numbered_folder(tmp_path / "many", 40))) == 32


@pytest.mark.parametrize(
    ("align", "tolerance", "message"),
    [
        (False, (0.1, 15.0, 0.1), "give --align as well"),
        (True, (0.1, 90.0, 0.1), "90 degrees is not possible"),
        (True, (0.0, 15.0, 0.1), "0 share of the width is not possible"),
        (True, (0.1, 15.0, float("nan")), "nan share of the scale is not possible"),
    ],
)
def test_a_tolerance_that_cannot_be_is_refused(
    align: bool, tolerance: tuple[float, float, float], message: str
) -> None:
    with pytest.raises(EdgeError, match=message):
        read_scene_options(area=None, ignore=None, align=align, tolerance=tolerance, empty=None, can_clear=False)
