"""What adapters are trained on: focal plus dice loss of every stage's anomaly map (APRIL-GAN, section 2.1)."""

from collections.abc import Iterable

import torch
from torch import Tensor

from edge.vision.zero_shot import ABNORMAL, NORMAL

FOCAL_GAMMA = 2.0
FOCAL_SMOOTH = 1e-5
DICE_SMOOTH = 1.0


def adapter_loss(stages: Iterable[Tensor], truth: Tensor) -> Tensor:
    """Sum over stages of focal + dice; a scalar >= 0.

    stages: [B, 2, H, W] each, softmax over {normal, abnormal}, as `upsampled(...).softmax(dim=1)` gives it
    truth:  [B, H, W] bool, True where defective
    Raises ValueError without a stage.
    """
    losses = [focal_loss(planes, truth) + dice_loss(planes[:, ABNORMAL], truth) for planes in stages]
    if not losses:
        raise ValueError("a loss without a stage")
    return torch.stack(losses).sum()


def focal_loss(planes: Tensor, truth: Tensor) -> Tensor:
    """Mean over pixels of -(1 - p)^2 log p, p the probability of the true class (Lin et al. 2017, no alpha).

    planes: [B, 2, H, W] probabilities;  truth: [B, H, W] bool
    As in the reference implementation the truth is smoothed: p = (1 - s) p_true + s p_false + s with s = 1e-5, which
    also keeps the logarithm finite.
    """
    normal, abnormal = planes[:, NORMAL], planes[:, ABNORMAL]
    right, wrong = torch.where(truth, abnormal, normal), torch.where(truth, normal, abnormal)
    p = (1 - FOCAL_SMOOTH) * right + FOCAL_SMOOTH * wrong + FOCAL_SMOOTH
    return -((1 - p) ** FOCAL_GAMMA * p.log()).mean()


def dice_loss(abnormal: Tensor, truth: Tensor) -> Tensor:
    """1 - mean over pictures of (2 sum(p t) + 1) / (sum(p) + sum(t) + 1): 0..1 (Milletari et al. 2016).

    abnormal: [B, H, W], probability of the abnormal class;  truth: [B, H, W] bool
    """
    p, t = abnormal.flatten(1), truth.flatten(1).to(abnormal.dtype)
    overlap = (p * t).sum(dim=1)
    return 1 - ((2 * overlap + DICE_SMOOTH) / (p.sum(dim=1) + t.sum(dim=1) + DICE_SMOOTH)).mean()
