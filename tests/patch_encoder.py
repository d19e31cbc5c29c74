"""An encoder without a network, fast enough for tests of everything around it."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from edge.frame import Pixels
from edge.vision.features import Features, StageSpec


class PatchEncoder:
    """Implements edge.vision.features.Encoder: a token is its patch's mean colour, with a constant in front.

    Counts its forward passes in `passes`: how many pictures each had.
    reads: whether it has a text tower, and with it an embedding of pictures
    """

    name = "patches"
    precision = "fp32"
    stages = (StageSpec("s8", 8, 4), StageSpec("s16", 16, 4))
    device = torch.device("cpu")

    def __init__(
        self, *, input_size: int = 64, weights_sha256: str = "0" * 64, broken: bool = False, reads: bool = False
    ) -> None:
        self.text = WordTower() if reads else None
        self.input_size = input_size
        self.weights_sha256 = weights_sha256
        self.passes: list[int] = []
        self._broken = broken

    def prepare(self, pictures: Sequence[Pixels]) -> Tensor:
        size = (self.input_size, self.input_size)
        batches = [torch.from_numpy(np.array(p)).permute(2, 0, 1)[None].float() / 255 for p in pictures]
        return torch.cat([functional.interpolate(batch, size, mode="area") for batch in batches])

    def encode(self, batch: Tensor) -> Features:
        self.passes.append(len(batch))
        pooled = {stage.name: functional.avg_pool2d(batch, stage.stride) for stage in self.stages}
        grids = {name: (int(mean.shape[2]), int(mean.shape[3])) for name, mean in pooled.items()}
        tokens = {name: mean.flatten(2).transpose(1, 2) for name, mean in pooled.items()}
        stages = {name: torch.cat([torch.ones_like(mean[..., :1]), mean], dim=-1) for name, mean in tokens.items()}
        if self._broken:
            stages["s8"] = stages["s8"] * torch.nan
        return Features(None if self.text is None else colour_embedding(batch), stages, grids)

    def closer(self) -> "PatchEncoder":
        return self


class WordTower:
    """Implements edge.vision.features.TextTower: `damaged`, `broken` and `flaw` mean red, every sentence means grey."""

    def __init__(self) -> None:
        self.sentences: list[str] = []

    def embed(self, sentences: Sequence[str]) -> Tensor:
        self.sentences += sentences
        red = [any(word in sentence for word in ("damaged", "broken", "flaw", "defect")) for sentence in sentences]
        length = torch.tensor([[len(sentence) / 1000] for sentence in sentences])
        grey = torch.ones(len(sentences), 1)
        return functional.normalize(torch.cat([grey, torch.tensor(red)[:, None] * 0.5, length], dim=1), dim=-1)


def colour_embedding(batch: Tensor) -> Tensor:
    """[B, 3, S, S] in 0..1 -> [B, 3] of unit length: one, how red it is, how bright it is."""
    red, bright = (batch[:, 0] - batch[:, 1]).mean(dim=(1, 2)), batch.mean(dim=(1, 2, 3))
    return functional.normalize(torch.stack([torch.ones_like(red), red, bright], dim=1), dim=-1)


def grey_part(number: int, *, spot: bool = False, size: tuple[int, int] = (64, 64)) -> Pixels:
    """[H, W, 3] uint8 RGB: a mottled grey part, each number another; `spot` paints a red one at the lower right."""
    rng = np.random.default_rng(number)
    pixels = np.clip(rng.normal(128, 12, (*size, 3)), 0, 255).astype(np.uint8)
    if spot:
        pixels[size[0] * 5 // 8 : size[0] * 7 // 8, size[1] * 5 // 8 : size[1] * 7 // 8] = (255, 0, 0)
    return pixels


def placed_part(number: int, *, spot: bool = False) -> Pixels:
    """[160, 160, 3]: `grey_part` before an even green background, always in the same place."""
    pixels = np.full((160, 160, 3), (20, 110, 40), np.uint8)
    pixels[56:120, 48:112] = grey_part(number, spot=spot)
    return pixels
