"""A CLIP without networks: texts and pictures become vectors in no time, for tests of what is made of them."""

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from edge.frame import Pixels
from edge.vision.features import Features, StageSpec
from tests.patch_encoder import PatchEncoder

DIM = 48


class HashedWords:
    """Implements edge.vision.features.TextTower: a sentence is the sum of its words, each a vector of its own.

    Words of the template and of states count double, so that a random word does not drown them.
    Keeps what it was asked for in `asked`.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []

    def embed(self, sentences: Sequence[str]) -> Tensor:
        self.asked += sentences
        return functional.normalize(torch.stack([self._sum(sentence) for sentence in sentences]), dim=-1)

    def _sum(self, sentence: str) -> Tensor:
        return torch.stack([vector(word) * (2 if word.isalpha() else 1) for word in sentence.split()]).sum(dim=0)


class HashedEncoder:
    """Implements edge.vision.features.Encoder: HashedWords, and pictures by PatchEncoder's mean colours."""

    name = "hashed:words"
    stages: tuple[StageSpec, ...] = PatchEncoder.stages
    device = torch.device("cpu")
    input_size = 64

    def __init__(self, *, weights_sha256: str = "0" * 64, precision: str = "fp32") -> None:
        self.text = HashedWords()
        self.weights_sha256 = weights_sha256
        self.precision = precision
        self.passes = 0
        self._patches = PatchEncoder(input_size=self.input_size)

    def prepare(self, pictures: Sequence[Pixels]) -> Tensor:
        return self._patches.prepare(pictures)

    def encode(self, batch: Tensor) -> Features:
        self.passes += len(batch)
        features = self._patches.encode(batch)
        flat = features.stages["s16"].flatten(1) @ projection(features.stages["s16"][0].numel())
        return Features(functional.normalize(flat, dim=-1), features.stages, features.grids)

    def closer(self) -> "HashedEncoder":
        return self


def vector(word: str) -> Tensor:
    """[DIM] float32, always the same for a word."""
    seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:6])
    return torch.randn(DIM, generator=torch.Generator().manual_seed(seed))


def projection(size: int) -> Tensor:
    """[size, DIM] float32, always the same."""
    return torch.randn(size, DIM, generator=torch.Generator().manual_seed(size))


def two_clouds(pairs: int, *, dim: int = DIM, apart: float = 2.0, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Unit vectors of two kinds, [pairs, dim] each, `apart` deviations from each other along one direction."""
    generator = torch.Generator().manual_seed(seed)
    normal, anomalous = torch.randn(2, pairs, dim, generator=generator)
    anomalous[:, 0] += apart
    normal[:, 0] -= apart
    return functional.normalize(normal, dim=-1), functional.normalize(anomalous, dim=-1)
