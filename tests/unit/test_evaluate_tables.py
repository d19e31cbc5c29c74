"""Means, deviations and differences to the papers."""

import math
from statistics import stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.evaluation.tables import MEAN, Cell, Reported, Run, cell_of, measured, points, signed, tabulate

shares = st.floats(0, 1)


def run(category: str, seed: int, value: float | None, *, shots: int = 1, metric: str = "image_auroc") -> Run:
    return Run(category, "ours", shots, seed, {metric: value})


def test_the_deviation_of_the_mean_is_that_of_each_seeds_mean_over_the_categories() -> None:
    runs = [run("a", 0, 0.9), run("a", 1, 0.7), run("b", 0, 0.5), run("b", 1, 0.7)]
    cells = tabulate(runs, {})
    assert cells["ours", 1, "a", "image_auroc"].deviation == pytest.approx(stdev([0.9, 0.7]))
    mean = cells["ours", 1, MEAN, "image_auroc"]
    assert (mean.mean, mean.seeds) == (pytest.approx(0.7), 2)
    assert mean.deviation == pytest.approx(0), "one seed is better at a, the other at b: their means are equal"


def test_one_seed_has_no_deviation_and_no_value_no_mean() -> None:
    cells = tabulate([run("a", 0, 0.9), run("b", 0, None)], {})
    assert cells["ours", 1, "a", "image_auroc"] == Cell(0.9, None, 1)
    assert cells["ours", 1, "b", "image_auroc"] == Cell(None, None, 0)
    assert cells["ours", 1, MEAN, "image_auroc"].mean == 0.9, "the mean is over the categories that have the metric"


def test_shots_and_methods_are_kept_apart() -> None:
    runs = [run("a", 0, 0.5), run("a", 0, 0.9, shots=4), Run("a", "padim", 1, 0, {"image_auroc": 0.1})]
    cells = tabulate(runs, {})
    values = [
        cells[key].mean for key in (("ours", 1), ("ours", 4), ("padim", 1)) for key in [(*key, "a", "image_auroc")]
    ]
    assert values == [0.5, 0.9, 0.1]


def test_the_difference_to_a_paper_is_in_points() -> None:
    key = ("ours", 1, "a", "image_auroc")
    cell = tabulate([run("a", 0, 0.912)], {key: Reported(0.92, 0.003, "Table 6")})[key]
    assert cell.difference == pytest.approx(-0.8)
    assert (points(cell.mean), signed(cell.difference)) == ("91.2", "-0.8")
    assert Cell(0.5, None, 1).difference is None


def test_only_metrics_that_some_cell_has_become_columns() -> None:
    cells = tabulate([run("a", 0, 0.5), run("b", 0, None, metric="pixel_pro")], {})
    assert measured(cells, "ours", 1) == ["image_auroc"]


@given(st.lists(st.one_of(st.none(), shares), max_size=8))
def test_undefined_values_never_count(values: list[float | None]) -> None:
    known = [value for value in values if value is not None]
    cell = cell_of([*values, math.nan])
    assert cell.seeds == len(known)
    assert cell.mean == (pytest.approx(sum(known) / len(known)) if known else None)
