"""Leave-one-out: each reference meets the others only, and the parts of a score come out on one scale."""

import numpy as np
import pytest
import torch

from calibration.build import memory_bank
from calibration.ingredients import Ingredients, gather_ingredients, reference_embeddings
from calibration.leave_one_out import LeftOut, leave_one_out
from edge.frame import Pixels
from edge.vision.features import Features
from edge.vision.few_shot import few_shot_map
from edge.vision.heads import run_heads
from edge.vision.recipe import parse_recipe
from tests.patch_encoder import PatchEncoder, grey_part

PARTS = [grey_part(number) for number in range(4)]


def features_of(encoder: PatchEncoder, parts: list[Pixels]) -> list[Features]:
    return [encoder.encode(encoder.prepare([part])) for part in parts]


def left_out(
    recipe: str, parts: list[Pixels] = PARTS, *, keep: int = 16
) -> tuple[LeftOut, Ingredients, list[Features]]:
    encoder = PatchEncoder(reads=True)
    features = features_of(encoder, parts)
    ingredients = gather_ingredients(encoder, parse_recipe(recipe))
    bank = memory_bank(features, keep=keep)
    references = reference_embeddings(features, ingredients.recipe)
    return leave_one_out(features, ingredients, bank=bank, references=references, side=64), ingredients, features


def test_leaving_one_out_is_calibrating_without_it() -> None:
    out, _, features = left_out("few-shot")
    assert out.maps is not None
    for index, own in enumerate(features):
        others = memory_bank([each for each in features if each is not own], keep=16)
        np.testing.assert_allclose(out.maps[index], few_shot_map(own, others).map[0].numpy(), atol=1e-6)
        assert out.scores[index] == pytest.approx(float(out.maps[index].max()))


def test_a_reference_does_not_know_itself() -> None:
    """With its own tokens in the bank its map would be zero."""
    out, _, _ = left_out("few-shot", [*PARTS[:3], grey_part(9, spot=True)], keep=64)
    assert out.maps is not None
    assert out.maps[3].max() > 5 * out.maps[:3].max()


def test_one_reference_says_nothing() -> None:
    out, _, _ = left_out("text+few-shot", PARTS[:1])
    assert (out.scores, out.peak_scale, out.head_limits, out.maps) == ((), 1.0, {}, None)


def test_the_score_is_what_the_line_will_compute_with_the_stored_scale() -> None:
    out, ingredients, features = left_out("text+few-shot+references")
    for index, own in enumerate(features):
        others = [each for each in features if each is not own]
        references = reference_embeddings(others, ingredients.recipe)
        heads = ingredients.heads(bank=memory_bank(others, keep=16), references=references, peak_scale=out.peak_scale)
        assert float(run_heads(own, heads, side=64).score) == pytest.approx(out.scores[index], abs=1e-6)
    assert out.peak_scale == pytest.approx(out.head_limits["few-shot"])


def test_a_recipe_of_a_map_alone_keeps_its_units() -> None:
    out, _, _ = left_out("few-shot")
    assert out.peak_scale == 1.0
    assert out.largest_peak == max(out.scores) == out.head_limits["few-shot"]


def test_limits_name_every_head_of_the_recipe() -> None:
    out, ingredients, features = left_out("text+clip-pair+few-shot")
    assert set(out.head_limits) == set(ingredients.recipe.heads) == {"text", "clip-pair", "few-shot"}
    together = torch.cat([each.pooled for each in features if each.pooled is not None])
    assert len(together) == 4
