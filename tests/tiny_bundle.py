"""A small bundle without a network behind it, written by hand: enough for all that handles bundles as files."""

from pathlib import Path

import numpy as np

from edge.verdict import Scale
from edge.vision.bundle import Arrays, save_bundle
from edge.vision.bundle_promotion import promote
from edge.vision.manifest import Calibration, Manifest, Reference
from tests.patch_encoder import grey_part

PICTURES = [grey_part(1), grey_part(2, size=(48, 80))]


def manifest(category: str = "pcb", *, threshold: float | None = 0.7) -> Manifest:
    return Manifest(
        category=category,
        encoder="patches",
        weights_sha256="a" * 64,
        input_size=64,
        references=(Reference(file="01.png", source="one.jpg"), Reference(file="02.png", source="two.jpg")),
        threshold=threshold,
        scale=Scale(0.1, 0.7, 1.4),
        calibration=Calibration(
            grade="first",
            method="by hand",
            loo_scores=(0.7, 0.6),
            tokens={"s8": 5},
            created="2026-11-21T00:00:00+00:00",
            controls={"exposure": 0.01},
        ),
    )


def bank(seed: int = 0) -> Arrays:
    rng = np.random.default_rng(seed)
    return {"s8": rng.random((2, 5, 4), np.float32), "s16": rng.random((2, 3, 4), np.float32)}


def saved(bundles_dir: Path, category: str = "pcb", *, threshold: float = 0.7, promoted: bool = True) -> Path:
    """The folder of the category's next bundle."""
    folder = save_bundle(bundles_dir, manifest(category, threshold=threshold), PICTURES, bank=bank())
    if promoted:
        promote(bundles_dir, category, int(folder.name))
    return folder
