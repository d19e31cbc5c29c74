"""Features on disk: the same as encoded, once a picture, within the budget."""

from pathlib import Path

import torch
from torch import Tensor

from calibration.adapters.feature_cache import FeatureCache
from edge.vision.features import Features
from tests.patch_encoder import PatchEncoder, grey_part

ONE_PICTURE = (64 + 16) * 4 * 4  # bytes of the tokens of both stages


def encoded(encoder: PatchEncoder, number: int, cache: FeatureCache) -> Features:
    def prepare() -> Tensor:
        return encoder.prepare([grey_part(number)])

    return cache.features(f"part {number}", prepare)


def same(a: Features, b: Features) -> bool:
    return a.grids == b.grids and all(torch.equal(a.stages[name], b.stages[name]) for name in a.stages | b.stages)


def test_a_picture_is_encoded_once_and_read_back_to_the_bit(tmp_path: Path) -> None:
    encoder = PatchEncoder()
    cache = FeatureCache(encoder, tmp_path / "features", budget_bytes=10**6)
    first = encoded(encoder, 1, cache)
    again = encoded(encoder, 1, cache)
    later = encoded(encoder, 1, FeatureCache(encoder, tmp_path / "features", budget_bytes=10**6))
    assert len(encoder.passes) == 1
    assert same(first, again)
    assert same(first, later)
    assert not same(first, encoded(encoder, 2, cache))


def test_what_does_not_fit_is_encoded_anew_and_what_lies_there_counts(tmp_path: Path) -> None:
    encoder = PatchEncoder()
    budget = 2 * (ONE_PICTURE + 500)  # room for two, with their headers
    cache = FeatureCache(encoder, tmp_path, budget_bytes=budget)
    for _ in range(2):
        for number in range(4):
            encoded(encoder, number, cache)
    assert len(encoder.passes) == 4 + 2
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= budget
    encoded(encoder, 9, FeatureCache(encoder, tmp_path, budget_bytes=budget))
    assert len(list(tmp_path.iterdir())) == 2


def test_without_a_folder_nothing_is_kept(tmp_path: Path) -> None:
    encoder = PatchEncoder()
    cache = FeatureCache(encoder, None, budget_bytes=10**6)
    assert same(encoded(encoder, 1, cache), encoded(encoder, 1, cache))
    assert len(encoder.passes) == 2


def test_another_encoder_precision_or_size_finds_nothing(tmp_path: Path) -> None:
    first = PatchEncoder()
    encoded(first, 1, FeatureCache(first, tmp_path, budget_bytes=10**6))
    for other, precision in (
        (PatchEncoder(weights_sha256="1" * 64), "fp32"),
        (PatchEncoder(input_size=128), "fp32"),
        (PatchEncoder(), "bf16"),
    ):
        encoded(other, 1, FeatureCache(other, tmp_path, budget_bytes=10**6, precision=precision))
        assert other.passes == [1]


def test_a_damaged_file_is_encoded_again(tmp_path: Path) -> None:
    encoder = PatchEncoder()
    whole = encoded(encoder, 1, FeatureCache(encoder, tmp_path, budget_bytes=10**6))
    (file,) = tmp_path.iterdir()
    for damaged in (file.read_bytes()[:100], b""):
        file.write_bytes(damaged)
        assert same(whole, encoded(encoder, 1, FeatureCache(encoder, tmp_path, budget_bytes=10**6)))
    assert len(encoder.passes) == 3
    assert file.stat().st_size > ONE_PICTURE
