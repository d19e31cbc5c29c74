"""Pixel metrics: equal to scikit-learn and to loops over thresholds and regions, in memory that does not grow."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy import ndimage
from sklearn.metrics import auc, average_precision_score, precision_recall_curve, roc_auc_score

from calibration.evaluation.pixel_metrics import PixelCounts, PixelMetrics
from calibration.evaluation.pixel_tally import TOLERANCE, Tally, thinned
from edge.errors import EdgeError

Picture = tuple[NDArray[np.float32], NDArray[np.bool_]]

UNDEFINED = PixelMetrics(None, None, None, None, None)
EIGHT_NEIGHBOURS = np.ones((3, 3))

shapes = st.tuples(st.integers(1, 7), st.integers(1, 7))
few_values = st.sampled_from([-1.5, -0.0, 0.0, 0.25, 0.5, 1.0])
any_value = st.floats(-4, 4, width=32)
pictures = st.lists(
    shapes.flatmap(
        lambda shape: st.tuples(
            arrays(np.float32, shape, elements=few_values) | arrays(np.float32, shape, elements=any_value),
            arrays(np.bool_, shape),
        )
    ),
    max_size=4,
)


def counts_of(given_pictures: list[Picture]) -> PixelCounts:
    counts = PixelCounts()
    for anomaly_map, mask in given_pictures:
        counts.add(anomaly_map, mask)
    return counts


def metrics_of(given_pictures: list[Picture]) -> PixelMetrics:
    return counts_of(given_pictures).metrics()


def pixels_of(given_pictures: list[Picture]) -> Picture:
    """All pictures' values and labels in one row."""
    maps, masks = zip(*given_pictures, strict=True)
    return np.concatenate([m.ravel() for m in maps]), np.concatenate([m.ravel() for m in masks])


def overlap_and_share(given_pictures: list[Picture], threshold: float, *, strict: bool) -> tuple[float, float]:
    """Mean over regions of the share of each that lies above, and the share of normal pixels that does."""
    overlaps, false, normal = [], 0, 0
    for anomaly_map, mask in given_pictures:
        exact = anomaly_map.astype(np.float64)
        above = exact > threshold if strict else exact >= threshold
        labels, count = ndimage.label(mask, EIGHT_NEIGHBOURS)
        overlaps += [float(above[labels == region].mean()) for region in range(1, count + 1)]
        false, normal = false + int(above[~mask].sum()), normal + int((~mask).sum())
    return float(np.mean(overlaps)), false / normal


def slow_pro(given_pictures: list[Picture]) -> float | None:
    """As the reference implementation does it: 200 thresholds, what lies below a share of 0.3, stretched to 0..1."""
    values, _ = pixels_of(given_pictures)
    thresholds = np.linspace(float(values.min()), float(values.max()), 200, endpoint=False)
    points = [overlap_and_share(given_pictures, t, strict=True) for t in thresholds]
    kept = [(share, overlap) for overlap, share in points if share < 0.3]
    if len({share for share, _ in kept}) < 2:
        return None
    share, overlap = np.array(kept).T
    return float(auc((share - share.min()) / (share.max() - share.min()), overlap))


def slow_pro_exact(given_pictures: list[Picture]) -> float:
    """Every value a threshold, up to a share of 0.3 and interpolated there."""
    values, _ = pixels_of(given_pictures)
    points = [(0.0, 0.0)]
    for threshold in np.unique(values)[::-1]:
        overlap, share = overlap_and_share(given_pictures, float(threshold), strict=False)
        if share > 0.3:
            (x0, y0), part = points[-1], (0.3 - points[-1][0]) / (share - points[-1][0])
            points.append((x0 + part * (share - x0), y0 + part * (overlap - y0)))
            break
        points.append((share, overlap))
    x, y = np.array(points).T
    return float(auc(x, y)) / 0.3


def close(expected: float | None) -> object:
    return expected if expected is None else pytest.approx(expected, abs=1e-9)


@settings(deadline=None, max_examples=60)  # 200 thresholds a picture, in loops
@given(given_pictures=pictures)
def test_metrics_equal_scikit_learn_and_the_loops(given_pictures: list[Picture]) -> None:
    measured = metrics_of(given_pictures)
    if not given_pictures:
        assert measured == UNDEFINED
        return
    values, labels = pixels_of(given_pictures)
    if not labels.any():
        assert measured == UNDEFINED
        return
    precision, recall, _ = precision_recall_curve(labels, values)
    assert measured.ap == close(average_precision_score(labels, values))
    assert measured.f1_max == close(max(2 * precision * recall / np.maximum(precision + recall, 1e-300)))
    if labels.all():
        assert (measured.auroc, measured.pro, measured.pro_exact) == (None, None, None)
        return
    assert measured.auroc == close(roc_auc_score(labels, values))
    assert measured.pro == close(slow_pro(given_pictures))
    assert measured.pro_exact == close(slow_pro_exact(given_pictures))


