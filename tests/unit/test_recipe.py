import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import EdgeError
from edge.vision.recipe import HEADS, MAP_HEADS, NAMED, SCORE_HEADS, parse_recipe

FROM_REFERENCES = {"few-shot", "neighbourhood", "references"}
heads = st.sampled_from(HEADS)
weights = st.floats(min_value=0.001, max_value=999, allow_nan=False)


@given(st.dictionaries(heads, weights, min_size=1), st.sampled_from(["+", " + ", "  +"]))
def test_a_sum_is_read_as_it_is_written(wanted: dict[str, float], plus: str) -> None:
    recipe = parse_recipe(plus.join(f"{head}*{weight!r}" for head, weight in wanted.items()))
    assert dict(recipe.scores) | dict(recipe.maps) == wanted
    assert set(recipe.scores) <= set(SCORE_HEADS)
    assert set(recipe.maps) <= set(MAP_HEADS)
    assert recipe.peak == (1 if {"adapters", "few-shot"} & set(wanted) else 0), "maps that have no score of their own"
    assert sorted(recipe.heads) == sorted(wanted)


@pytest.mark.parametrize("name", NAMED)
def test_a_named_recipe_is_found_by_its_name_and_has_known_heads(name: str) -> None:
    recipe = parse_recipe(f" {name} ")
    assert recipe is NAMED[name]
    assert recipe.name == name
    assert set(recipe.scores) <= set(SCORE_HEADS)
    assert set(recipe.maps) <= set(MAP_HEADS)
    assert recipe.scores or recipe.peak


@pytest.mark.parametrize("name", [name for name in NAMED if f"{name}-0" in NAMED])
def test_a_recipe_without_references_is_the_rest_of_its_sibling(name: str) -> None:
    alone, whole = NAMED[f"{name}-0"], NAMED[name]
    assert not FROM_REFERENCES & set(alone.heads)
    assert set(whole.heads) - set(alone.heads) <= FROM_REFERENCES
    assert FROM_REFERENCES & set(whole.heads)


def test_a_factor_tells_a_head_from_the_recipe_of_its_name() -> None:
    assert set(parse_recipe("random-words").heads) == {"clip-pair", "random-words", "references"}
    assert parse_recipe("random-words*1").heads == ("random-words",)
    assert parse_recipe("clip-pair").heads == ("clip-pair",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("patchcore", "unknown 'patchcore'. Named recipes: few-shot, neighbourhood, adapters,"),
        ("text + patchcore", "unknown 'patchcore'"),
        ("", "unknown ''"),
        ("text +", "unknown ''"),
        ("text*0", "weight '0' is no number above 0"),
        ("text*-1", "weight '-1'"),
        ("text*nan", "weight 'nan'"),
        ("text*much", "weight 'much'"),
        ("text*", "weight ''"),
        ("text*1*2", "weight '1*2'"),
        ("text*1e9", "weight '1e9'"),
        ("text*1 + few-shot + text*2", "text is there twice"),
    ],
)
def test_what_is_no_recipe_is_refused_with_what_there_is(text: str, said: str) -> None:
    with pytest.raises(EdgeError, match=re.escape(said)):
        parse_recipe(text)


@pytest.mark.parametrize(
    ("text", "in_map_units"),
    [
        ("few-shot", True),
        ("neighbourhood*2", True),
        ("adapters*0.5", True),
        ("neighbourhood+few-shot", False),
        ("text+few-shot", False),
        ("random-words", False),
    ],
)
def test_a_threshold_is_a_level_of_the_map_where_the_map_alone_makes_the_score(text: str, in_map_units: bool) -> None:
    assert parse_recipe(text).in_map_units is in_map_units
