"""What an evaluation says in numbers: means and deviations over seeds, and the distance to what the papers report."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

METRICS = {
    "image_auroc": "image AUROC",
    "image_ap": "image AP",
    "image_f1_max": "image F1-max",
    "pixel_auroc": "pixel AUROC",
    "pixel_ap": "pixel AP",
    "pixel_f1_max": "pixel F1-max",
    "pixel_pro": "PRO",
    "harmonic_mean": "harmonic mean",
}
"""By key, what a person calls it. The last is VAND's: of image F1-max and pixel F1-max, for each category."""

MEAN = "mean"
"""Stands for a category where the mean over the categories is meant."""


@dataclass(frozen=True, slots=True)
class Run:
    """One category, method and column measured. values: by key of METRICS, 0..1, None where undefined."""

    category: str
    method: str
    shots: int
    seed: int
    values: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Reported:
    """What a paper reports. value and deviation: 0..1, no deviation where it gives none;  table: such as `Table 3`."""

    value: float
    deviation: float | None
    table: str


@dataclass(frozen=True, slots=True)
class Cell:
    """One number of a table.

    mean:      over the seeds, 0..1, None where the metric is undefined
    deviation: sample standard deviation over the seeds (divided by n - 1), None for fewer than two
    seeds:     how many
    reported:  what the paper says, None where it says nothing
    """

    mean: float | None
    deviation: float | None
    seeds: int
    reported: Reported | None = None

    @property
    def difference(self) -> float | None:
        """Ours less the paper's in points (hundredths), None where there is nothing to compare."""
        return None if self.mean is None or self.reported is None else 100 * (self.mean - self.reported.value)


Key = tuple[str, int, str, str]
"""Method, shots, category (or MEAN), key of METRICS."""


def tabulate(runs: Sequence[Run], reported: Mapping[Key, Reported]) -> dict[Key, Cell]:
    """Every cell, by number of shots and method: each category and the mean over the categories.

    The mean is taken for each seed over the categories that have the metric; its deviation is that of these means, as
    in the papers.
    """
    cells: dict[Key, Cell] = {}
    for method, shots in sorted(dict.fromkeys((run.method, run.shots) for run in runs), key=lambda key: key[1]):
        column = [run for run in runs if (run.method, run.shots) == (method, shots)]
        for metric in METRICS:
            for category in dict.fromkeys(run.category for run in column):
                values = [run.values.get(metric) for run in column if run.category == category]
                key = (method, shots, category, metric)
                cells[key] = cell_of(values, reported.get(key))
            key = (method, shots, MEAN, metric)
            cells[key] = cell_of(_means(column, metric), reported.get(key))
    return cells


def cell_of(values: Iterable[float | None], reported: Reported | None = None) -> Cell:
    """Mean and deviation of one number a seed; those undefined are left out."""
    known = [value for value in values if value is not None and not math.isnan(value)]
    return Cell(
        fmean(known) if known else None,
        stdev(known) if len(known) > 1 else None,
        len(known),
        reported,
    )


def _means(column: Iterable[Run], metric: str) -> list[float]:
    """For each seed the mean over the categories."""
    by_seed: dict[int, list[float]] = {}
    for run in column:
        value = run.values.get(metric)
        if value is not None and not math.isnan(value):
            by_seed.setdefault(run.seed, []).append(value)
    return [fmean(values) for values in by_seed.values()]


def points(value: float | None, deviation: float | None = None) -> str:
    """0.954 -> `95.4`, with a deviation `95.4 ± 0.1`; a dash where there is nothing."""
    if value is None:
        return "-"
    return f"{100 * value:.1f}" if deviation is None else f"{100 * value:.1f} ± {100 * deviation:.1f}"


def signed(difference: float | None) -> str:
    """Points with their sign, a dash where there is nothing."""
    return "-" if difference is None else f"{difference:+.1f}"


def measured(cells: Mapping[Key, Cell], method: str, shots: int) -> list[str]:
    """Keys of the metrics that at least one cell of this method and number of shots has."""
    there = {key[3] for key, cell in cells.items() if key[:2] == (method, shots) and cell.mean is not None}
    return [metric for metric in METRICS if metric in there]


def columns_of(cells: Mapping[Key, Cell]) -> list[tuple[str, int]]:
    """Each method and number of shots, in the order of the cells."""
    return list(dict.fromkeys(key[:2] for key in cells))


def shots_named(shots: int) -> str:
    """`1 shot`, `4 shots`."""
    return f"{shots} shot{'' if shots == 1 else 's'}"
