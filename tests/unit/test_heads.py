"""Heads together: a recipe's sum is the sum of its heads, missing parts are named, and rows do not mix."""

from dataclasses import replace
from itertools import combinations

import pytest
import torch

from calibration.ingredients import gather_ingredients
from calibration.reference_heads import ReferenceLooks, memory_bank, neighbour_bank
from edge.errors import EdgeError
from edge.vision.features import Features
from edge.vision.heads import NEEDED, Heads, run_heads
from edge.vision.random_words import RandomWordNet
from edge.vision.recipe import HEADS, MAP_HEADS, NAMED, SCORE_HEADS, Recipe, parse_recipe
from edge.vision.zero_shot import Adapters
from tests.patch_encoder import PatchEncoder, grey_part

SIDE = 64


def everything(recipe: Recipe, encoder: PatchEncoder) -> Heads:
    """Heads that lack nothing, with seeded random layers."""
    generator = torch.Generator().manual_seed(0)
    references = encoder.encode(encoder.prepare([grey_part(number) for number in range(3)]))
    alone = [references.select([row]) for row in range(3)]
    prompts = gather_ingredients(encoder, parse_recipe("text+clip-pair"))
    torch.manual_seed(0)
    return Heads(
        recipe,
        bank=memory_bank(alone, keep=64),
        neighbours=neighbour_bank(ReferenceLooks(alone)),
        text=prompts.text,
        pair=prompts.pair,
        adapters=Adapters(
            {stage.name: torch.randn(3, stage.channels, generator=generator) for stage in encoder.stages},
            {stage.name: torch.randn(3, generator=generator) for stage in encoder.stages},
        ),
        classes=prompts.text,
        net=RandomWordNet(3, widths=(8, 8, 8), dropout=0.1).eval(),
        references=references.pooled,
    )


@pytest.fixture(scope="module")
def encoder() -> PatchEncoder:
    return PatchEncoder(reads=True)


@pytest.fixture(scope="module")
def features(encoder: PatchEncoder) -> Features:
    return encoder.encode(encoder.prepare([grey_part(7), grey_part(8, spot=True), grey_part(9)]))


@pytest.mark.parametrize("head", HEADS)
def test_a_head_alone_is_its_own_score(encoder: PatchEncoder, features: Features, head: str) -> None:
    scored = run_heads(features, everything(parse_recipe(f"{head}*1"), encoder), side=SIDE)
    torch.testing.assert_close(scored.score, scored.head_scores[head])
    assert (scored.map is not None) == (head in MAP_HEADS)


@pytest.mark.parametrize("pair", [*combinations(HEADS, 2)])
def test_a_sum_is_the_weighted_sum_of_scores_and_of_maps(
    encoder: PatchEncoder, features: Features, pair: tuple[str, str]
) -> None:
    one, other = (run_heads(features, everything(parse_recipe(f"{head}*1"), encoder), side=SIDE) for head in pair)
    both = run_heads(features, everything(parse_recipe(f"{pair[0]}*2 + {pair[1]}*0.5"), encoder), side=SIDE)
    if set(pair) <= set(MAP_HEADS):
        assert both.map is not None
        assert both.map.shape[1:] == (SIDE, SIDE)
    if set(pair) <= set(MAP_HEADS) - set(SCORE_HEADS):
        assert both.map is not None
        torch.testing.assert_close(both.score, both.map.flatten(1).amax(dim=1))
    else:
        torch.testing.assert_close(both.score, 2 * one.score + 0.5 * other.score)
    assert set(both.head_scores) == set(pair)


def test_the_maximum_counts_by_the_scale_that_calibration_found(encoder: PatchEncoder, features: Features) -> None:
    plain = everything(NAMED["april-gan"], encoder)
    scored = run_heads(features, replace(plain, peak_scale=4.0), side=SIDE)
    assert scored.peak is not None
    torch.testing.assert_close(scored.score, scored.head_scores["text"] + scored.peak / 4)


@pytest.mark.parametrize("recipe", list(NAMED.values()), ids=list(NAMED))
def test_pictures_are_scored_alone_as_together(encoder: PatchEncoder, features: Features, recipe: Recipe) -> None:
    heads = everything(recipe, encoder)
    together = run_heads(features, heads, side=SIDE)
    for row in range(3):
        alone = run_heads(features.select([row]), heads, side=SIDE)
        torch.testing.assert_close(alone.score[0], together.score[row])
        if together.map is not None and alone.map is not None:
            torch.testing.assert_close(alone.map[0], together.map[row])


@pytest.mark.parametrize("head", HEADS)
def test_a_head_without_its_parts_says_what_it_lacks(encoder: PatchEncoder, head: str) -> None:
    whole = everything(parse_recipe(f"{head}*1"), encoder)
    with pytest.raises(EdgeError, match=f"'{head}' needs"):
        replace(whole, **{NEEDED[head][0]: None})


def test_an_encoder_without_embeddings_cannot_have_a_score_head(encoder: PatchEncoder, features: Features) -> None:
    with pytest.raises(EdgeError, match="no embedding"):
        run_heads(replace(features, pooled=None), everything(NAMED["random-words"], encoder), side=SIDE)


def test_the_nearest_reference_is_told_with_and_without_a_bank(encoder: PatchEncoder) -> None:
    own = encoder.encode(encoder.prepare([grey_part(1)]))
    for recipe in ("few-shot", "neighbourhood", "random-words"):
        scored = run_heads(own, everything(NAMED[recipe], encoder), side=SIDE)
        assert scored.per_reference is not None
        assert int(scored.per_reference.argmin()) == 1
        assert float(scored.per_reference.min()) == pytest.approx(0, abs=1e-5)
