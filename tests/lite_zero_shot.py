"""What the adapters of `lite` are worth on real pictures, alone and added to the few-shot map.

`python -m tests.lite_zero_shot ../shared/data/magnetic_tile ...` prints a row a folder: image AUROC (score: the map's
maximum), pixel AUROC and PRO without any reference. With `--draws 3` also image AUROC / pixel AUROC of the few-shot map
of four references (equation 4 as written) alone and with the adapted map added at each of WEIGHTS, mean over the draws.
`--adapters FILE` measures another file than the shipped one; `--kinds` adds the image AUROC of each kind of defect
against all good parts, a kind being what stands before the first `_` of a file's name.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from calibration.coreset import tokens_to_keep
from calibration.datasets import Category, Sample, open_dataset, read_mask
from calibration.evaluation.metrics import image_metrics
from calibration.evaluation.pixel_metrics import PixelCounts
from calibration.reference_heads import memory_bank
from edge.line.picture import read_picture
from edge.vision.adapters import load_adapters
from edge.vision.encoder import open_encoder
from edge.vision.features import Encoder, Features
from edge.vision.few_shot import few_shot_map
from edge.vision.lite_adapters import shipped_adapters_path
from edge.vision.zero_shot import Adapters, zero_shot_map

WEIGHTS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.5)
"""Of the adapted map, 0..2 as shipped, beside the few-shot map's 1."""

REFERENCES = 4


@dataclass(frozen=True, slots=True)
class Worth:
    """Image AUROC, pixel AUROC and PRO; the last two None where no mask is known."""

    image: float | None
    pixel: float | None
    pro: float | None


class Judged:
    """Maps of one kind, as they come: image scores and pixel counts."""

    def __init__(self) -> None:
        self._kinds: list[str] = []
        self._labels: list[bool] = []
        self._scores: list[float] = []
        self._pixels = PixelCounts()
        self._masks = 0

    def add(self, sample: Sample, anomaly_map: torch.Tensor, mask: NDArray[np.bool_] | None) -> None:
        """Count one picture's [S, S] map; no mask: the image score alone."""
        self._kinds.append(sample.file.stem.partition("_")[0])
        self._labels.append(sample.defect)
        self._scores.append(float(anomaly_map.max()))
        if mask is not None:
            self._pixels.add(anomaly_map.numpy().copy(), mask)
            self._masks += sample.defect

    def worth(self) -> Worth:
        """What the maps so far are worth."""
        image = image_metrics(self._labels, self._scores).auroc
        if not self._masks:
            return Worth(image, None, None)
        pixels = self._pixels.metrics()
        return Worth(image, pixels.auroc, pixels.pro)

    def by_kind(self) -> dict[str, float | None]:
        """Image AUROC of each kind of defect against all good parts."""
        judged = list(zip(self._labels, self._kinds, self._scores, strict=True))
        aurocs = {}
        for kind in sorted({kind for defect, kind, _ in judged if defect}):
            some = [(defect, score) for defect, own, score in judged if not defect or own == kind]
            aurocs[kind] = image_metrics([defect for defect, _ in some], [score for _, score in some]).auroc
        return aurocs


def seen(encoder: Encoder, samples: Sequence[Sample]) -> Iterator[tuple[Sample, Features, NDArray[np.bool_] | None]]:
    """Each picture with its features and, where known, its mask at the encoder's size."""
    side = (encoder.input_size, encoder.input_size)
    for sample in samples:
        mask = read_mask(sample, size=side) if sample.pixels_known else None
        yield sample, encoder.encode(encoder.prepare([read_picture(sample.file)])), mask


def zero_shot(encoder: Encoder, adapters: Adapters, samples: Sequence[Sample]) -> Judged:
    """The adapted map alone."""
    assert adapters.classes is not None
    judged = Judged()
    for sample, features, mask in seen(encoder, samples):
        judged.add(sample, zero_shot_map(features, adapters, adapters.classes, side=encoder.input_size)[0], mask)
    return judged


def sums_worth(encoder: Encoder, adapters: Adapters, category: Category, *, draws: int) -> dict[float, list[Worth]]:
    """By weight, of few-shot map + weight * adapted map, one for each draw of references."""
    assert adapters.classes is not None
    banks = []
    for seed in range(draws):
        drawn = np.random.default_rng(seed).choice(len(category.normal), REFERENCES, replace=False)
        features = [encoder.encode(encoder.prepare([read_picture(category.normal[i])])) for i in drawn]
        banks.append(memory_bank(features, keep=tokens_to_keep(encoder.input_size)))
    side = encoder.input_size
    judged = {weight: [Judged() for _ in banks] for weight in WEIGHTS}
    for sample, features, mask in seen(encoder, category.test):
        adapted = zero_shot_map(features, adapters, adapters.classes, side=side)[0]
        for number, bank in enumerate(banks):
            small = few_shot_map(features, bank).map[:, None]
            few = functional.interpolate(small, size=(side, side), mode="bilinear", align_corners=True)[0, 0]
            for weight in WEIGHTS:
                judged[weight][number].add(sample, few + weight * adapted, mask)
    return {weight: [each.worth() for each in some] for weight, some in judged.items()}


def row(encoder: Encoder, adapters: Adapters, folder: Path, *, draws: int, kinds: bool) -> list[str]:
    """A folder's line of the table."""
    (category,) = open_dataset("folder", folder).categories
    bad = sum(sample.defect for sample in category.test)
    judged = zero_shot(encoder, adapters, category.test)
    worth = judged.worth()
    cells = [f"{category.name} ({len(category.test) - bad} + {bad})", *map(said, (worth.image, worth.pixel, worth.pro))]
    if draws:
        sums = sums_worth(encoder, adapters, category, draws=draws)
        cells += [f"{mean([w.image for w in some])} / {mean([w.pixel for w in some])}" for some in sums.values()]
    if kinds:
        cells.append(", ".join(f"{kind} {said(value)}" for kind, value in judged.by_kind().items()))
    return cells


def said(value: float | None) -> str:
    """`0.123`, or `-`."""
    return "-" if value is None else f"{value:.3f}"


def mean(values: Sequence[float | None]) -> str:
    """Their mean, `-` if one is None."""
    known = [value for value in values if value is not None]
    return said(float(np.mean(known)) if len(known) == len(values) else None)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--adapters", type=Path, default=shipped_adapters_path())
    parser.add_argument("--input-size", type=int, default=None, help="default: what the adapters were trained at")
    parser.add_argument("--draws", type=int, default=0)
    parser.add_argument("--kinds", action="store_true")
    options = parser.parse_args()
    adapters, card = load_adapters(options.adapters, device="cpu")
    encoder = open_encoder("lite", input_size=options.input_size or card.input_size, device="cpu")
    titles = ["pictures (good + bad)", "image AUROC", "pixel AUROC", "PRO"]
    titles += [f"few-shot + {weight:g} x adapters" for weight in WEIGHTS] if options.draws else []
    titles += ["by kind"] if options.kinds else []
    sys.stdout.write(f"| {' | '.join(titles)} |\n|{'---|' * len(titles)}\n")
    for folder in options.folders:
        cells = row(encoder, adapters, folder, draws=options.draws, kinds=options.kinds)
        sys.stdout.write(f"| {' | '.join(cells)} |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
