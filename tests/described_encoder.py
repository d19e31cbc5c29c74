"""As much of an encoder as adapters are compared with, and what makes two sets of them equal."""

from dataclasses import dataclass

import torch

from edge.vision.features import StageSpec
from edge.vision.zero_shot import Adapters

SHA = "ab" * 32


@dataclass(frozen=True)
class Described:
    """As much of an encoder as a card is compared with."""

    name: str = "ViT-B-16:demo"
    weights_sha256: str = SHA
    input_size: int = 224
    stages: tuple[StageSpec, ...] = (StageSpec("block3", 16, 5), StageSpec("block6", 16, 7))
    text: None = None

    @property
    def device(self) -> torch.device:
        return torch.device("cpu")


def equal(one: Adapters, other: Adapters) -> bool:
    same = list(one.weights) == list(other.weights)
    same &= all(torch.equal(one.weights[stage], other.weights[stage]) for stage in one.weights)
    same &= all(torch.equal(one.biases[stage], other.biases[stage]) for stage in one.weights)
    if one.classes is None or other.classes is None:
        return same and one.classes is other.classes
    return same and torch.equal(one.classes, other.classes)
