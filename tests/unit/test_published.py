import math
from collections import Counter, defaultdict
from statistics import fmean

import pytest

from calibration.evaluation.published import MEAN, PublishedValue, compare, published

MVTEC_CATEGORIES, VISA_CATEGORIES = 15, 12
ROUNDING = 0.1 + 1e-9
"""A printed number is off by up to 0.05; so is a mean of such numbers, and the printed mean it is compared with."""


def test_every_table_is_there_with_all_its_cells() -> None:
    counts = Counter((one.paper, one.table) for one in published())
    zero_shot_ours, shots, methods, metrics = 1, 3, 5, 7
    segmented = zero_shot_ours * metrics + shots * (methods * metrics - 4) + 6  # others report no AP-segm
    expected = {
        **{("APRIL-GAN", table): 5 * 3 for table in "12"},
        **{("APRIL-GAN", table): segmented for table in "34"},
        **{("APRIL-GAN", table): (MVTEC_CATEGORIES + 1) * metrics for table in "5678"},
        **{("APRIL-GAN", table): (VISA_CATEGORIES + 1) * metrics for table in ("9", "10", "11", "12")},
        ("random-words", "1"): 21 * 6 + 2,
        ("random-words", "2"): 4 * 3,
        ("random-words", "3"): 4 * 4 * 2,
        ("random-words", "4"): 3 * 3,
        **{("random-words", f"A.{number}"): MVTEC_CATEGORIES * 10 for number in (1, 2, 3)},
        **{("random-words", f"A.{number}"): VISA_CATEGORIES * 10 for number in (4, 5, 6)},
    }
    assert counts == expected


def test_values_are_percent_and_deviations_small() -> None:
    for one in published():
        assert 0 < one.value <= 100, one
        assert one.deviation is None or 0 <= one.deviation < 25, one
        assert one.shots in (0, 1, 2, 4) or (one.dataset == "vand" and one.shots is None)


def test_printed_means_are_the_means_of_the_printed_categories_but_for_five() -> None:
    columns: dict[tuple[object, ...], list[PublishedValue]] = defaultdict(list)
    means: dict[tuple[object, ...], list[float]] = defaultdict(list)
    for one in published():
        key = (one.paper, one.dataset, one.method, one.shots, one.setup, one.metric)
        if one.category == MEAN:
            means[key].append(one.value)
        else:
            columns[key].append(one)
    assert len(columns) == 2 * 4 * 7 + 2 * 10 * 3
    off = {}
    for key, ones in columns.items():
        assert len(ones) == (MVTEC_CATEGORIES if key[1] == "mvtec" else VISA_CATEGORIES)
        assert len(means[key]) == (2 if key[0] == "APRIL-GAN" else 1)  # its own table and the comparison's
        for mean in means[key]:
            found = fmean(one.value for one in ones)
            if not math.isclose(mean, found, abs_tol=ROUNDING):
                off[key[1:]] = (mean, round(found, 1))
    assert off == {
        ("visa", "CLIP + random words", 1, "", "auroc_cls"): (83.4, 84.0),
        ("visa", "WinCLIP", 0, "known-object", "ap_cls"): (81.2, 81.0),
        ("visa", "WinCLIP", 1, "", "ap_cls"): (85.1, 85.0),
        ("visa", "WinCLIP", 2, "", "ap_cls"): (85.8, 85.6),
        ("visa", "WinCLIP", 4, "", "ap_cls"): (88.8, 88.7),
    }


def test_papers_agree_on_other_methods_but_for_rows_in_doubt() -> None:
    theirs = {
        (one.dataset, one.method, one.shots, one.metric): (one.value, one.deviation)
        for one in published(category=MEAN)
        if (one.paper, one.table) == ("random-words", "1") and one.method in ("WinCLIP", "SPADE", "PaDiM", "PatchCore")
    }
    ours = {
        (one.dataset, one.method, one.shots, one.metric): one
        for one in published(category=MEAN)
        if one.paper == "APRIL-GAN" and one.table in "34"
    }
    differing = {key for key, cell in theirs.items() if cell != (ours[key].value, ours[key].deviation)}
    assert differing == {key for key in theirs if ours[key].doubt}
    assert differing == {
        ("mvtec", method, shots, metric)
        for method in ("SPADE", "PaDiM", "PatchCore")
        for shots in (1, 2)
        for metric in ("auroc_cls", "ap_cls", "f1_max_cls")
    }
    for dataset, method, shots, metric in differing:
        swapped = ours[dataset, method, 3 - shots, metric]
        assert theirs[dataset, method, shots, metric] == (swapped.value, swapped.deviation)


@pytest.mark.parametrize(
    ("asked", "value", "deviation", "table"),
    [
        ({"dataset": "mvtec", "shots": 0, "metric": "auroc_segm"}, 87.6, None, "3"),
        ({"dataset": "visa", "shots": 4, "metric": "ap_segm", "category": "pcb3"}, 31.4, 0.6, "12"),
        ({"dataset": "vand", "shots": 0, "metric": "f1_max_harmonic"}, 45.89, None, "1"),
        ({"dataset": "mvtec", "shots": 1, "metric": "auroc_cls", "method": "SPADE"}, 81.0, 2.0, "1"),
        ({"dataset": "mvtec", "shots": 4, "metric": "auroc_cls", "method": "RegAD"}, 88.2, None, "1"),
        (
            {
                "dataset": "mvtec",
                "shots": 0,
                "metric": "ap_cls",
                "method": "CLIP + random words",
                "category": "metal_nut",
            }
            | {"setup": "known-object"},
            98.8,
            0.4,
            "A.2",
        ),
        (
            {"dataset": "mvtec", "shots": 0, "metric": "auroc_cls", "method": "CLIP", "setup": "a good / a broken"},
            86.1,
            None,
            "3",
        ),
    ],
)
def test_compare_finds_the_number_and_its_table(
    asked: dict[str, object], value: float, deviation: float | None, table: str
) -> None:
    found = compare(**asked)  # type: ignore[arg-type]
    assert found is not None
    assert (found.value, found.deviation, found.table) == (value, deviation, table)


def test_compare_gives_nothing_where_the_papers_say_nothing() -> None:
    assert compare(dataset="mvtec", shots=3, metric="auroc_segm") is None
    assert compare(dataset="mvtec", shots=0, metric="ap_segm", method="WinCLIP") is None
