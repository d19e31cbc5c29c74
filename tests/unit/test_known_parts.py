"""Parts known to be good or defective: read by part, kept out of the bank, scored as the line scores them."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from calibration.build import build
from calibration.known_parts import Shown, outside_the_bank, parts_in, score_part
from calibration.promise.threshold import Grade, Wish
from calibration.references.collect import References, Taken, collect
from edge.errors import EdgeError
from edge.frame import Pixels
from edge.line.camera import open_camera
from edge.line.camera_spec import parse_camera
from edge.line.parts import next_parts
from edge.line.shot import Shot
from edge.line.trigger import Every, trigger_of
from edge.verdict import Outcome, Reason
from edge.vision.bundle import load_bundle
from edge.vision.bundle_heads import load_heads
from edge.vision.scorer import VisionScorer
from tests.in_use import build_in_use
from tests.patch_encoder import PatchEncoder, grey_part

REFERENCES = [Taken(grey_part(number), f"{number}.png") for number in range(4)]
GOOD = [Shown(f"good-{number}", [grey_part(number)]) for number in range(10, 22)]
BAD = [Shown(f"bad-{number}", [grey_part(number, spot=True)]) for number in range(30, 35)]


class RestingCamera:
    """A live camera's protocol: every part lies still for twelve frames, with a hand between it and the next."""

    source, finite, can_wait, continuous = "resting", True, True, True

    def __init__(self, parts: list[Pixels]) -> None:
        hand = np.full_like(parts[0], 200)
        hand[:, ::2] = 20
        self._frames = iter([frame for part in parts for frame in [*[part] * 12, hand]])

    def read(self) -> Shot | None:
        pixels = next(self._frames, None)
        return None if pixels is None else Shot(pixels, 0, self.source)

    def lock_controls(self) -> dict[str, float]:
        return {}

    def close(self) -> None:
        self._frames = iter([])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two parts of one picture each, and one of three."""
    root = tmp_path / "good"
    for name in ("b.png", "a.png", "turned/1.png", "turned/2.png", "turned/3.png"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(root / name), grey_part(len(name)))
    (root / "notes").mkdir()
    return root


def test_each_picture_and_each_folder_of_pictures_is_a_part(folder: Path) -> None:
    parts = parts_in(folder, option="--good")
    assert [(part.source, len(part.pictures)) for part in parts] == [("a.png", 1), ("b.png", 1), ("turned", 3)]


def test_a_folder_without_pictures_is_refused_by_the_options_name(tmp_path: Path) -> None:
    with pytest.raises(EdgeError, match=r"--bad .*no pictures in this folder"):
        parts_in(tmp_path, option="--bad")
    with pytest.raises(EdgeError, match=r"--good .*nowhere: no such folder"):
        parts_in(tmp_path / "nowhere", option="--good")


def test_the_next_parts_of_a_source_come_after_those_already_taken(folder: Path) -> None:
    camera = open_camera(parse_camera(str(folder)), fps=None, once=True)
    camera.read()
    assert [source for source, _ in next_parts(camera, 1, Every(), what="further good")] == ["b.png"]
    with pytest.raises(EdgeError, match="0 of 2 further good parts, and there are no more"):
        list(next_parts(camera, 2, Every(), what="further good"))


def test_a_reference_is_not_evidence_about_itself() -> None:
    again = Shown("again", [grey_part(50), REFERENCES[2].pixels])
    assert list(outside_the_bank([*GOOD, again], [each.pixels for each in REFERENCES])) == GOOD


def test_a_parts_score_is_its_worst_pictures(tmp_path: Path) -> None:
    encoder = PatchEncoder()
    build_in_use(encoder, REFERENCES, category="part", bundles_dir=tmp_path)
    heads = load_heads(load_bundle(tmp_path, "part"), encoder)
    pictures = [grey_part(40), grey_part(41, spot=True), grey_part(42)]
    alone = [score_part(encoder, heads, Shown("one", [pixels])).part.score for pixels in pictures]
    together = score_part(encoder, heads, Shown("all", pictures))
    assert (together.part.score, together.part.pictures) == (max(alone), 3)
    assert max(alone) == alone[1]


def test_calibration_and_line_give_a_part_the_same_score(tmp_path: Path) -> None:
    encoder = PatchEncoder()
    made = build_in_use(encoder, REFERENCES, category="part", bundles_dir=tmp_path, good=GOOD, bad=BAD).manifest
    scorer = VisionScorer(encoder, tmp_path)
    scorer.load("part")
    for shown, known in zip([*GOOD, *BAD], [*made.calibration.good, *made.calibration.bad], strict=True):
        assert scorer.score(list(shown.pictures), ["part"])[0].score == pytest.approx(known.score, abs=1e-6)


def test_good_parts_set_the_threshold_and_all_but_rank_minus_one_are_ok(tmp_path: Path) -> None:
    encoder = PatchEncoder()
    wish = Wish(target_false_reject=0.4, target_false_defect=0.25)
    made = build_in_use(
        encoder, REFERENCES, category="part", bundles_dir=tmp_path, good=GOOD, bad=BAD, wish=wish
    ).manifest
    assert made.calibration.grade == Grade.CERTIFIED
    assert made.calibration.promise is not None
    rank = made.calibration.promise.rank
    assert rank > 1
    scorer = VisionScorer(encoder, tmp_path)
    scorer.load("part")
    verdicts = [scorer.score(list(part.pictures), ["part"])[0] for part in (*GOOD, *BAD)]
    reasons = [verdict.reason for verdict in verdicts[: len(GOOD)]]
    assert reasons.count(None) == len(GOOD) - (rank - 1)
    assert reasons.count(Reason.BETWEEN_THRESHOLDS) == rank - 1
    assert {verdict.outcome for verdict in verdicts[len(GOOD) :]} == {Outcome.DEFECT}
    assert verdicts[0].defect_threshold == made.defect_threshold is not None


def test_one_reference_with_good_parts_has_a_threshold_and_a_scale(tmp_path: Path) -> None:
    made = build(PatchEncoder(), REFERENCES[:1], category="part", bundles_dir=tmp_path, good=GOOD).manifest
    assert made.calibration.grade == Grade.NOT_CERTIFIED
    assert made.threshold is not None
    assert made.scale is not None


def test_a_threshold_by_hand_that_nothing_can_reach_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(EdgeError, match="--threshold 1e\\+06: nothing that was tried reaches it"):
        build(PatchEncoder(), REFERENCES, category="part", bundles_dir=tmp_path, wish=Wish(threshold=1e6))
    assert not list(tmp_path.glob("part/[0-9]*"))


def test_a_threshold_by_hand_below_every_good_part_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EdgeError, match="every one of the 12 good parts lies above it"):
        build(PatchEncoder(), REFERENCES, category="part", bundles_dir=tmp_path, good=GOOD, wish=Wish(threshold=1e-6))


def test_a_picture_that_was_shown_as_good_is_no_known_defect(tmp_path: Path) -> None:
    for said_good, as_bad in ((GOOD, GOOD[3]), ((), Shown("again", [REFERENCES[1].pixels]))):
        with pytest.raises(EdgeError, match=f"--bad {as_bad.source}: the same picture was shown as the good part"):
            build(PatchEncoder(), REFERENCES, category="part", bundles_dir=tmp_path, good=said_good, bad=[as_bad])
    assert not list(tmp_path.glob("part/[0-9]*"))


def test_copies_and_the_references_own_parts_certify_nothing(tmp_path: Path) -> None:
    """29 copies of one picture are one part, and a reference saved again is a reference."""
    copies = [Shown(f"copy-{number}", [GOOD[0].pictures[0]]) for number in range(29)]
    made = build(PatchEncoder(), REFERENCES, category="part", bundles_dir=tmp_path, good=[*copies, *GOOD]).manifest
    assert [part.source for part in made.calibration.good] == ["copy-0", *(part.source for part in GOOD[1:])]


def test_who_is_asked_next_does_not_take_what_still_lies_there() -> None:
    """The last reference rests under the camera when good parts are asked for: another one has to be laid in."""
    camera = RestingCamera([grey_part(1), grey_part(2), grey_part(3)])
    trigger = trigger_of(continuous=True)
    references = References(2)
    list(collect(camera, references, trigger))
    ((_, pixels),) = next_parts(camera, 1, trigger, what="further good")
    assert np.array_equal(pixels, grey_part(3))
