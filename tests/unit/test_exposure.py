"""Exposure: what is too dark or too bright is named with its numbers; good parts of four real sets pass."""

from pathlib import Path

import numpy as np
import pytest

from calibration.references.exposure import badly_exposed
from edge.frame import Pixels
from edge.line.picture import read_picture, to_rgb
from tests.patch_encoder import grey_part


def with_band(level: int, share: float) -> Pixels:
    """A grey part whose upper rows are all of one level."""
    pixels = grey_part(1, size=(100, 100))
    pixels[: round(100 * share)] = level
    return pixels


def test_a_grey_part_is_well_exposed() -> None:
    assert badly_exposed(grey_part(0)) == ""


@pytest.mark.parametrize(
    ("pixels", "said"),
    [
        (grey_part(0) // 8, "too dark: mean level 16 of 255, at least 20 is needed"),
        (255 - grey_part(0) // 8, "too bright: mean level 239 of 255, at most 235"),
        (with_band(0, 0.6), "too dark: 60% of the pixels are black, at most 50%"),
        (with_band(255, 0.4), "too bright: 40% of the pixels are white, at most 30%"),
    ],
)
def test_bad_exposure_is_named_with_its_number_and_limit(pixels: Pixels, said: str) -> None:
    assert badly_exposed(pixels).startswith(said)


@pytest.mark.parametrize(("level", "share"), [(0, 0.4), (255, 0.2)])
def test_a_dark_fixture_or_a_few_reflections_are_no_fault(level: int, share: float) -> None:
    assert badly_exposed(with_band(level, share)) == ""


def test_a_12_bit_camera_in_a_16_bit_file_is_named() -> None:
    twelve_bits = grey_part(0)[..., 0].astype(np.uint16) << 4
    assert "12-bit camera" in badly_exposed(to_rgb(twelve_bits))
    assert badly_exposed(to_rgb(twelve_bits << 4)) == ""


def test_good_parts_of_real_sets_are_well_exposed(real_parts: Path) -> None:
    for folder in real_parts.iterdir():
        files = sorted((folder / "normal").iterdir())
        assert {badly_exposed(read_picture(file)) for file in files[:: max(1, len(files) // 6)]} == {""}
