"""Heads with random weights, and the papers' equations on them, place by place in float64."""

import math
from functools import cache, partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from edge.vision.features import Features
from edge.vision.heads import Heads
from edge.vision.random_words import RandomWordNet
from edge.vision.recipe import Recipe
from edge.vision.zero_shot import Adapters
from tests import equations

WEIGHTS = {"text": 1, "clip-pair": 0.5, "random-words": 2, "references": 0.25, "adapters": 1.25, "few-shot": 0.75}
RECIPE = Recipe(
    "all of them",
    {head: WEIGHTS[head] for head in ("text", "clip-pair", "random-words", "references")},
    {head: WEIGHTS[head] for head in ("adapters", "few-shot")},
    peak=1,
)
PEAK_SCALE = 1.5


def float64(tensor: Tensor) -> NDArray[np.float64]:
    return tensor.detach().double().numpy()


def random_heads(features: Features, references: Features) -> Heads:
    """Heads with seeded weights, none of them trivial, and a bank of all tokens of the references."""
    generator = torch.Generator().manual_seed(5)
    assert features.pooled is not None
    dim = features.pooled.shape[1]

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    net = RandomWordNet(dim, widths=(32, 24, 16), dropout=0.5).eval()
    for name, tensor in net.state_dict().items():
        if tensor.is_floating_point():
            positive = name.endswith("running_var") or (tensor.ndim == 1 and name.endswith("weight"))
            tensor.copy_(
                0.5 + draw(*tensor.shape).abs() if positive else draw(*tensor.shape) / tensor[0].numel() ** 0.5
            )
    channels = {stage: tokens.shape[-1] for stage, tokens in features.stages.items()}
    return Heads(
        RECIPE,
        bank={stage: functional.normalize(tokens, dim=-1) for stage, tokens in references.stages.items()},
        text=functional.normalize(draw(2, dim), dim=-1),
        pair=functional.normalize(draw(2, dim), dim=-1),
        adapters=Adapters(
            {stage: draw(dim, size) / size**0.5 for stage, size in channels.items()},
            {stage: 0.1 * draw(dim) for stage in channels},
        ),
        classes=functional.normalize(draw(2, dim), dim=-1),
        net=net,
        references=references.pooled,
        peak_scale=PEAK_SCALE,
    )


class Slow:
    """The equations on one picture of a batch, with what the heads know as float64 arrays."""

    def __init__(self, features: Features, heads: Heads, *, side: int, row: int = 0) -> None:
        assert features.pooled is not None and heads.adapters is not None and heads.bank is not None
        self.image = float64(features.pooled[row])
        self.tokens = {stage: float64(tokens[row]) for stage, tokens in features.stages.items()}
        self.weights = {stage: float64(weight) for stage, weight in heads.adapters.weights.items()}
        self.biases = {stage: float64(bias) for stage, bias in heads.adapters.biases.items()}
        self.bank = {
            stage: list(float64(vectors).reshape(-1, vectors.shape[-1])) for stage, vectors in heads.bank.items()
        }
        self.grids, self.finest, self.heads, self.side = features.grids, max(features.grids.values()), heads, side
        self.logits, self.distance = cache(self._logits), cache(self._distance)

    def scores(self) -> dict[str, float]:
        heads = self.heads
        assert heads.text is not None and heads.pair is not None and heads.references is not None
        scale = math.sqrt(len(self.image))  # not the paper's: see RandomWordNet
        return {
            "text": equations.probability_of_abnormal(self.image, *float64(heads.text)),
            "clip-pair": equations.probability_of_abnormal(self.image, *float64(heads.pair)),
            "random-words": equations.random_word_probability(self.image * scale, self._layers()),
            "references": equations.unlikeness_to_references(self.image, list(float64(heads.references))),
        }

    def _layers(self) -> list[equations.Layer]:
        assert self.heads.net is not None
        values = {name: float64(tensor) for name, tensor in self.heads.net.state_dict().items()}
        hidden = [
            equations.Layer(
                values[f"hidden.{n}.0.weight"],
                values[f"hidden.{n}.0.bias"],
                gain=values[f"hidden.{n}.1.weight"],
                shift=values[f"hidden.{n}.1.bias"],
                mean=values[f"hidden.{n}.1.running_mean"],
                variance=values[f"hidden.{n}.1.running_var"],
            )
            for n in range(3)
        ]
        return [*hidden, equations.Layer(values["last.weight"], values["last.bias"])]

    def adapted_pixel(self, y: int, x: int) -> float:
        """Equation 3."""
        at = [partial(self.logits, stage) for stage in self.tokens]
        return equations.zero_shot_pixel(at, list(self.grids.values()), self.side, y, x)

    def few_shot_cell(self, i: int, j: int) -> float:
        """Equation 4 at a place of the finest grid; coarser stages are enlarged to it, cell centres on cell centres."""
        return sum(
            equations.bilinear_centres(partial(self.distance, stage), self.grids[stage], self.finest, i, j)
            for stage in self.tokens
        )

    def few_shot_pixel(self, y: int, x: int) -> float:
        return equations.bilinear(self.few_shot_cell, self.finest, self.side, y, x)

    def pixel(self, y: int, x: int) -> float:
        return WEIGHTS["adapters"] * self.adapted_pixel(y, x) + WEIGHTS["few-shot"] * self.few_shot_pixel(y, x)

    def _logits(self, stage: str, i: int, j: int) -> tuple[float, float]:
        assert self.heads.classes is not None
        token = self.tokens[stage][i * self.grids[stage][1] + j]
        return equations.token_logits(token, self.weights[stage], self.biases[stage], *float64(self.heads.classes))

    def _distance(self, stage: str, i: int, j: int) -> float:
        return equations.distance_to_bank(self.tokens[stage][i * self.grids[stage][1] + j], self.bank[stage])