@settings(deadline=None, max_examples=40)
@given(given_pictures=pictures, data=st.data())
def test_neither_the_order_of_pictures_nor_a_look_in_between_changes_anything(
    given_pictures: list[Picture], data: st.DataObject
) -> None:
    looked_at = PixelCounts()
    for anomaly_map, mask in data.draw(st.permutations(given_pictures)):
        looked_at.add(anomaly_map, mask)
        looked_at.metrics()
    expected = metrics_of(given_pictures)
    for name in PixelMetrics.__dataclass_fields__:
        assert getattr(looked_at.metrics(), name) == close(getattr(expected, name))


def test_a_perfect_map_gets_full_marks() -> None:
    mask = np.zeros((8, 8), np.bool_)
    mask[2:4, 2:5] = mask[6, 6] = True
    spread = np.linspace(0, 0.5, 64, dtype=np.float32).reshape(8, 8)
    measured = metrics_of([(mask + spread, mask)])
    assert (measured.auroc, measured.ap, measured.f1_max, measured.pro_exact) == pytest.approx((1, 1, 1, 1))
    assert measured.pro == pytest.approx(1)


@pytest.mark.parametrize("value", [0.0, -1.0, 3.5])
def test_a_map_of_one_value_says_nothing(value: float) -> None:
    mask = np.zeros((4, 5), np.bool_)
    mask[1, 1:3] = True
    measured = metrics_of([(np.full((4, 5), value, np.float32), mask)])
    assert (measured.auroc, measured.ap, measured.f1_max) == pytest.approx((0.5, 0.1, 2 * 0.1 / 1.1))
    assert measured.pro is None
    assert measured.pro_exact == pytest.approx(0.15)


def test_one_pixel() -> None:
    one = np.ones((1, 1), np.float32)
    assert metrics_of([(one, np.zeros((1, 1), np.bool_))]) == UNDEFINED
    assert metrics_of([(one, np.ones((1, 1), np.bool_))]) == PixelMetrics(None, 1.0, 1.0, None, None)


def test_the_largest_defective_and_the_largest_normal_pixel_stay_apart() -> None:
    mask = np.array([[True, False]])
    assert metrics_of([(np.array([[2, 1]], np.float32), mask)]).auroc == 1
    assert metrics_of([(np.array([[1, 2]], np.float32), mask)]).auroc == 0


def test_each_region_counts_the_same_and_touching_corners_make_one() -> None:
    """A found region of one pixel and a missed one of four, in two pictures, are an overlap of a half."""
    found, missed = np.zeros((6, 6), np.bool_), np.zeros((6, 6), np.bool_)
    found[0, 0] = True
    missed[1, 1] = missed[2, 2] = missed[3, 1] = missed[4, 2] = True
    noise = np.linspace(0.1, 0.2, 36, dtype=np.float32).reshape(6, 6)
    measured = metrics_of([(noise + found, found), (noise * ~missed, missed)])
    assert measured.pro_exact == pytest.approx(0.5)


def test_what_was_given_may_be_overwritten() -> None:
    anomaly_map, mask = np.array([[0, 1]], np.float32), np.array([[False, True]])
    counts = counts_of([(anomaly_map, mask)])
    anomaly_map[:], mask[:] = 0, False
    assert counts.metrics().auroc == 1


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_no_number_is_refused(broken: float) -> None:
    with pytest.raises(EdgeError, match="not a finite number"):
        PixelCounts().add(np.array([[0, broken]], np.float32), np.array([[False, True]]))


@pytest.mark.parametrize(("map_shape", "mask_shape"), [((2, 3), (3, 2)), ((4,), (4,)), ((0, 3), (0, 3))])
def test_shapes_that_do_not_fit_are_refused(map_shape: tuple[int, ...], mask_shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="one size"):
        PixelCounts().add(np.zeros(map_shape, np.float32), np.zeros(mask_shape, np.bool_))


