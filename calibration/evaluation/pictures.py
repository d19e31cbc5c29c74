"""A category's pictures for the report: picture, mask, and each number of shots' map in colours that do not change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from calibration.datasets import Category, Sample, read_mask
from calibration.evaluation.columns import Setting
from calibration.evaluation.results import write_whole
from edge.frame import Pixels
from edge.line.opencv import cv2
from edge.line.picture import read_picture
from edge.vision.squash import squash

EXAMPLES = 3
"""Rows of pictures a category."""

CELL, GAP, HEAD, STRIP, FOOT = 216, 6, 26, 12, 44
"""Pixels: side of a picture with its edge, the edge, heights of a title, of the colours and of what lies below."""

WHITE = (255, 255, 255)


@dataclass(slots=True)
class Examples:
    """Keeps the maps of a few test pictures, and between which values all maps of the category lie.

    Only columns of seed 0 are shown.
    """

    chosen: Sequence[Sample]
    maps: dict[tuple[int, Path], NDArray[np.float32]] = field(default_factory=dict)
    scales: dict[int, tuple[float, float]] = field(default_factory=dict)

    def see(self, setting: Setting, sample: Sample, anomaly_map: NDArray[np.float32]) -> None:
        """Take note of a map [S, S]."""
        if setting.seed:
            return
        low, high = self.scales.get(setting.shots, (np.inf, -np.inf))
        self.scales[setting.shots] = min(low, float(anomaly_map.min())), max(high, float(anomaly_map.max()))
        if sample in self.chosen:
            self.maps[setting.shots, sample.file] = anomaly_map.copy()


def choose_examples(category: Category, count: int = EXAMPLES) -> list[Sample]:
    """Defects evenly spread over the test pictures, those with a mask if there are any."""
    defects = [sample for sample in category.test if sample.defect]
    shown = [sample for sample in defects if sample.mask is not None] or defects
    count = min(count, len(shown))
    return [shown[(2 * number + 1) * len(shown) // (2 * count)] for number in range(count)]


def draw(examples: Examples, file: Path, *, side: int) -> dict[str, tuple[float, float]]:
    """Write the pictures as a PNG; by what a column shows, the values at both ends of its colours.

    One row an example: picture, mask, each number of shots' map; below each column of maps its colours. Each number of
    shots has one scale, from the lowest to the highest value of all its maps of the category.
    side: pixels a side of the maps; the pictures are squashed to it
    """
    shots = sorted(examples.scales)
    columns = [
        [_titled("picture"), *(_cell(_picture(one, side)) for one in examples.chosen), _blank(FOOT)],
        [_titled("mask"), *(_cell(_mask(one, side)) for one in examples.chosen), _blank(FOOT)],
    ]
    for count in shots:
        scale = examples.scales[count]
        maps = [_cell(_coloured(examples.maps[count, one.file], scale)) for one in examples.chosen]
        columns.append([_titled(_title(count)), *maps, _legend(scale)])
    together = np.concatenate([np.concatenate(column) for column in columns], axis=1)
    write_whole(file, cv2.imencode(".png", cv2.cvtColor(together, cv2.COLOR_RGB2BGR))[1].tobytes())
    return {_title(count): examples.scales[count] for count in shots}


def _title(shots: int) -> str:
    return "zero-shot map" if shots == 0 else f"{shots}-shot map"


def _picture(sample: Sample, side: int) -> Pixels:
    return squash(read_picture(sample.file), side)[0].permute(1, 2, 0).numpy()


def _mask(sample: Sample, side: int) -> Pixels:
    """Defective pixels white; an unknown mask says so."""
    if not sample.pixels_known:
        return _written(np.full((side, side, 3), 255, np.uint8), "no mask", left=side // 3, base=side // 2)
    return np.repeat(read_mask(sample, size=(side, side))[..., None].astype(np.uint8) * 255, 3, axis=2)


def _coloured(values: NDArray[np.float32], scale: tuple[float, float]) -> Pixels:
    """[h, w] -> [h, w, 3] RGB in matplotlib's `inferno`, dark at the scale's low end."""
    low, high = scale
    grey = np.rint(255 * (values - low) / ((high - low) or 1.0)).clip(0, 255).astype(np.uint8)
    return np.asarray(cv2.cvtColor(cv2.applyColorMap(grey, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB), np.uint8)


def _legend(scale: tuple[float, float]) -> Pixels:
    """The colours from low to high, with the values at both ends."""
    strip = _coloured(np.tile(np.linspace(*scale, CELL - 2 * GAP, dtype=np.float32), (STRIP, 1)), scale)
    foot = _blank(FOOT)
    foot[GAP : GAP + STRIP, GAP:-GAP] = strip
    low, high = (f"{value:.3g}" for value in scale)
    base = FOOT - GAP
    return _written(_written(foot, low, left=GAP, base=base), high, left=CELL - GAP - 9 * len(high), base=base)


def _titled(text: str) -> Pixels:
    return _written(_blank(HEAD), text, left=GAP, base=HEAD - GAP)


def _written(canvas: Pixels, text: str, *, left: int, base: int) -> Pixels:
    """The canvas with black text on it, its base line `base` pixels from above."""
    cv2.putText(canvas, text, (left, base), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 1, cv2.LINE_AA)
    return canvas


def _cell(pixels: Pixels) -> Pixels:
    """[side, side, 3] -> [CELL, CELL, 3] with a white edge."""
    inside = CELL - 2 * GAP
    shrinks = len(pixels) > inside
    resized = cv2.resize(pixels, (inside, inside), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_NEAREST)
    return np.asarray(cv2.copyMakeBorder(resized, GAP, GAP, GAP, GAP, cv2.BORDER_CONSTANT, value=WHITE), np.uint8)


def _blank(height: int) -> Pixels:
    return np.full((height, CELL, 3), 255, np.uint8)


def describe(scales: Mapping[str, tuple[float, float]]) -> str:
    """The colour scales in a sentence."""
    said = ", ".join(f"{title} {low:.3g} to {high:.3g}" for title, (low, high) in scales.items())
    return f"Colours from dark to bright, the same for all pictures of the category: {said}."
