"""The certified bound on real pictures: it holds on held-out parts, and not if the threshold is lowered."""

from pathlib import Path

import numpy as np
import pytest

from edge.vision.encoder import open_encoder
from tests.promise_table import Pool, draw_pool, good_pictures, splits

SPLITS = 200
NUMBERS = (5, 10, 20)


@pytest.fixture(scope="module", params=["circuitboard", "cookie", "hazelnut_toy", "magnetic_tile"])
def pool(request: pytest.FixtureRequest, real_parts: Path) -> Pool:
    """The scores of up to 46 good parts against four others."""
    encoder = open_encoder("lite", input_size=320, device="cpu")
    return draw_pool(encoder, good_pictures(real_parts / request.param, most=50), seed=0)


@pytest.mark.parametrize("parts", NUMBERS)
def test_held_out_rejects_are_within_the_bound_in_92_percent_of_200_splits(pool: Pool, parts: int) -> None:
    within = [one.within for one in splits(pool, parts=parts, count=SPLITS, seed=parts)]
    assert np.mean(within) >= 0.92


def test_a_lowered_threshold_breaks_the_bound(pool: Pool) -> None:
    within = [one.within for one in splits(pool, parts=10, count=SPLITS, seed=10, lowered=0.85)]
    assert np.mean(within) < 0.92


def test_maps_of_ok_parts_stay_below_the_mark(pool: Pool) -> None:
    held_out = list(splits(pool, parts=10, count=SPLITS, seed=10))
    assert sum(one.dark for one in held_out) >= 0.95 * sum(one.ok for one in held_out)
