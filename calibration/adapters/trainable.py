"""Adapters while they are trained: the layers of equation 2 as parameters, with class vectors where none are given."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from edge.vision.features import Features, StageSpec
from edge.vision.zero_shot import Adapters, stage_logits, upsampled

APART = 0.1
"""Half the distance between the two class vectors at the start."""


class TrainableAdapters(nn.Module):
    """One linear layer a stage, and two class vectors if they are learned along.

    Starts as torch's linear layers do: weights and biases uniform in +-1 / sqrt(C). Learned class vectors start close
    together, as those of a text tower lie: two random ones would start with a softmax of nothing but 0 and 1, which has
    no gradient. They are brought back to unit length wherever they are used.
    """

    def __init__(self, stages: Sequence[StageSpec], *, dim: int, learn_classes: bool, seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)

        def uniform(*shape: int, bound: float) -> nn.Parameter:
            return nn.Parameter((torch.rand(*shape, generator=generator) * 2 - 1) * bound)

        self.weights, self.biases = nn.ParameterDict(), nn.ParameterDict()
        for stage in stages:
            self.weights[stage.name] = uniform(dim, stage.channels, bound=stage.channels**-0.5)
            self.biases[stage.name] = uniform(dim, bound=stage.channels**-0.5)
        self.classes = nn.Parameter(_close_pair(dim, generator)) if learn_classes else None

    def forward(self, features: Features, classes: Tensor | None, *, side: int) -> list[Tensor]:
        """By stage, [B, 2, side, side] probabilities of normal and abnormal: the terms of equation 3.

        classes: [B, 2, D] of unit length, each picture's own; None: the learned ones
        """
        return [self._planes(features, name, classes, side) for name in self.weights]

    def _planes(self, features: Features, name: str, classes: Tensor | None, side: int) -> Tensor:
        weight, bias, tokens = self.weights[name], self.biases[name], features.stages[name]
        if classes is None:
            logits = stage_logits(tokens, weight, bias, self._learned())
        else:
            rows = enumerate(classes)
            logits = torch.cat([stage_logits(tokens[row : row + 1], weight, bias, own) for row, own in rows])
        return upsampled(logits, features.grids[name], side).softmax(dim=1)

    def _learned(self) -> Tensor:
        if self.classes is None:
            raise ValueError("no class vectors: none were given, and none are learned")
        return functional.normalize(self.classes, dim=-1)

    def frozen(self) -> Adapters:
        """The adapters as they stand."""
        weights = {name: weight.detach().clone() for name, weight in self.weights.items()}
        biases = {name: bias.detach().clone() for name, bias in self.biases.items()}
        return Adapters(weights, biases, None if self.classes is None else self._learned().detach().clone())


def _close_pair(dim: int, generator: torch.Generator) -> Tensor:
    """[2, D] of unit length, near to each other."""
    middle, aside = functional.normalize(torch.randn(2, dim, generator=generator), dim=-1)
    return functional.normalize(torch.stack([middle - APART * aside, middle + APART * aside]), dim=-1)
