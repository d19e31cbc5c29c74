"""References -> bank, threshold and scale -> the next version of a category's bundle."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from calibration.coreset import keep_farthest, tokens_to_keep
from calibration.ingredients import Ingredients, gather_ingredients, reference_embeddings
from calibration.leave_one_out import LeftOut, leave_one_out
from calibration.references import Taken
from calibration.threshold import Threshold, first_threshold, heatmap_scale
from edge.verdict import Scale
from edge.vision.bundle import Arrays, save_bundle
from edge.vision.features import Encoder, Features
from edge.vision.manifest import Calibration, Manifest, Reference
from edge.vision.recipe import NAMED


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
    ingredients: Ingredients | None = None,
    controls: Mapping[str, float] | None = None,
    keep: int | None = None,
) -> Built:
    """Make and promote the next bundle of a category from pictures of good parts.

    ingredients: the recipe and what its heads need; default: the few-shot head alone
    controls:    what was locked at the camera
    keep:        patch tokens that a stage keeps from each reference, at most; default: `tokens_to_keep`
    Raises EdgeError for an impossible category name, references that are all the same, or a head without its parts.
    """
    ingredients = ingredients or gather_ingredients(encoder, NAMED["few-shot"])
    features = [encoder.encode(encoder.prepare([reference.pixels])) for reference in references]
    bank = None
    if "few-shot" in ingredients.recipe.maps:
        bank = memory_bank(features, keep=keep or tokens_to_keep(encoder.input_size))
    embedded = reference_embeddings(features, ingredients.recipe)
    ingredients.heads(bank=bank, references=embedded)  # what is missing is said before the work
    left_out = leave_one_out(features, ingredients, bank=bank, references=embedded, side=encoder.input_size)
    threshold = first_threshold(left_out.scores)
    manifest = Manifest(
        category=category,
        encoder=encoder.name,
        weights_sha256=encoder.weights_sha256,
        input_size=encoder.input_size,
        precision=encoder.precision,
        references=name_references(references),
        recipe=ingredients.recipe.name,
        object_name=ingredients.object_name,
        peak_scale=left_out.peak_scale,
        head_limits=left_out.head_limits,
        threshold=threshold.value,
        scale=scale_of(left_out),
        calibration=_calibration(threshold, left_out, bank or {}, controls or {}),
    )
    folder = save_bundle(
        bundles_dir,
        manifest,
        [reference.pixels for reference in references],
        bank=as_arrays(bank or {}),
        embeddings=as_arrays(_embeddings(ingredients, embedded)),
        trained=ingredients.trained,
    )
    return Built(folder, manifest, threshold)


def scale_of(left_out: LeftOut) -> Scale | None:
    """The heatmap's fixed scale, marked where no reference's map reached; None without a map or a second reference."""
    if left_out.maps is None or left_out.largest_peak is None:
        return None
    return heatmap_scale(left_out.maps, left_out.largest_peak)


def _calibration(
    threshold: Threshold, left_out: LeftOut, bank: Mapping[str, Tensor], controls: Mapping[str, float]
) -> Calibration:
    return Calibration(
        grade=threshold.grade,
        method=threshold.method,
        loo_scores=left_out.scores,
        tokens={name: vectors.shape[1] for name, vectors in bank.items()},
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        controls=dict(controls),
    )


def _embeddings(ingredients: Ingredients, references: Tensor | None) -> dict[str, Tensor]:
    """What the bundle keeps of prompts and pictures, by name."""
    all_there = {"text": ingredients.text, "pair": ingredients.pair, "references": references}
    return {name: tensor for name, tensor in all_there.items() if tensor is not None}


def name_references(references: Sequence[Taken]) -> tuple[Reference, ...]:
    """File names inside the bundle: 01.png, 02.png, ... in order."""
    return tuple(Reference(file=f"{n:02}.png", source=each.source) for n, each in enumerate(references, 1))


def memory_bank(features: Sequence[Features], *, keep: int) -> dict[str, Tensor]:
    """By stage name, [R, N, C] unit vectors from the features of R pictures, at most `keep` tokens from each."""
    stages = features[0].stages
    together = {name: torch.cat([each.stages[name] for each in features]) for name in stages}
    return {name: keep_farthest(functional.normalize(tokens, dim=-1), keep) for name, tokens in together.items()}


def as_arrays(tensors: Mapping[str, Tensor]) -> Arrays:
    """Float32 tensors as numpy arrays on the CPU."""
    return {name: tensor.float().cpu().numpy() for name, tensor in tensors.items()}
