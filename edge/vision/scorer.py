"""Pictures in, verdicts out: one forward pass for a batch, then each category's own bank and threshold."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from edge.frame import Pixels
from edge.settings import Settings
from edge.verdict import AnomalyMap, Nearest, Outcome, Reason, Verdict
from edge.vision.bundle import Bundle, load_bundle
from edge.vision.encoder import open_encoder
from edge.vision.features import Encoder, Features
from edge.vision.few_shot import MemoryBank, few_shot_map
from edge.vision.regions import find_regions

HEAD = "few_shot"


@dataclass(frozen=True, slots=True, eq=False)
class _Loaded:
    bundle: Bundle
    bank: MemoryBank


class VisionScorer:
    """Judges pictures with one encoder and the bundles in `bundles_dir`. Not for use from several threads."""

    def __init__(self, encoder: Encoder, bundles_dir: Path) -> None:
        self._encoder = encoder
        self._bundles_dir = bundles_dir
        self._loaded: dict[str, _Loaded] = {}

    def load(self, category: str) -> None:
        """Load, or load again, the category's bundle in use and move its bank to the encoder's device.

        Raises EdgeError if there is none, it was changed, or it was made with another encoder or input size.
        """
        bundle = load_bundle(self._bundles_dir, category)
        encoder = self._encoder
        bundle.check_fits(encoder.name, encoder.weights_sha256, encoder.input_size)
        bank = {name: torch.from_numpy(vectors).to(encoder.device) for name, vectors in bundle.bank.items()}
        self._loaded[category] = _Loaded(bundle, bank)

    def score(self, pictures: Sequence[Pixels], categories: Sequence[str | None]) -> list[Verdict]:
        """One verdict a picture, in order.

        pictures:   [H, W, 3] uint8 RGB each, of any sizes
        categories: what each shows, each loaded before (KeyError otherwise); None is `unsure: uncalibrated`, not run
        """
        known = [index for index, category in enumerate(categories) if category is not None]
        verdicts = [Verdict(Outcome.UNSURE, Reason.UNCALIBRATED) for _ in pictures]
        if not known:
            return verdicts
        features = self._encoder.encode(self._encoder.prepare([pictures[index] for index in known]))
        for category in dict.fromkeys(categories):
            if category is None:
                continue
            rows = [row for row, index in enumerate(known) if categories[index] == category]
            loaded = self._loaded[category]
            maps, distances = _run_head(features.select(rows), loaded.bank)
            for row, anomaly_map, to_references in zip(rows, maps, distances, strict=True):
                index = known[row]
                verdicts[index] = judge(anomaly_map, to_references, loaded.bundle, shape=pictures[index].shape)
        return verdicts


def open_scorer(settings: Settings) -> VisionScorer:
    """The scorer that the settings describe; it has no bundle loaded yet. Raises EdgeError as open_encoder."""
    encoder = open_encoder(settings.encoder, input_size=settings.input_size, device=settings.device)
    return VisionScorer(encoder, settings.bundles)


def judge(anomaly_map: AnomalyMap, distances: Sequence[float], bundle: Bundle, *, shape: tuple[int, ...]) -> Verdict:
    """The verdict that a bundle's threshold gives on one map.

    distances: to each reference, in the order of the bundle's references
    shape:     (H, W, ...) of the picture
    The score is the map's maximum; above the threshold it is a defect. Raises FloatingPointError if it is no finite
    number, which only a broken network or device can give: such a frame must not end as `ok`.
    """
    manifest = bundle.manifest
    score = float(anomaly_map.max())
    if not math.isfinite(score):
        raise FloatingPointError(f"category {manifest.category}: the anomaly score is {score}")
    threshold = manifest.threshold
    regions = find_regions(anomaly_map, math.inf if threshold is None else threshold, width=shape[1], height=shape[0])
    outcome, reason = _outcome(score, threshold)
    nearest = int(np.argmin(distances))
    return Verdict(
        outcome,
        reason,
        score=score,
        threshold=threshold,
        head_scores={HEAD: score},
        regions=regions,
        nearest=Nearest(manifest.references[nearest].file, float(distances[nearest])),
        scale=manifest.scale,
        category=manifest.category,
        bundle=bundle.sha256,
        anomaly_map=anomaly_map,
    )


def _outcome(score: float, threshold: float | None) -> tuple[Outcome, Reason | None]:
    if threshold is None:
        return Outcome.UNSURE, Reason.NO_THRESHOLD
    if score > threshold:
        return Outcome.DEFECT, Reason.ABOVE_THRESHOLD
    return Outcome.OK, None


def _run_head(features: Features, bank: MemoryBank) -> tuple[list[AnomalyMap], list[list[float]]]:
    """Maps and distances to the references, on the CPU."""
    result = few_shot_map(features, bank)
    return list(result.map.cpu().numpy()), result.per_reference.tolist()
