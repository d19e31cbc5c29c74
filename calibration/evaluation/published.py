"""What the two papers report, as data: every number of their tables, for `calibrate evaluate` to set its own beside."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).parents[1] / "data" / "published.toml"

MEAN = "mean"
"""The category of a mean over all categories of a data set."""

EMPTY = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedValue:
    """One number of one table.

    paper:     `APRIL-GAN` or `random-words`
    table:     its number as printed, `A.1` to `A.6` in the second paper's appendix
    dataset:   mvtec, visa, vand or sewerml
    method:    `APRIL-GAN`, `WinCLIP`, `CLIP`, `random words`, `CLIP + random words`, `SPADE`, ...
    shots:     reference pictures, None where the paper does not say
    setup:     in the second paper's zero-shot tables `unknown-object`, `known-object`, `no-multi-crop` or the pair of
               words, such as `a good / a broken`; empty elsewhere
    category:  of the data set, or MEAN
    metric:    auroc, f1_max or ap with _cls (pictures) or _segm (pixels), pro_segm, f1_max_harmonic (VAND's)
    value:     percent
    deviation: over the paper's seeds, percent points; None where it gives none
    doubt:     why it may be misprinted, empty otherwise
    """

    paper: str
    table: str
    dataset: str
    method: str
    shots: int | None = None
    setup: str = ""
    category: str
    metric: str
    value: float
    deviation: float | None = None
    doubt: str = ""


def published(
    *,
    method: str | None = None,
    dataset: str | None = None,
    shots: int | None = None,
    category: str | None = None,
    metric: str | None = None,
) -> list[PublishedValue]:
    """The papers' numbers, in the order of their tables; None is any. See PublishedValue for what can be asked."""
    asked = {"method": method, "dataset": dataset, "shots": shots, "category": category, "metric": metric}
    given = {name: value for name, value in asked.items() if value is not None}
    return [one for one in _all() if all(getattr(one, name) == value for name, value in given.items())]


def compare(
    *, dataset: str, shots: int, metric: str, method: str = "APRIL-GAN", category: str = MEAN, setup: str = ""
) -> PublishedValue | None:
    """The number that a result is compared with, None if the papers have none.

    Where they have it twice, one that is not in doubt, and then the first.
    """
    found = published(method=method, dataset=dataset, shots=shots, category=category, metric=metric)
    return min((one for one in found if one.setup == setup), key=lambda one: bool(one.doubt), default=None)


@cache
def _all() -> tuple[PublishedValue, ...]:
    tables = tomllib.loads(FILE.read_text(encoding="utf-8"))["table"]
    return tuple(one for table in tables for row in table["rows"] for one in _values(table, row))


def _values(table: Mapping[str, Any], row: Mapping[str, Any]) -> Iterator[PublishedValue]:
    """The numbers of a row: one a metric of its table, or one a category."""
    said = {name: value for name, value in {**table, **row}.items() if name in PublishedValue.__dataclass_fields__}
    name, heads = ("metric", table["metrics"]) if "metrics" in table else ("category", table["categories"])
    scale = 100 if table.get("unit") == "fraction" else 1
    for head, cell in zip(heads, row["values"].split(), strict=True):
        if cell == EMPTY:
            continue
        value, _, deviation = cell.partition("±")
        numbers = {"value": round(scale * float(value), 4), "deviation": float(deviation) if deviation else None}
        yield PublishedValue(**{**said, name: head, **numbers})
