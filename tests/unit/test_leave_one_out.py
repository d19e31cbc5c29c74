"""Leave-one-out: each reference meets the others only, and the parts of a score come out on one scale."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from calibration.ingredients import Ingredients, gather_ingredients
from calibration.leave_one_out import LeftOut, leave_one_out
from calibration.reference_heads import ReferenceLooks, heads_of, look_at, memory_bank
from edge.frame import Pixels
from edge.vision.few_shot import few_shot_map
from edge.vision.heads import run_heads
from edge.vision.recipe import parse_recipe
from tests.patch_encoder import PatchEncoder, grey_part, placed_part

PARTS = [grey_part(number) for number in range(4)]


def left_out(
    recipe: str, parts: list[Pixels] = PARTS, *, keep: int = 16
) -> tuple[LeftOut, Ingredients, ReferenceLooks]:
    encoder = PatchEncoder(reads=True)
    ingredients = gather_ingredients(encoder, parse_recipe(recipe))
    looks = look_at(encoder, parts, closer=True)
    return leave_one_out(looks, heads_of(looks, ingredients, keep=keep), side=64), ingredients, looks


def test_leaving_one_out_is_calibrating_without_it() -> None:
    out, _, looks = left_out("few-shot")
    for index, own in enumerate(looks.whole):
        others = memory_bank([each for each in looks.whole if each is not own], keep=16)
        expected = few_shot_map(own, others).map[0]
        assert out.scores[index] == pytest.approx(float(expected.max()), abs=1e-6)
        assert out.looks[index].peak == out.scores[index] == out.looks[index].score
        assert out.looks[index].noise == pytest.approx(float(np.quantile(expected.numpy(), 0.95)), abs=1e-6)


def test_a_reference_does_not_know_itself() -> None:
    """With its own tokens in the bank its map would be zero."""
    out, _, _ = left_out("few-shot", [*PARTS[:3], grey_part(9, spot=True)], keep=64)
    assert out.scores[3] > 5 * max(out.scores[:3])


def test_one_reference_says_nothing() -> None:
    out, _, _ = left_out("text+few-shot", PARTS[:1])
    assert (out.scores, out.peak_scale, out.head_limits, out.looks) == ((), 1.0, {}, ())


def test_the_score_is_what_the_line_will_compute_with_the_stored_scale() -> None:
    out, ingredients, looks = left_out("text+few-shot+references")
    for index, own in enumerate(looks.whole):
        others = ReferenceLooks([each for each in looks.whole if each is not own])
        heads = replace(heads_of(others, ingredients, keep=16), peak_scale=out.peak_scale)
        assert float(run_heads(own, heads, side=64).score) == pytest.approx(out.scores[index], abs=1e-6)
    assert out.peak_scale == pytest.approx(out.head_limits["few-shot"])


def test_a_recipe_of_a_map_alone_keeps_its_units() -> None:
    out, _, _ = left_out("few-shot")
    assert out.peak_scale == 1.0
    assert max(one.peak for one in out.looks) == max(out.scores) == out.head_limits["few-shot"]


def test_limits_name_every_head_of_the_recipe() -> None:
    out, ingredients, looks = left_out("text+clip-pair+few-shot")
    assert set(out.head_limits) == set(ingredients.recipe.heads) == {"text", "clip-pair", "few-shot"}
    together = torch.cat([each.pooled for each in looks.whole if each.pooled is not None])
    assert len(together) == 4


def test_both_looks_leave_the_same_reference_out() -> None:
    encoder = PatchEncoder()
    pictures = [placed_part(number) for number in range(3)] + [placed_part(3, spot=True)]
    looks = look_at(encoder, pictures, closer=True)
    assert looks.parts is not None and looks.box is not None
    heads = heads_of(looks, gather_ingredients(encoder, parse_recipe("neighbourhood")), keep=16)
    out = leave_one_out(looks, heads, side=64)
    assert out.scores[3] > 3 * max(out.scores[:3]), "neither look has the spot in its bank"
    assert out.head_limits == {"neighbourhood": max(out.scores)}
    assert out.peak_scale == 1.0


def test_a_maps_weight_counts_in_a_sum_whatever_the_map_is_divided_by() -> None:
    light, _, _ = left_out("text + few-shot*0.25")
    heavy, _, _ = left_out("text + few-shot*4")
    for out, weight in ((light, 0.25), (heavy, 4)):
        from_map = [score - out.head_limits["text"] for score in out.scores]
        assert max(from_map) == pytest.approx(weight, abs=0.02), "text scores of good parts differ by less"
