"""A data set's labelled test pictures as a training source: read, put together to mosaics, encoded, cached."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from calibration.adapters.feature_cache import FeatureCache
from calibration.adapters.mosaic import Draw, Mask, epoch_plan, mosaic, truth_at
from calibration.adapters.protocols import Protocol
from calibration.adapters.training import Batch
from calibration.datasets import Dataset, Sample, read_mask
from edge.errors import EdgeError
from edge.frame import Pixels
from edge.line.picture import read_picture
from edge.vision.adapters import fingerprint
from edge.vision.features import Encoder, Features


@dataclass(frozen=True, eq=False)
class DatasetSource:
    """Implements calibration.adapters.training.TrainingSource.

    samples:     test pictures whose pixels' labels are known, good ones among them
    classes:     by category, [2, D] class vectors on the encoder's device; empty where they are learned
    numbers:     the protocol; of it, the share of mosaics
    """

    encoder: Encoder
    samples: Sequence[Sample]
    cache: FeatureCache
    classes: Mapping[str, Tensor]
    numbers: Protocol
    seed: int

    def epoch(self, number: int) -> Sequence[Draw]:
        """See TrainingSource."""
        categories = [sample.category for sample in self.samples]
        return epoch_plan(categories, mosaic_rate=self.numbers.mosaic_rate, seed=self.seed, epoch=number)

    def load(self, draws: Sequence[Draw], *, epoch: int) -> Batch:
        """See TrainingSource. Every picture is encoded alone: what a batch holds must not change a bit."""
        device = self.encoder.device
        features = joined([self._features(draw) for draw in draws])
        truth = torch.from_numpy(np.stack([self._truth(draw) for draw in draws])).to(device)
        if not self.classes:
            return Batch(features, truth, None)
        own = [self.classes[self.samples[draw.samples[0]].category] for draw in draws]
        return Batch(features, truth, torch.stack(own))

    @cached_property
    def fingerprints(self) -> tuple[str, ...]:
        """What a card calls each sample's picture."""
        return tuple(fingerprint(sample.file) for sample in self.samples)

    def _features(self, draw: Draw) -> Features:
        """A mosaic is not cached: the same four never come again."""
        if len(draw.samples) > 1:
            return self.encoder.encode(self.encoder.prepare([self._picture(draw)]))
        picture = self.fingerprints[draw.samples[0]]
        return self.cache.features(picture, lambda: self.encoder.prepare([self._picture(draw)]))

    def _picture(self, draw: Draw) -> Pixels:
        pictures = [read_picture(self.samples[index].file) for index in draw.samples]
        return pictures[0] if len(pictures) == 1 else mosaic(pictures)

    def _truth(self, draw: Draw) -> Mask:
        masks = [read_mask(self.samples[index]) for index in draw.samples]
        return truth_at(masks[0] if len(masks) == 1 else mosaic(masks), self.encoder.input_size)


def joined(each: Sequence[Features]) -> Features:
    """Features of one picture each -> features of all, without `pooled`, free of inference mode."""
    names = each[0].stages
    return Features(None, {name: torch.cat([one.stages[name] for one in each]) for name in names}, each[0].grids)


def usable(dataset: Dataset) -> tuple[list[Sample], list[Path]]:
    """The test pictures to train on, and those left out because nobody knows where their defect is.

    Raises EdgeError if no defect with a mask is left.
    """
    every = [sample for category in dataset.categories for sample in category.test]
    known = [sample for sample in every if sample.pixels_known]
    if not any(sample.defect for sample in known):
        raise EdgeError(f"{dataset.name}: no defective test picture has a mask, and adapters learn from masks.")
    return known, [sample.file for sample in every if not sample.pixels_known]
