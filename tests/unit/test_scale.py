"""The heatmap's scale: dark below the noise, marked at what an `ok` part reaches, the same for every frame."""

from hypothesis import given
from hypothesis import strategies as st

from calibration.scale import MapLook, fixed_scale
from edge.vision.recipe import parse_recipe

looks = st.lists(
    st.floats(0.1, 4).flatmap(
        lambda peak: st.builds(MapLook, st.floats(0.05, peak), st.just(peak), st.floats(0.01, peak))
    ),
    min_size=1,
    max_size=20,
)


@given(looks=looks, threshold=st.floats(0.1, 4))
def test_the_scale_rises_from_noise_over_the_mark(looks: list[MapLook], threshold: float) -> None:
    for recipe in ("few-shot", "neighbourhood", "text+few-shot"):
        scale = fixed_scale(looks, recipe=parse_recipe(recipe), threshold=threshold)
        assert scale is not None
        assert scale.mark is not None
        assert 0 < scale.low <= scale.mark < scale.high


def test_the_mark_is_the_threshold_where_the_score_is_the_maps_maximum() -> None:
    scale = fixed_scale([MapLook(0.4, 0.4, 0.1)], recipe=parse_recipe("few-shot"), threshold=0.7)
    assert scale is not None
    assert scale.mark == 0.7


@given(looks=looks)
def test_no_good_part_at_or_below_the_threshold_reaches_above_the_mark(looks: list[MapLook]) -> None:
    threshold = max(one.score for one in looks)
    scale = fixed_scale(looks, recipe=parse_recipe("neighbourhood"), threshold=threshold)
    assert scale is not None
    assert scale.mark is not None
    assert all(one.peak <= scale.mark * (1 + 1e-9) for one in looks)


def test_a_recipe_of_other_units_is_marked_at_the_largest_maximum() -> None:
    scale = fixed_scale([MapLook(9, 0.2, 0.1), MapLook(8, 0.3, 0.1)], recipe=parse_recipe("text+few-shot"), threshold=5)
    assert scale is not None
    assert scale.mark == 0.3


def test_nothing_known_of_good_parts_is_no_scale() -> None:
    assert fixed_scale([], recipe=parse_recipe("few-shot"), threshold=None) is None
