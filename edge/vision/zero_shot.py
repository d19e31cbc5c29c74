"""The zero-shot heads of APRIL-GAN (VAND 2023): a text score for a picture, and an adapted map for its patches."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, device
from torch.nn import functional

from edge.vision.features import Features

LOGIT_SCALE = 100.0
"""Factor on a cosine before the softmax: CLIP's temperature of 0.01."""

NORMAL, ABNORMAL = 0, 1
"""Rows of a [2, D] pair of class vectors, and the labels of their softmax."""


@dataclass(frozen=True, slots=True, eq=False)
class Adapters:
    """One linear layer a stage, from the stage's channels into the space of the class vectors (equation 2).

    weights: by stage name, [D, C] float32
    biases:  by stage name, [D] float32
    classes: [2, D] float32 of unit length, normal and abnormal, where they were learned along; None: a text tower's
    """

    weights: Mapping[str, Tensor]
    biases: Mapping[str, Tensor]
    classes: Tensor | None = None

    def to(self, place: device) -> "Adapters":
        """The same adapters on another device."""
        weights = {stage: weight.to(place) for stage, weight in self.weights.items()}
        biases = {stage: bias.to(place) for stage, bias in self.biases.items()}
        return Adapters(weights, biases, None if self.classes is None else self.classes.to(place))


@torch.inference_mode()
def text_score(pooled: Tensor, classes: Tensor) -> Tensor:
    """Probability of `abnormal`, softmax over the cosines with both class vectors times 100 (equation 1).

    pooled [B, D] and classes [2, D] of unit length -> [B] float32 in 0..1. The second paper's prompt-guided score
    (section 3.1) is the same with a single pair of prompts.
    """
    return (LOGIT_SCALE * pooled.float() @ classes.T).softmax(dim=-1)[:, ABNORMAL]


def stage_logits(tokens: Tensor, weight: Tensor, bias: Tensor, classes: Tensor) -> Tensor:
    """100 * cosine of each adapted token with both class vectors: [B, N, C] -> [B, N, 2] float32 (equation 2).

    Differentiable; training and inference both use it.
    """
    adapted = functional.normalize(functional.linear(tokens.float(), weight, bias), dim=-1)
    return LOGIT_SCALE * adapted @ classes.T


def upsampled(logits: Tensor, grid: tuple[int, int], side: int) -> Tensor:
    """[B, h*w, 2] -> [B, 2, side, side], bilinear with corner on corner, as the reference implementation does it."""
    planes = logits.transpose(1, 2).reshape(len(logits), 2, *grid)
    return functional.interpolate(planes, size=(side, side), mode="bilinear", align_corners=True)


@torch.inference_mode()
def zero_shot_map(features: Features, adapters: Adapters, classes: Tensor, *, side: int) -> Tensor:
    """M = sum over stages of the abnormal channel of softmax(F' F_t^T)  (equation 3): [B, side, side] float32.

    classes: [2, D] of unit length. Values are 0..n for n stages.
    """
    total: Tensor | None = None
    for stage, weight in adapters.weights.items():
        logits = stage_logits(features.stages[stage], weight, adapters.biases[stage], classes)
        abnormal = upsampled(logits, features.grids[stage], side).softmax(dim=1)[:, ABNORMAL]
        total = abnormal if total is None else total + abnormal
    if total is None:
        raise ValueError("adapters without a stage")
    return total
