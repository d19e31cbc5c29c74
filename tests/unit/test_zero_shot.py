import pytest
import torch
from torch import Tensor
from torch.nn import functional

from edge.vision.features import Features
from edge.vision.zero_shot import ABNORMAL, Adapters, stage_logits, text_score, upsampled, zero_shot_map

DIM, CHANNELS, SIDE = 6, 5, 21


def classes(seed: int = 0) -> Tensor:
    return functional.normalize(torch.randn(2, DIM, generator=torch.Generator().manual_seed(seed)), dim=-1)


def adapters(*stages: str) -> Adapters:
    generator = torch.Generator().manual_seed(1)
    return Adapters(
        {stage: torch.randn(DIM, CHANNELS, generator=generator) for stage in stages},
        {stage: torch.randn(DIM, generator=generator) for stage in stages},
    )


def features(**grids: tuple[int, int]) -> Features:
    generator = torch.Generator().manual_seed(2)
    tokens = {name: torch.randn(2, h * w, CHANNELS, generator=generator) for name, (h, w) in grids.items()}
    return Features(None, tokens, grids)


def test_text_score_is_certain_at_a_class_vector_and_half_between_both() -> None:
    pair = torch.eye(2, DIM)
    between = functional.normalize(pair.sum(dim=0, keepdim=True), dim=-1)
    pooled = torch.cat([pair, between])
    torch.testing.assert_close(text_score(pooled, pair), torch.tensor([0.0, 1.0, 0.5]), atol=1e-5, rtol=0)


def test_swapping_the_class_vectors_turns_score_and_map_round() -> None:
    pooled = functional.normalize(torch.randn(4, DIM, generator=torch.Generator().manual_seed(3)), dim=-1)
    torch.testing.assert_close(text_score(pooled, classes()), 1 - text_score(pooled, classes().flip(0)))
    seen, layers = features(a=(3, 3), b=(3, 3)), adapters("a", "b")
    there = zero_shot_map(seen, layers, classes(), side=SIDE)
    back = zero_shot_map(seen, layers, classes().flip(0), side=SIDE)
    torch.testing.assert_close(there, 2 - back)


def test_a_map_is_the_sum_of_its_stages_between_0_and_their_number() -> None:
    seen = features(fine=(6, 6), coarse=(3, 3), coarsest=(2, 3))
    whole = zero_shot_map(seen, adapters("fine", "coarse", "coarsest"), classes(), side=SIDE)
    layers = adapters("fine", "coarse", "coarsest")
    parts = [
        zero_shot_map(seen, Adapters({stage: weight}, {stage: layers.biases[stage]}), classes(), side=SIDE)
        for stage, weight in layers.weights.items()
    ]
    assert whole.shape == (2, SIDE, SIDE)
    assert whole.dtype == torch.float32
    assert 0 <= float(whole.min()) <= float(whole.max()) <= 3
    torch.testing.assert_close(whole, torch.stack(parts).sum(dim=0))


def test_corners_of_the_grid_lie_on_corners_of_the_map() -> None:
    logits = torch.arange(12.0).reshape(1, 6, 2)
    enlarged = upsampled(logits, (2, 3), 9)
    corners = enlarged[0, :, [0, 0, -1, -1], [0, -1, 0, -1]].T
    torch.testing.assert_close(corners, logits[0, [0, 2, 3, 5]])


def test_logits_are_enlarged_before_the_softmax_not_after() -> None:
    weights = Adapters({"a": torch.eye(DIM, CHANNELS)}, {"a": torch.zeros(DIM)})
    tokens = torch.eye(2, CHANNELS).reshape(1, 2, CHANNELS)  # one like each class
    steep = Features(None, {"a": tokens}, {"a": (1, 2)})
    row = zero_shot_map(steep, weights, torch.eye(2, DIM), side=5)[0, 0]
    torch.testing.assert_close(row, torch.tensor([-100.0, -50, 0, 50, 100]).sigmoid())


def test_length_of_tokens_does_not_matter_without_a_bias() -> None:
    layers = Adapters(adapters("a").weights, {"a": torch.zeros(DIM)})
    seen = features(a=(3, 3))
    longer = Features(None, {"a": 7 * seen.stages["a"]}, seen.grids)
    one, other = (zero_shot_map(each, layers, classes(), side=SIDE) for each in (seen, longer))
    torch.testing.assert_close(one, other)


def test_adapters_can_be_trained_through_the_logits() -> None:
    seen, layers = features(a=(4, 4)), adapters("a")
    weight, bias = layers.weights["a"].requires_grad_(), layers.biases["a"].requires_grad_()
    wanted = torch.full((2, 16), ABNORMAL)
    losses = []
    optimiser = torch.optim.Adam([weight, bias], lr=0.05)
    for _ in range(30):
        loss = functional.cross_entropy(
            stage_logits(seen.stages["a"], weight, bias, classes()).flatten(0, 1), wanted.flatten()
        )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.1 * losses[0]


def test_adapters_move_with_their_learned_classes() -> None:
    learned = Adapters(adapters("a").weights, adapters("a").biases, classes())
    moved = learned.to(torch.device("meta"))
    assert {each.device.type for each in (moved.weights["a"], moved.biases["a"], moved.classes)} == {"meta"}  # type: ignore[union-attr]
    assert adapters("a").to(torch.device("meta")).classes is None


def test_no_stage_gives_no_map() -> None:
    with pytest.raises(ValueError, match="without a stage"):
        zero_shot_map(features(a=(2, 2)), Adapters({}, {}), classes(), side=4)
