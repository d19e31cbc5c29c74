"""References -> bank, threshold and scale -> the next version of a category's bundle."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from calibration.coreset import keep_farthest, tokens_to_keep
from calibration.references import Taken
from calibration.threshold import Threshold, first_threshold, heatmap_scale
from edge.vision.bundle import Bank, save_bundle
from edge.vision.features import Encoder, Features
from edge.vision.few_shot import few_shot_map
from edge.vision.manifest import Calibration, Manifest, Reference


@dataclass(frozen=True, slots=True, eq=False)
class Built:
    """What calibration made: the bundle's folder and manifest, and what its threshold is worth."""

    folder: Path
    manifest: Manifest
    threshold: Threshold


def build(
    encoder: Encoder,
    references: Sequence[Taken],
    *,
    category: str,
    bundles_dir: Path,
    controls: Mapping[str, float] | None = None,
    keep: int | None = None,
) -> Built:
    """Make and promote the next bundle of a category from pictures of good parts.

    controls: what was locked at the camera
    keep:     patch tokens that a stage keeps from each reference, at most; default: `tokens_to_keep`
    Raises EdgeError for an impossible category name, or references that are all the same.
    """
    features = [encoder.encode(encoder.prepare([reference.pixels])) for reference in references]
    bank = memory_bank(features, keep=keep or tokens_to_keep(encoder.input_size))
    maps = leave_one_out(features, bank)
    threshold = first_threshold([float(one.max()) for one in maps])
    calibration = Calibration(
        grade=threshold.grade,
        method=threshold.method,
        loo_scores=tuple(float(one.max()) for one in maps),
        tokens={name: vectors.shape[1] for name, vectors in bank.items()},
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        controls=dict(controls or {}),
    )
    manifest = Manifest(
        category=category,
        encoder=encoder.name,
        weights_sha256=encoder.weights_sha256,
        input_size=encoder.input_size,
        references=name_references(references),
        threshold=threshold.value,
        scale=None if threshold.value is None else heatmap_scale(maps, threshold.value),
        calibration=calibration,
    )
    folder = save_bundle(bundles_dir, manifest, as_arrays(bank), [reference.pixels for reference in references])
    return Built(folder, manifest, threshold)


def name_references(references: Sequence[Taken]) -> tuple[Reference, ...]:
    """File names inside the bundle: 01.png, 02.png, ... in order."""
    return tuple(Reference(file=f"{n:02}.png", source=each.source) for n, each in enumerate(references, 1))


def memory_bank(features: Sequence[Features], *, keep: int) -> dict[str, Tensor]:
    """By stage name, [R, N, C] unit vectors from the features of R pictures, at most `keep` tokens from each."""
    stages = features[0].stages
    together = {name: torch.cat([each.stages[name] for each in features]) for name in stages}
    return {name: keep_farthest(functional.normalize(tokens, dim=-1), keep) for name, tokens in together.items()}


def leave_one_out(features: Sequence[Features], bank: Mapping[str, Tensor]) -> NDArray[np.float32]:
    """[R, h, w]: each reference's map when the others alone are the bank; [0, 1, 1] if there is but one reference."""
    count = len(features)
    if count < 2:
        return np.zeros((0, 1, 1), np.float32)
    maps = []
    for index, own in enumerate(features):
        others = [other for other in range(count) if other != index]
        maps.append(few_shot_map(own, {name: vectors[others] for name, vectors in bank.items()}).map[0])
    return np.asarray(torch.stack(maps).cpu().numpy(), np.float32)


def as_arrays(bank: Mapping[str, Tensor]) -> Bank:
    """The bank as numpy arrays on the CPU."""
    return {name: vectors.cpu().numpy() for name, vectors in bank.items()}
