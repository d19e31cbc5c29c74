"""Which of the papers' numbers stand beside ours."""

import pytest

from calibration.datasets import Category, Dataset
from calibration.evaluation.beside_published import Published, published_as, published_rows, reported
from calibration.evaluation.tables import MEAN
from edge.vision.recipe import parse_recipe


def visa(*names: str, absent: tuple[str, ...] = ()) -> Dataset:
    return Dataset("visa", "visa", tuple(Category(name, (), ()) for name in names), absent)


def named(
    recipe: str, shots: int, *, known: bool = True, crops: bool = True, **more: tuple[str, str]
) -> Published | None:
    return published_as(parse_recipe(recipe), shots=shots, known_object=known, multi_crop=crops, **more)


def test_the_means_and_categories_of_april_gan_are_found_with_their_tables() -> None:
    found = reported(visa("pcb1"), {("ours", 1): named("april-gan", 1, crops=False)})
    mean, pcb1 = found["ours", 1, MEAN, "image_auroc"], found["ours", 1, "pcb1", "pixel_pro"]
    assert (mean.value, mean.deviation, mean.table) == (
        pytest.approx(0.912),
        pytest.approx(0.008),
        "APRIL-GAN, Table 4",
    )
    assert (pcb1.value, pcb1.table) == (pytest.approx(0.904), "APRIL-GAN, Table 10")


def test_a_mean_over_some_of_the_categories_is_not_compared() -> None:
    found = reported(visa("pcb1", absent=("candle",)), {("ours", 0): named("april-gan-0", 0, crops=False)})
    assert ("ours", 0, "pcb1", "image_auroc") in found
    assert ("ours", 0, MEAN, "image_auroc") not in found


def test_numbers_of_shots_that_no_paper_has_are_not_compared() -> None:
    assert reported(visa("pcb1"), {("ours", 3): Published("APRIL-GAN"), ("ours", 1): None}) == {}


def test_a_setup_of_the_second_paper_is_told_by_object_crops_and_words() -> None:
    both = "CLIP + random words"
    found = {
        "unknown": named("random-words-0", 0, known=False),
        "known": named("random-words-0", 0),
        "whole": named("random-words-0", 0, crops=False),
        "few": named("random-words", 4),
        "alone": named("random-words-alone", 0, known=False),
        "clip": named("clip-pair", 0, known=False),
        "words": named("random-words-0", 0, known=False, words=("a", "a broken")),
    }
    assert {name: (one.method, one.setup) for name, one in found.items() if one} == {
        "unknown": (both, "unknown-object"),
        "known": (both, "known-object"),
        "whole": (both, "no-multi-crop"),
        "few": (both, ""),
        "alone": ("random words", "unknown-object"),
        "clip": ("CLIP", "unknown-object"),
        "words": (both, "an / a broken"),
    }


def test_what_the_papers_did_not_do_has_no_name() -> None:
    assert named("few-shot", 4) is None
    assert named("april-gan", 4, known=False, crops=False) is None
    assert named("clip-pair*1+random-words*0.5", 0) is None
    assert named("random-words-0", 0, known=False, crops=False) is None


def test_vands_leaderboards_stand_beside_visa_and_spade_and_regad_beside_mvtec() -> None:
    vand = [row for row in published_rows("visa", [0, 1]) if row.dataset == "vand"]
    april = next(row for row in vand if row.method == "APRIL-GAN" and row.shots == 0)
    assert april.values["harmonic_mean"].value == pytest.approx(0.4589)
    assert {row.table for row in vand} == {"APRIL-GAN, Table 1", "APRIL-GAN, Table 2"}
    methods = {row.method for row in published_rows("mvtec", [2])}
    assert {"SPADE", "RegAD", "PaDiM", "PatchCore", "WinCLIP"} <= methods
    assert published_rows("folder", [0, 1]) == []


def test_rows_in_doubt_say_so() -> None:
    assert any(row.doubt for row in published_rows("mvtec", [1]) if row.method == "SPADE")
