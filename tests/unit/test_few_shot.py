"""The few-shot head against a slow transcription of equation 4 of APRIL-GAN."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch.nn import functional

from calibration.reference_heads import memory_bank
from edge.vision.features import Features
from edge.vision.few_shot import few_shot_map, stage_distances


def cosine_distance(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    dot = sum(float(x) * float(y) for x, y in zip(a, b, strict=True))
    return 1 - dot / math.sqrt(sum(float(x) ** 2 for x in a) * sum(float(y) ** 2 for y in b))


def upsampled(grid: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
    """Bilinear, cell centres on cell centres, the border's value beyond the outermost centres."""
    rows, columns = grid.shape
    out = np.zeros((height, width))
    for i in range(height):
        for j in range(width):
            y = min(max((i + 0.5) * rows / height - 0.5, 0), rows - 1)
            x = min(max((j + 0.5) * columns / width - 0.5, 0), columns - 1)
            y0, x0 = int(y), int(x)
            y1, x1 = min(y0 + 1, rows - 1), min(x0 + 1, columns - 1)
            top = grid[y0, x0] * (1 - (x - x0)) + grid[y0, x1] * (x - x0)
            bottom = grid[y1, x0] * (1 - (x - x0)) + grid[y1, x1] * (x - x0)
            out[i, j] = top * (1 - (y - y0)) + bottom * (y - y0)
    return out


def equation_4(
    features: list[tuple[NDArray[np.float64], tuple[int, int]]], banks: list[NDArray[np.float64]], size: tuple[int, int]
) -> NDArray[np.float64]:
    """M_f(i, j) = sum_n min_{f in M^n} (1 - <F^n(i, j), f>), one loop for each symbol; banks [M, C]."""
    total = np.zeros(size)
    for (tokens, (rows, columns)), bank in zip(features, banks, strict=True):
        grid = np.zeros((rows, columns))
        for i in range(rows):
            for j in range(columns):
                grid[i, j] = min(cosine_distance(tokens[i * columns + j], f) for f in bank)
        total += upsampled(grid, *size)
    return total


def random_features(seed: int, *, batch: int, grids: dict[str, tuple[int, int]], channels: int = 6) -> Features:
    generator = torch.Generator().manual_seed(seed)
    stages = {
        name: torch.randn(batch, rows * columns, channels, generator=generator)
        for name, (rows, columns) in grids.items()
    }
    return Features(None, stages, grids)


def bank_of(features: Features) -> dict[str, torch.Tensor]:
    return {name: functional.normalize(tokens, dim=-1) for name, tokens in features.stages.items()}


@pytest.mark.parametrize(
    "grids",
    [
        {"s8": (8, 8), "s16": (4, 4), "s32": (2, 2)},
        {"s32": (2, 3), "s8": (8, 12)},
        {"block6": (3, 3), "block12": (3, 3), "block18": (3, 3)},
    ],
)
def test_the_map_is_equation_4(grids: dict[str, tuple[int, int]]) -> None:
    queries = random_features(1, batch=2, grids=grids)
    bank = bank_of(random_features(2, batch=3, grids=grids))
    result = few_shot_map(queries, bank)
    for index in range(2):
        expected = equation_4(
            [(queries.stages[name][index].double().numpy(), grids[name]) for name in bank],
            [vectors.double().flatten(0, 1).numpy() for vectors in bank.values()],
            max(grids.values()),
        )
        np.testing.assert_allclose(result.map[index].numpy(), expected, atol=2e-6)


def test_the_distance_to_a_reference_is_the_mean_map_against_it_alone() -> None:
    grids = {"s8": (8, 8), "s16": (4, 4)}
    queries = random_features(1, batch=2, grids=grids)
    bank = bank_of(random_features(2, batch=3, grids=grids))
    together = few_shot_map(queries, bank)
    for reference in range(3):
        alone = few_shot_map(queries, {name: vectors[reference : reference + 1] for name, vectors in bank.items()})
        torch.testing.assert_close(together.per_reference[:, reference], alone.map.mean(dim=(1, 2)))


def test_a_reference_is_at_distance_zero_from_itself_and_nearest_to_itself() -> None:
    references = random_features(3, batch=4, grids={"s8": (6, 6), "s16": (3, 3)})
    result = few_shot_map(references, bank_of(references))
    assert result.map.min() >= 0
    assert result.map.max() < 1e-5
    assert result.per_reference.argmin(dim=1).tolist() == [0, 1, 2, 3]


