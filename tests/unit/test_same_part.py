"""Near-duplicates: the same part shot again is found under noise, shift, light and compression; another part is not."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from calibration.references.same_part import ALIKE, SHORTLIST, PartsSeen, detail, unlikeness
from edge.frame import Pixels
from edge.line.picture import read_picture
from tests.patch_encoder import grey_part


def shot_again(pixels: Pixels, seed: int) -> Pixels:
    """The same part, a pixel or two further, in other light, with other noise, compressed."""
    rng = np.random.default_rng(seed)
    right, down = rng.choice([-2, -1, 1, 2], 2)
    shift = np.array([[1, 0, right], [0, 1, down]], np.float32)
    height, width = pixels.shape[:2]
    moved = cv2.warpAffine(pixels, shift, (width, height), borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
    lit = moved * rng.uniform(0.97, 1.03) + rng.normal(0, rng.uniform(2, 5), moved.shape)
    encoded = cv2.imencode(".jpg", np.clip(lit, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 85])[1]
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)


def coarse_part(number: int) -> Pixels:
    """A part with plain detail of some pixels, which survives a shift: [256, 256, 3]."""
    plain = np.clip(4 * (grey_part(number).astype(int) - 96), 0, 255).astype(np.uint8)
    return np.asarray(cv2.resize(plain, (256, 256), interpolation=cv2.INTER_LINEAR), np.uint8)


def test_a_part_shot_again_is_named_with_both_numbers() -> None:
    seen = PartsSeen()
    for number in range(4):
        other = seen.find(coarse_part(number))
        assert other is None or not seen.is_same(other)
        seen.add(number, coarse_part(number))
    found = seen.find(shot_again(coarse_part(2), 0))
    assert found is not None and seen.is_same(found)
    assert found.key == 2


def test_parts_that_are_all_alike_are_not_called_one() -> None:
    seen = PartsSeen()
    for number in range(6):
        found = seen.find(shot_again(coarse_part(0), number))
        assert found is None or not seen.is_same(found)
        seen.add(number, shot_again(coarse_part(0), number))


def test_a_part_may_be_shown_again_once_it_is_forgotten() -> None:
    seen = PartsSeen()
    seen.add(7, coarse_part(7))
    assert seen.find(shot_again(coarse_part(7), 1)) is not None
    seen.forget(7)
    assert seen.find(shot_again(coarse_part(7), 1)) is None, "nothing is left to compare with"


def test_among_many_parts_the_same_one_is_still_found() -> None:
    seen = PartsSeen()
    for number in range(3 * SHORTLIST):
        seen.add(number, coarse_part(number))
    found = [seen.find(shot_again(coarse_part(number), number)) for number in range(0, 3 * SHORTLIST, 5)]
    assert [each and each.key for each in found] == list(range(0, 3 * SHORTLIST, 5))


def test_unlikeness_is_0_of_itself_and_about_1_of_another() -> None:
    one, other = detail(coarse_part(0)), detail(coarse_part(1))
    assert unlikeness(one, one) == pytest.approx(0, abs=1e-6)
    assert unlikeness(one, other) > 0.7


def test_a_blank_picture_is_no_crash() -> None:
    seen = PartsSeen()
    seen.add(1, np.full((64, 64, 3), 90, np.uint8))
    found = seen.find(coarse_part(0))
    assert found is not None and found.unlikeness == 1


@pytest.mark.parametrize("name", ["circuitboard", "cookie", "hazelnut_toy", "magnetic_tile"])
def test_real_parts_are_told_from_themselves_shot_again(real_parts: Path, name: str) -> None:
    """Every fifth of magnetic_tile: its names tell which pictures show one tile in other light."""
    files = sorted((real_parts / name / "normal").iterdir())[:: 5 if name == "magnetic_tile" else 1][:8]
    seen = PartsSeen()
    for key, file in enumerate(files):
        found = seen.find(read_picture(file))
        assert found is None or (found.unlikeness > ALIKE and not seen.is_same(found)), file
        seen.add(key, read_picture(file))
    for key, file in enumerate(files):
        found = seen.find(shot_again(read_picture(file), key))
        assert found is not None and found.key == key and seen.is_same(found), file