def made_pictures(number: int, side: int) -> list[Picture]:
    """Smooth maps, half of them saturated, with defects that most maps see, on pictures that differ."""
    rng = np.random.default_rng(3)
    made = []
    for n in range(number):
        mask = np.zeros((side, side), np.bool_)
        if n % 3:
            mask[rng.integers(0, side, 3), rng.integers(0, side, 3)] = True
            mask = ndimage.binary_dilation(mask, iterations=int(rng.integers(1, 9)))
        noise = ndimage.zoom(rng.normal(size=(side // 16, side // 16)), 16, order=1) * rng.uniform(1, 4)
        seen = noise + 6 * ndimage.gaussian_filter(mask.astype(np.float64), 4) - 3
        made.append(((1 / (1 + np.exp(-seen * (3 if n % 2 else 1)))).astype(np.float32), mask))
    return made


def test_many_pixels_are_counted_nearly_exactly_in_any_order() -> None:
    many = made_pictures(16, 256)
    values, labels = pixels_of(many)
    precision, recall, _ = precision_recall_curve(labels, values)
    expected = (
        roc_auc_score(labels, values),
        average_precision_score(labels, values),
        max(2 * precision * recall / np.maximum(precision + recall, 1e-300)),
    )
    expected_pro = slow_pro_exact_of_many(many)
    for order in (many, sorted(many, key=lambda picture: bool(picture[1].any()))):
        counts = PixelCounts()
        for n, (anomaly_map, mask) in enumerate(order):
            counts.add(anomaly_map, mask)
            if n % 2:
                counts.curve()
        measured = counts.metrics()
        assert counts.curve().values.size < values.size / 4
        assert (measured.auroc, measured.ap, measured.f1_max) == pytest.approx(expected, abs=1e-5)
        assert measured.pro_exact == pytest.approx(expected_pro, abs=2e-5)


def slow_pro_exact_of_many(many: list[Picture]) -> float:
    """`slow_pro_exact` by sorting, as loops would take too long; values without ties among different labels."""
    values, labels = pixels_of(many)
    weights, regions = [], 0
    for _, mask in many:
        found, count = ndimage.label(mask, EIGHT_NEIGHBOURS)
        sizes = np.bincount(found.ravel())
        weights.append(np.where(mask, 1 / sizes[found], 0).ravel())
        regions += count
    order = np.argsort(-values, kind="stable")
    last = np.append(np.diff(values[order]) != 0, True)
    share = np.append(0, (np.cumsum(~labels[order]) / (~labels).sum())[last])
    overlap = np.append(0, (np.cumsum(np.concatenate(weights)[order]) / regions)[last])
    inside = share <= 0.3
    at_limit = np.interp(0.3, share, overlap)
    return float(auc(np.append(share[inside], 0.3), np.append(overlap[inside], at_limit))) / 0.3


def test_memory_does_not_grow_with_the_number_of_maps() -> None:
    rng = np.random.default_rng(0)
    counts = PixelCounts()
    held = []
    tracemalloc.start()
    for number in (16, 16):
        for _ in range(number):
            anomaly_map = rng.random((512, 512), np.float32)
            counts.add(anomaly_map, anomaly_map > 0.9)
        held.append(tracemalloc.get_traced_memory()[0] / 2**20)
    tracemalloc.stop()
    assert held[1] < 8  # MiB; the maps would take 32
    assert held[1] < 1.25 * held[0]


amounts = st.lists(st.tuples(st.integers(0, 60_000), st.integers(0, 60_000)), min_size=1, max_size=60)


def fall(whole: Tally, thin: Tally) -> NDArray[np.float64]:
    """By what share of itself the number of pixels at or above each value falls: [2, n]."""
    true = np.stack([whole.amounts[:, whole.values >= value].sum(axis=1) for value in whole.values], axis=1)
    kept = np.stack([thin.amounts[:, thin.values >= value].sum(axis=1) for value in whole.values], axis=1)
    return (true - kept) / np.maximum(true, 1)


@settings(deadline=None)
@given(rows=amounts)
def test_thinning_lowers_no_number_by_more_than_the_tolerance(rows: list[tuple[int, int]]) -> None:
    whole = Tally(np.arange(len(rows), dtype=np.float32), np.array(rows, np.float64).T)
    thin = thinned(whole, guarded=2)
    lost = fall(whole, thin)
    assert lost.min() >= 0
    assert lost.max() <= TOLERANCE
    assert thin.values[0] == whole.values[0]
    assert np.array_equal(thin.amounts.sum(axis=1), whole.amounts.sum(axis=1))


def test_thinning_leaves_few_values_of_many() -> None:
    whole = Tally(np.arange(1_000_000, dtype=np.float32), np.ones((1, 1_000_000)))
    thin = thinned(whole)
    assert thin.values.size <= (1 + 2 * np.log(TOLERANCE * 1_000_000)) / TOLERANCE
    assert np.array_equal(thin.values[-10_000:], whole.values[-10_000:])


def test_what_thinning_loses_does_not_add_up_over_rounds() -> None:
    """Added round by round to one tally, it came to five times the tolerance here."""
    rng = np.random.default_rng(1)
    maps = rng.normal(size=(64, 128, 128)).astype(np.float32)
    masks = rng.random(maps.shape) < 0.3
    counts = PixelCounts()
    for anomaly_map, mask in zip(maps, masks, strict=True):
        counts.add(anomaly_map, mask)
        counts.curve()
    curve = counts.curve()
    for kept, truth in ((curve.normal, maps[~masks]), (curve.abnormal, maps[masks])):
        values = np.sort(truth)
        true = values.size - np.searchsorted(values, values)
        found = np.append(0, kept)[np.searchsorted(-curve.values, -values, side="right")]
        assert kept[-1] == values.size
        assert np.max(np.abs(true - found) / true) <= 3 * TOLERANCE
