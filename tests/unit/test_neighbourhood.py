"""Joined tokens and Euclidean matching against slow transcriptions; where a part lies; two looks as one score."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch.nn import functional

from calibration.find_part import find_part
from calibration.reference_heads import look_at, neighbour_bank
from edge.vision.closer_look import NeighbourBank, laid_in, match_looks, outside
from edge.vision.encoder import open_encoder
from edge.vision.features import Features
from edge.vision.neighbourhood import COARSE_WEIGHT, joined_tokens, neighbour_distances, top_mean
from edge.vision.part_box import PartBox, cut
from tests.patch_encoder import PatchEncoder, grey_part, placed_part

BOX = PartBox(0.4, 0.4, 0.6, 0.6)


def random_tensor(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def board(*, left: int = 90, top: int = 80, shade: int = 200) -> NDArray[np.uint8]:
    """A part of 100 x 60 pixels in a picture of 300 x 200."""
    pixels = np.full((200, 300, 3), (30, 110, 50), np.uint8)
    pixels[top : top + 60, left : left + 100] = (shade, 40, shade)
    return pixels


def test_tokens_are_neighbourhoods_of_every_stage_on_the_second_stages_grid() -> None:
    fine, middle, coarse = random_tensor(1, 16, 2), random_tensor(1, 4, 3), random_tensor(1, 1, 2)
    features = Features(None, {"s8": fine, "s16": middle, "s32": coarse}, {"s8": (4, 4), "s16": (2, 2), "s32": (1, 1)})
    tokens, grid = joined_tokens(features)
    assert grid == (2, 2)
    assert tokens.shape == (1, 4, 7)
    padded = functional.pad(fine.reshape(4, 4, 2).permute(2, 0, 1), (1, 1, 1, 1))
    means = [[padded[:, i : i + 3, j : j + 3].sum(dim=(1, 2)) / 9 for j in range(2)] for i in range(2)]
    torch.testing.assert_close(tokens[0, 0, :2], sum(means[0] + means[1]) / 4)
    torch.testing.assert_close(tokens[0, 3, 2:5], middle[0].sum(dim=0) / 9)
    torch.testing.assert_close(tokens[0, 2, 5:], COARSE_WEIGHT * coarse[0, 0] / 9)


def test_distances_are_root_mean_squares_to_the_nearest_of_each_reference() -> None:
    tokens, bank = random_tensor(2, 5, 6), random_tensor(3, 4, 6, seed=1)
    expected = torch.stack([((tokens[:, :, None] - own) ** 2).mean(dim=-1).sqrt().amin(dim=2) for own in bank], dim=1)
    torch.testing.assert_close(neighbour_distances(tokens, bank), expected)


@given(st.integers(1, 400))
def test_chunks_change_nothing(chunk_bytes: int) -> None:
    tokens, bank = random_tensor(2, 5, 6), random_tensor(3, 4, 6, seed=1)
    whole = neighbour_distances(tokens, bank)
    torch.testing.assert_close(neighbour_distances(tokens, bank, chunk_bytes=chunk_bytes), whole)


def test_a_token_of_the_bank_is_at_distance_zero() -> None:
    bank = 50 * random_tensor(2, 30, 40)
    assert neighbour_distances(bank[:1], bank)[:, 0].max() < 0.2


def test_the_score_is_a_mean_of_the_largest_cells() -> None:
    maps = torch.arange(400.0).reshape(1, 20, 20)
    assert top_mean(maps).item() == np.mean([397, 398, 399])
    assert top_mean(maps[:, :2, :2]).item() == maps[0, 1, 1]


def test_a_part_in_one_place_is_found() -> None:
    box = find_part([board(left=90 + shift, top=80 - shift) for shift in range(4)])
    assert box is not None
    assert box.left < 90 / 300 and box.right > 193 / 300
    assert box.top < 77 / 200 and box.bottom > 140 / 200
    assert box.area < 0.3


@pytest.mark.parametrize(
    "pictures",
    [
        [board(left=20), board(left=180)],
        [board(), np.full((200, 300, 3), 90, np.uint8)],
        [np.kron(np.random.default_rng(0).integers(0, 255, (20, 30, 3)), np.ones((10, 10, 1))).astype(np.uint8)],
    ],
    ids=["lies about", "not in each", "fills the picture"],
)
def test_no_closer_look_where_there_is_no_place_for_one(pictures: list[NDArray[np.uint8]]) -> None:
    assert find_part(pictures) is None


def test_the_cut_is_the_boxs_pixels() -> None:
    picture = cut(board(), PartBox(0.3, 0.4, 190 / 300, 0.7))
    assert picture.shape == (60, 100, 3)
    assert (picture == (200, 40, 200)).all()


def test_a_defect_in_the_corner_counts_beside_a_closer_look() -> None:
    whole = torch.zeros(2, 20, 20)
    whole[0, :2, :2] = 3.0
    whole[1, 9:11, 9:11] = 3.0  # the part itself, which the closer look judges
    assert outside(whole, BOX)[0].max() == 3
    assert outside(whole, BOX)[1].max() == 0


@given(st.floats(0.0, 0.7), st.floats(0.0, 0.7), st.floats(0.15, 1.0), st.floats(0.15, 1.0), st.integers(1, 24))
def test_no_value_of_either_look_is_lost_on_the_map(
    left: float, top: float, wide: float, high: float, cells: int
) -> None:
    box = PartBox(left, top, min(1.0, left + wide), min(1.0, top + high))
    part = 1 + torch.arange(cells * cells, dtype=torch.float32).reshape(1, cells, cells)
    around = outside(1000 + torch.arange(400.0).reshape(1, 20, 20), box)
    shown = set(laid_in(around, part, box).flatten().tolist())
    assert set(part.flatten().tolist()) <= shown
    assert set(around[around > 0].tolist()) <= shown


def test_the_map_shows_each_look_in_its_place() -> None:
    whole, part = torch.ones(1, 20, 20), torch.full((1, 24, 24), 2.0)
    shown = laid_in(whole, part, BOX)
    factor = shown.shape[1] // 20
    assert (shown[0, 8 * factor : 12 * factor, 8 * factor : 12 * factor] == 2).all()
    assert (shown[0, : 8 * factor] == 1).all()


def test_the_score_is_the_larger_look_and_never_above_the_map() -> None:
    encoder = PatchEncoder(input_size=320)
    pictures = [placed_part(number) for number in range(4)]
    looks = look_at(encoder, pictures, closer=True)
    bank = neighbour_bank(looks)
    assert bank.box is not None and bank.part is not None
    stray = placed_part(7)
    stray[:16, :16] = (255, 0, 0)
    scores = []
    for pixels in (placed_part(7), placed_part(7, spot=True), stray):
        whole = encoder.encode(encoder.prepare([pixels]))
        part = encoder.encode(encoder.prepare([cut(pixels, bank.box)]))
        both = match_looks(whole, part, bank)
        assert both.score <= both.map.max()
        assert both.per_reference.shape == (1, 4)
        scores.append(float(both.score))
    good, spotted, strayed = scores
    assert spotted > 2 * good, "seen by the closer look"
    assert strayed > 2 * good, "outside the box, seen on the whole picture"


def test_a_missing_closer_look_is_no_pass() -> None:
    features = Features(None, {"s8": random_tensor(1, 16, 3)}, {"s8": (4, 4)})
    bank = NeighbourBank(random_tensor(2, 16, 3), random_tensor(2, 16, 3), BOX)
    with pytest.raises(ValueError, match="its features were not given"):
        match_looks(features, None, bank)


def test_parts_that_lie_about_get_one_look() -> None:
    encoder = PatchEncoder()
    looks = look_at(encoder, [grey_part(number) for number in range(3)], closer=True)
    assert (looks.parts, looks.box) == (None, None)
    whole = encoder.encode(encoder.prepare([grey_part(5)]))
    one = match_looks(whole, None, neighbour_bank(looks))
    assert torch.equal(one.score, top_mean(one.map))


def test_lite_looks_closer_with_more_pixels() -> None:
    encoder = open_encoder("lite", input_size=256, device="cpu")
    assert (encoder.closer().input_size, encoder.closer().weights_sha256) == (320, encoder.weights_sha256)
    assert encoder.closer() is encoder.closer()
