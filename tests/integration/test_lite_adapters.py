"""The adapters that come with `lite`: what they may have seen, what they are worth on parts they never saw, how made.

The floors lie below what `calibrate evaluate --dataset folder --root ../shared/data/magnetic_tile --shots 0` prints, by
about what drawing 40 of its 341 pictures changes.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from calibration.datasets import Sample, open_dataset
from calibration.evaluation.category import evaluate_category
from calibration.evaluation.prepare import Options, prepare_with
from calibration.evaluation.run import category_heads
from calibration.lite.recipe import ORIGINS, make
from edge.errors import EdgeError
from edge.vision.adapters import load_adapters
from edge.vision.encoder import open_encoder
from edge.vision.lite_adapters import shipped_adapters_path

UNSEEN = ("magnetic_tile", "circuitboard", "cookie")
DRAWN = 20


def pictures_of(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.suffix in {".png", ".jpg"} and "masks" not in file.parts)


def some(samples: tuple[Sample, ...]) -> list[Sample]:
    """DRAWN good and DRAWN defective ones, with seed 0."""
    rng, drawn = np.random.default_rng(0), []
    for defect in (False, True):
        alike = [sample for sample in samples if sample.defect is defect]
        drawn += [alike[index] for index in rng.choice(len(alike), DRAWN, replace=False)]
    return drawn


def test_the_shipped_file_is_small_and_fits_the_encoder() -> None:
    assert shipped_adapters_path().stat().st_size < 2_000_000
    adapters, card = load_adapters(shipped_adapters_path(), device="cpu")
    card.check_fits(open_encoder("lite", device="cpu"))
    assert adapters.classes is not None
    assert card.command.startswith("calibrate lite-adapters")


def test_it_saw_only_what_its_licence_allows(real_parts: Path) -> None:
    _, card = load_adapters(shipped_adapters_path(), device="cpu")
    assert card.trained_on == ("demo", "folder:hazelnut_toy", "surfaces")
    for name in UNSEEN:
        pictures = pictures_of(real_parts / name)
        assert len(pictures) >= 80
        assert card.seen(pictures) == []
    allowed = pictures_of(real_parts / "hazelnut_toy")
    assert card.seen(allowed) == allowed
    assert len(card.pictures) == len(allowed)


def test_it_marks_defects_of_a_surface_that_it_never_saw(real_parts: Path) -> None:
    encoder, root = open_encoder("lite", device="cpu"), real_parts / "magnetic_tile"
    prepared = prepare_with(Options(dataset="folder", root=root, shots=(0,)), open_dataset("folder", root), encoder)
    category = replace(prepared.dataset.categories[0], test=tuple(some(prepared.dataset.categories[0].test)))
    heads = category_heads(prepared, category, done=lambda: None)
    (measured,), _ = evaluate_category(encoder, category, heads)
    image, pixel = measured.values["image_auroc"], measured.values["pixel_auroc"]
    assert image is not None and image >= 0.6
    assert pixel is not None and pixel >= 0.65


def test_the_recipe_gives_the_same_bytes_and_records_what_it_saw(real_parts: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        make(real_parts, tmp_path / name, count=12)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    _, card = load_adapters(tmp_path / "a", device="cpu")
    assert card.command == (
        "calibrate lite-adapters --data ../shared/data --origins demo,hazelnut_toy,surfaces --stages s16,s32 "
        "--pictures 12 --seed 0"
    )
    make(real_parts, tmp_path / "c", count=12, seed=1, origins=["surfaces"])
    _, other = load_adapters(tmp_path / "c", device="cpu")
    assert (other.trained_on, other.pictures) == (("surfaces",), ())


def test_a_forbidden_origin_and_a_missing_folder_are_named(real_parts: Path, tmp_path: Path) -> None:
    with pytest.raises(EdgeError, match="magnetic_tile"):
        make(real_parts, tmp_path / "a", origins=[*ORIGINS, "magnetic_tile"])
    with pytest.raises(EdgeError, match="hazelnut_toy"):
        make(tmp_path, tmp_path / "a")
