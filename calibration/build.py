"""References -> bank, threshold and scale -> the next version of a category's bundle."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from torch import Tensor

from calibration.coreset import tokens_to_keep
from calibration.ingredients import Ingredients, default_recipe, gather_ingredients
from calibration.leave_one_out import LeftOut, leave_one_out
from calibration.reference_heads import as_tensors, heads_of, look_at
from calibration.references import Taken
from calibration.threshold import Threshold, first_threshold, heatmap_scale
from edge.errors import EdgeError
from edge.frame import Pixels
from edge.verdict import Scale
from edge.vision.bundle import Arrays, save_bundle
from edge.vision.features import Encoder
from edge.vision.heads import Heads
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
    ingredients: Ingredients | None = None,
    controls: Mapping[str, float] | None = None,
    keep: int | None = None,
    closer_look: bool = True,
) -> Built:
    """Make and promote the next bundle of a category from pictures of good parts.

    ingredients: the recipe and what its heads need; default: `default_recipe`
    controls:    what was locked at the camera
    keep:        patch tokens that a stage keeps from each reference, at most; default: `tokens_to_keep`
    closer_look: whether the neighbourhood head looks at the part by itself too, if it lies in one place
    Raises EdgeError for an impossible category name, references that are all the same, or a head without its parts.
    """
    ingredients = ingredients or gather_ingredients(encoder, default_recipe(encoder))
    pictures = [reference.pixels for reference in references]
    _check_different(pictures)
    looks = look_at(encoder, pictures, closer=closer_look and "neighbourhood" in ingredients.recipe.maps)
    heads = heads_of(looks, ingredients, keep=keep or tokens_to_keep(encoder.input_size))
    left_out = leave_one_out(looks, heads, side=encoder.input_size)
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
        part_box=looks.box,
        threshold=threshold.value,
        scale=scale_of(left_out),
        calibration=_calibration(threshold, left_out, heads, controls or {}),
    )
    folder = save_bundle(
        bundles_dir,
        manifest,
        pictures,
        bank=as_arrays(heads.bank or {}),
        neighbours=as_arrays(as_tensors(heads.neighbours)),
        embeddings=as_arrays(_embeddings(heads)),
        trained=ingredients.trained,
    )
    return Built(folder, manifest, threshold)


def _check_different(pictures: Sequence[Pixels]) -> None:
    """Raises EdgeError if there are several pictures and all are one."""
    if len(pictures) > 1 and all(np.array_equal(pictures[0], other) for other in pictures[1:]):
        n = len(pictures)
        raise EdgeError(f"the {n} references are one and the same picture. Take pictures of {n} different good parts.")


def scale_of(left_out: LeftOut) -> Scale | None:
    """The heatmap's fixed scale, marked where no reference's map reached; None without a map or a second reference."""
    if left_out.maps is None or left_out.largest_peak is None:
        return None
    return heatmap_scale(left_out.maps, left_out.largest_peak)


def _calibration(threshold: Threshold, left_out: LeftOut, heads: Heads, controls: Mapping[str, float]) -> Calibration:
    kept = {**(heads.bank or {}), **as_tensors(heads.neighbours)}
    return Calibration(
        grade=threshold.grade,
        method=threshold.method,
        loo_scores=left_out.scores,
        tokens={name: vectors.shape[1] for name, vectors in kept.items()},
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        controls=dict(controls),
    )


def _embeddings(heads: Heads) -> dict[str, Tensor]:
    """What the bundle keeps of prompts and pictures, by name."""
    all_there = {"text": heads.text, "pair": heads.pair, "references": heads.references}
    return {name: tensor for name, tensor in all_there.items() if tensor is not None}


def name_references(references: Sequence[Taken]) -> tuple[Reference, ...]:
    """File names inside the bundle: 01.png, 02.png, ... in order."""
    return tuple(Reference(file=f"{n:02}.png", source=each.source) for n, each in enumerate(references, 1))


def as_arrays(tensors: Mapping[str, Tensor]) -> Arrays:
    """Float32 tensors as numpy arrays on the CPU."""
    return {name: tensor.float().cpu().numpy() for name, tensor in tensors.items()}
