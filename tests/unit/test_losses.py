"""Focal and dice loss against loops in float64 over single pixels."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from calibration.adapters.losses import adapter_loss, dice_loss, focal_loss


def probabilities(seed: int, shape: tuple[int, ...], *, sharp: float = 1.0) -> Tensor:
    logits = sharp * torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return logits.softmax(dim=1)


def truth_of(seed: int, shape: tuple[int, ...], *, share: float) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < share


def slow_focal(planes: Tensor, truth: Tensor) -> float:
    """One pixel after the other: -(1 - p)^2 log p with the truth smoothed to 1 - 1e-5 and 1e-5, and 1e-5 on top."""
    total, count = 0.0, 0
    for b in range(planes.shape[0]):
        for y in range(planes.shape[2]):
            for x in range(planes.shape[3]):
                p = 1e-5
                for channel in range(2):
                    target = 1.0 if int(truth[b, y, x]) == channel else 0.0
                    p += min(max(target, 1e-5), 1 - 1e-5) * float(planes[b, channel, y, x])
                total += -((1 - p) ** 2) * math.log(p)
                count += 1
    return total / count


def slow_dice(abnormal: Tensor, truth: Tensor) -> float:
    scores = []
    for b in range(abnormal.shape[0]):
        both = predicted = real = 0.0
        for y in range(abnormal.shape[1]):
            for x in range(abnormal.shape[2]):
                p, t = float(abnormal[b, y, x]), float(truth[b, y, x])
                both, predicted, real = both + p * t, predicted + p, real + t
        scores.append((2 * both + 1) / (predicted + real + 1))
    return 1 - sum(scores) / len(scores)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    batch=st.integers(1, 3),
    height=st.integers(1, 6),
    width=st.integers(1, 6),
    share=st.sampled_from([0.0, 0.2, 0.5, 1.0]),
    sharp=st.sampled_from([0.1, 3.0, 100.0]),
)
def test_both_losses_equal_the_loops(
    seed: int, batch: int, height: int, width: int, share: float, sharp: float
) -> None:
    planes = probabilities(seed, (batch, 2, height, width), sharp=sharp)
    truth = truth_of(seed + 1, (batch, height, width), share=share)
    assert float(focal_loss(planes, truth)) == pytest.approx(slow_focal(planes, truth), rel=1e-9, abs=1e-12)
    assert float(dice_loss(planes[:, 1], truth)) == pytest.approx(slow_dice(planes[:, 1], truth), rel=1e-9, abs=1e-12)


def test_stages_are_summed() -> None:
    truth = truth_of(5, (2, 6, 5), share=0.3)
    stages = [probabilities(seed, (2, 2, 6, 5)) for seed in (1, 2, 3)]
    expected = sum(slow_focal(planes, truth) + slow_dice(planes[:, 1], truth) for planes in stages)
    assert float(adapter_loss(stages, truth)) == pytest.approx(expected, rel=1e-9)


def test_a_perfect_map_costs_nothing_and_a_wrong_one_stays_finite() -> None:
    truth = truth_of(3, (1, 8, 8), share=0.5)
    right = torch.stack([~truth, truth], dim=1).double()
    assert float(adapter_loss([right], truth)) == pytest.approx(0, abs=1e-6)
    assert 9 < float(focal_loss(right.flip(1), truth)) < 12  # -log of 2e-5 is 10.8
    assert float(dice_loss(right.flip(1)[:, 1], truth)) > 0.9


def test_single_precision_is_near_the_loops() -> None:
    planes, truth = probabilities(9, (2, 2, 16, 16), sharp=30), truth_of(9, (2, 16, 16), share=0.1)
    assert float(focal_loss(planes.float(), truth)) == pytest.approx(slow_focal(planes, truth), rel=1e-4)
    assert float(dice_loss(planes[:, 1].float(), truth)) == pytest.approx(slow_dice(planes[:, 1], truth), rel=1e-4)


def test_gradients_lead_towards_the_truth() -> None:
    truth = truth_of(2, (1, 8, 8), share=0.4)
    logits = torch.zeros(1, 2, 8, 8, requires_grad=True)
    adapter_loss([logits.softmax(dim=1)], truth).backward()
    assert logits.grad is not None
    assert bool((logits.grad[:, 1][truth] < 0).all())
    assert bool((logits.grad[:, 1][~truth] > 0).all())


def test_a_loss_needs_a_stage() -> None:
    with pytest.raises(ValueError, match="stage"):
        adapter_loss([], torch.zeros(1, 2, 2, dtype=torch.bool))
