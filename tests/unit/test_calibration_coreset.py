"""The coreset: equally many of each reference's own tokens, covering the rest."""

import torch
from torch.nn import functional

from calibration.bank.coreset import keep_farthest, tokens_to_keep


def unit_vectors(*shape: int, seed: int = 0) -> torch.Tensor:
    return functional.normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(seed)), dim=-1)


def farthest_left_out(vectors: torch.Tensor, kept: torch.Tensor) -> float:
    """Largest distance of a token to its nearest kept one."""
    return float((1 - vectors @ kept.T).amin(dim=1).max())


def test_each_reference_keeps_as_many_of_its_own_tokens() -> None:
    vectors = unit_vectors(3, 50, 4)
    kept = keep_farthest(vectors, 10)
    assert kept.shape == (3, 10, 4)
    for own, chosen in zip(vectors, kept, strict=True):
        rows = {tuple(row.tolist()) for row in own}
        assert len({tuple(row.tolist()) for row in chosen} & rows) == 10


def test_a_small_stage_is_kept_whole() -> None:
    vectors = unit_vectors(2, 9, 4)
    assert torch.equal(keep_farthest(vectors, 9), vectors)


def test_the_selection_covers_better_than_chance() -> None:
    vectors = unit_vectors(1, 400, 3)
    kept = keep_farthest(vectors, 40)[0]
    chance = min(
        farthest_left_out(vectors[0], vectors[0][torch.randperm(400, generator=torch.Generator().manual_seed(s))[:40]])
        for s in range(20)
    )
    assert farthest_left_out(vectors[0], kept) < chance


def test_a_token_that_is_unlike_all_others_is_kept() -> None:
    vectors = functional.normalize(torch.tensor([1.0, 0.0, 0.0]) + 0.05 * unit_vectors(1, 300, 3), dim=-1)
    vectors[0, 217] = torch.tensor([0.0, 0.0, 1.0])
    assert (keep_farthest(vectors, 4)[0] == vectors[0, 217]).all(dim=1).any()


def test_a_reference_keeps_the_same_tokens_whatever_the_others_are() -> None:
    """Or else leaving one reference out would not leave all of it out."""
    vectors = unit_vectors(3, 60, 5)
    torch.testing.assert_close(keep_farthest(vectors, 20)[1:2], keep_farthest(vectors[1:2], 20))


def test_a_quarter_of_the_stride_8_tokens_is_kept() -> None:
    assert [tokens_to_keep(size) for size in (320, 512)] == [400, 1024]
