"""Joined tokens and Euclidean matching against slow transcriptions; where a part lies; two looks as one score."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.nn import functional

from calibration.coreset import keep_farthest_apart
from edge.vision.closer_look import outside, part_side, two_look_map, two_look_score
from edge.vision.features import Features
from edge.vision.neighbourhood import COARSE_WEIGHT, joined_tokens, neighbour_distances, top_mean
from edge.vision.part_crop import PartBox, cut, find_part

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


def test_a_token_of_the_bank_is_at_distance_zero() -> None:
    bank = 50 * random_tensor(2, 30, 40)
    assert neighbour_distances(bank[:1], bank)[:, 0].max() < 0.2


def test_the_score_is_a_mean_of_the_largest_cells() -> None:
    maps = torch.arange(400.0).reshape(1, 20, 20)
    assert top_mean(maps).item() == np.mean([396, 397, 398, 399])
    assert top_mean(maps[:, :2, :2]).item() == maps[0, 1, 1]


def test_the_coreset_keeps_what_lies_apart_in_length_too() -> None:
    vectors = torch.ones(1, 50, 3) + 0.01 * random_tensor(1, 50, 3)
    vectors[0, 17] = 5.0
    assert (keep_farthest_apart(vectors, 3)[0] == vectors[0, 17]).all(dim=1).any()


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
    whole, part = torch.zeros(2, 20, 20), torch.full((2, 24, 24), 0.5)
    whole[0, :2, :2] = 3.0
    whole[1, 9:11, 9:11] = 3.0  # the part itself, which the closer look judges
    assert two_look_score(whole, part, BOX).tolist() == [3.0, 0.5]
    assert outside(whole, BOX)[1].max() == 0


def test_the_map_shows_each_look_in_its_place() -> None:
    whole, part = torch.ones(1, 20, 20), torch.full((1, 24, 24), 2.0)
    shown = two_look_map(whole, part, BOX)
    assert shown.shape == (1, 40, 40)
    assert (shown[0, 16:24, 16:24] == 2).all()
    assert shown[0, 0, 0] == 1


def test_the_closer_looks_side_is_one_the_encoder_takes() -> None:
    assert [part_side(size) for size in (320, 256, 512)] == [384, 320, 608]