def test_opposite_tokens_are_at_distance_two() -> None:
    token = torch.tensor([[[3.0, 4.0]]])
    assert stage_distances(-token, functional.normalize(token, dim=-1)).item() == pytest.approx(2)


def test_the_length_of_a_token_does_not_matter() -> None:
    queries = random_features(4, batch=1, grids={"s8": (4, 4)})
    bank = bank_of(random_features(5, batch=2, grids={"s8": (4, 4)}))
    scaled = Features(None, {name: tokens * 37 for name, tokens in queries.stages.items()}, queries.grids)
    torch.testing.assert_close(few_shot_map(scaled, bank).map, few_shot_map(queries, bank).map)


def test_one_more_reference_never_raises_the_map() -> None:
    queries = random_features(6, batch=2, grids={"s8": (4, 4), "s16": (2, 2)})
    bank = bank_of(random_features(7, batch=4, grids=queries.grids))
    fewer = few_shot_map(queries, {name: vectors[:3] for name, vectors in bank.items()})
    assert (few_shot_map(queries, bank).map <= fewer.map + 1e-6).all()


@settings(deadline=None, max_examples=30)
@given(chunk=st.integers(1, 4096), batch=st.integers(1, 3), references=st.integers(1, 3))
def test_the_chunk_size_does_not_matter(chunk: int, batch: int, references: int) -> None:
    generator = torch.Generator().manual_seed(chunk)
    tokens = torch.randn(batch, 7, 5, generator=generator)
    vectors = functional.normalize(torch.randn(references, 4, 5, generator=generator), dim=-1)
    at_once = stage_distances(tokens, vectors, chunk_bytes=1 << 30)
    assert at_once.shape == (batch, references, 7)
    torch.testing.assert_close(stage_distances(tokens, vectors, chunk_bytes=chunk), at_once)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_finds_the_winner_and_float32_measures_it(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    vectors = functional.normalize(torch.randn(3, 50, 64, generator=generator), dim=-1)
    near = vectors[:, :20].reshape(1, 60, 64) + 0.01 * torch.randn(1, 60, 64, generator=generator)
    tokens = near.to(dtype)
    exact = stage_distances(tokens.float(), vectors)
    found = stage_distances(tokens, vectors)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, exact, atol=1e-3, rtol=0)
    own = exact.amin(dim=1)
    assert own.max() < 0.01  # bfloat16 products alone would be wrong by about as much as these distances are
    torch.testing.assert_close(found.amin(dim=1), own, atol=1e-6, rtol=0)


def test_a_broken_token_shows_in_the_map() -> None:
    queries = random_features(8, batch=1, grids={"s8": (2, 2)})
    bank = bank_of(random_features(9, batch=1, grids={"s8": (2, 2)}))
    queries.stages["s8"][0, 2, 1] = torch.nan
    assert few_shot_map(queries, bank).map.isnan().sum() == 1


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device here")
def test_cuda_gives_the_map_of_the_cpu() -> None:
    queries = random_features(1, batch=3, grids={"s8": (40, 40), "s16": (20, 20)}, channels=40)
    bank = bank_of(random_features(2, batch=4, grids=queries.grids, channels=40))
    here = few_shot_map(queries, bank)
    moved = Features(None, {name: tokens.cuda() for name, tokens in queries.stages.items()}, queries.grids)
    there = few_shot_map(moved, {name: vectors.cuda() for name, vectors in bank.items()})
    torch.testing.assert_close(there.map.cpu(), here.map, atol=2e-3, rtol=0)
    torch.testing.assert_close(there.per_reference.cpu(), here.per_reference, atol=2e-3, rtol=0)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_bank_of_half_precision_features_is_float32_and_matches(dtype: torch.dtype) -> None:
    tokens = torch.randn(2, 16, 8, generator=torch.Generator().manual_seed(0))
    halves = [Features(None, {"s8": one[None].to(dtype)}, {"s8": (4, 4)}) for one in tokens]
    bank = memory_bank(halves, keep=16)
    assert bank["s8"].dtype == torch.float32
    torch.testing.assert_close(bank["s8"].norm(dim=-1), torch.ones(2, 16))
    assert few_shot_map(halves[0], bank).map.amax() < 1e-4, "a reference knows itself"
