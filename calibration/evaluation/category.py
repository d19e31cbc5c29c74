"""A category's test pictures stream through the encoder once; every column's scores and pixel counts grow with them."""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from calibration.datasets import Category, Sample
from calibration.evaluation.columns import Setting
from calibration.evaluation.encoder_pass import at_input_size, encode, score
from calibration.evaluation.metrics import image_metrics, vand_harmonic
from calibration.evaluation.pixel_metrics import PixelCounts
from calibration.evaluation.read_ahead import Mask, read_ahead
from edge.errors import EdgeError
from edge.vision.features import Encoder
from edge.vision.heads import Heads, Scored
from edge.vision.recipe import Recipe

IMAGE_SCORES = ("line", "min-max")
"""Ways to score a picture: as the product does, and as APRIL-GAN's reference implementation does; see Column."""

OnMap = Callable[[Setting, Sample, NDArray[np.float32]], None]
"""Told every map, [S, S] float32 at the encoder's input size."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One column of one category.

    values: by key of tables.METRICS (and `pixel_pro_exact`), 0..1, None where undefined
    scores: image scores in the order of the category's test pictures
    """

    setting: Setting
    values: dict[str, float | None]
    scores: list[float]


@dataclass(slots=True)
class Seconds:
    """Wall time: of the encoder, of all columns' heads, and of what counting pixels takes longer than the heads."""

    encoder: float = 0.0
    heads: float = 0.0
    counting: float = 0.0


@dataclass(slots=True)
class Column:
    """What has streamed into one column so far.

    peaks, texts: map maxima and text scores, for the reproduction mode
    pixels:       counts of the `counted` maps whose pixels' labels are known
    """

    setting: Setting
    heads: Heads
    scores: list[float] = field(default_factory=list)
    peaks: list[float] = field(default_factory=list)
    texts: list[float] = field(default_factory=list)
    pixels: PixelCounts = field(default_factory=PixelCounts)
    counted: int = 0

    def add(self, scored: Scored, *, side: int) -> NDArray[np.float32] | None:
        """Keep the numbers of a batch; its maps, [B, side, side] on the CPU, None if the recipe has none."""
        self.scores += scored.score.tolist()
        if scored.peak is not None and "text" in scored.head_scores:
            self.peaks += scored.peak.tolist()
            self.texts += scored.head_scores["text"].tolist()
        return None if scored.map is None else at_input_size(scored.map, side).cpu().numpy()

    def image_scores(self, kind: str) -> list[float]:
        """The image scores: `line` as the recipe combines them; `min-max` see `min_max_scores`.

        Without references both are the same: there the papers take the text score alone.
        """
        if kind == "line" or self.setting.shots == 0:
            return self.scores
        return min_max_scores(self.texts, self.peaks)


def min_max_scores(texts: Sequence[float], peaks: Sequence[float]) -> list[float]:
    """APRIL-GAN's reference implementation: half of text score + map maximum min-maxed over the whole test set.

    It needs all test pictures before it can score one, so it can reproduce the published tables and cannot run on a
    line. If all maxima are equal, they count 0.
    """
    lowest, span = min(peaks), max(peaks) - min(peaks)
    return [0.5 * (text + ((peak - lowest) / span if span else 0.0)) for text, peak in zip(texts, peaks, strict=True)]


def check_image_score(kind: str, recipes: Mapping[int, Recipe]) -> None:
    """Raises EdgeError for a way to score that the recipes, by number of shots, cannot have."""
    if kind not in IMAGE_SCORES:
        raise EdgeError(f"unknown image score {kind!r}. There is: {', '.join(IMAGE_SCORES)}.")
    for shots, recipe in recipes.items():
        if kind == "min-max" and shots and not ("text" in recipe.scores and set(recipe.maps) - set(recipe.scores)):
            raise EdgeError(
                f"image score min-max adds text score and map maximum, but recipe {recipe.name} lacks one of them. "
                "Use --recipe april-gan, or --image-score line."
            )


def evaluate_category(
    encoder: Encoder,
    category: Category,
    heads: Mapping[Setting, Heads],
    *,
    image_score: str = "line",
    multi_crop: bool = False,
    batch: int = 4,
    on_map: OnMap | None = None,
    done: Callable[[int], None] = lambda _: None,
) -> tuple[list[Measured], Seconds]:
    """Score a category's test pictures in every column, with one encoder pass a picture (or crop, or box).

    image_score: `line` or `min-max`;  batch: pictures in a pass;  done: told after each batch how many
    Pixel metrics are taken at the encoder's input size over the pictures whose pixels are known; without a mask in the
    category there are none. Memory doesn't grow with the number of pictures, but for their scores.
    """
    columns = [Column(setting, one) for setting, one in heads.items()]
    boxes = {one.box for one in heads.values() if one.box is not None}
    with_masks = any(sample.mask is not None for sample in category.test)
    seconds = Seconds()
    side = encoder.input_size
    with ThreadPoolExecutor(os.cpu_count()) as counters:  # sorting pixels frees Python's lock
        for samples, pictures, masks in read_ahead(category.test, batch, side=side if with_masks else None):
            with _timed(seconds, "encoder"):
                encoded = encode(encoder, pictures, multi_crop=multi_crop, boxes=boxes)
                if encoder.device.type == "cuda":
                    torch.cuda.synchronize()
            counting = []
            with _timed(seconds, "heads"):
                for column in columns:
                    maps = column.add(score(encoded, column.heads, side=side), side=side)
                    if maps is not None:
                        counting.append(counters.submit(_count, column, samples, maps, masks, on_map))
            with _timed(seconds, "counting"):
                for each in counting:
                    each.result()
            done(len(samples))
    return [_measure(column, category, image_score) for column in columns], seconds


@contextmanager
def _timed(seconds: Seconds, part: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    setattr(seconds, part, getattr(seconds, part) + time.perf_counter() - start)


def _count(
    column: Column,
    samples: Sequence[Sample],
    maps: NDArray[np.float32],
    masks: Sequence[Mask | None],
    on_map: OnMap | None,
) -> None:
    for sample, one, mask in zip(samples, maps, masks, strict=True):
        if mask is not None:
            column.pixels.add(one, mask)
            column.counted += 1
        if on_map is not None:
            on_map(column.setting, sample, one)


def _measure(column: Column, category: Category, image_score: str) -> Measured:
    scores = column.image_scores(image_score)
    image = image_metrics([sample.defect for sample in category.test], scores)
    values: dict[str, float | None] = {f"image_{name}": value for name, value in asdict(image).items()}
    if column.counted:
        pixel = column.pixels.metrics()
        values |= {f"pixel_{name}": value for name, value in asdict(pixel).items()}
        values["harmonic_mean"] = vand_harmonic(image.f1_max, pixel.f1_max)
    return Measured(column.setting, values, scores)
