"""What a bundle's manifest says of a calibration, and the heads' tensors as the arrays that lie beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from torch import Tensor

from calibration.ingredients import Ingredients
from calibration.keepsakes import Keepsakes
from calibration.known_parts import Scores
from calibration.leave_one_out import LeftOut
from calibration.promise.threshold import Threshold
from calibration.reference_heads import as_tensors
from calibration.references.collect import Taken
from calibration.scale import fixed_scale
from calibration.scene.files import SceneFacts
from edge.vision.bundle import Arrays
from edge.vision.features import Encoder
from edge.vision.heads import Heads
from edge.vision.manifest import BankCost, Calibration, Manifest, Reference, SeenBefore, Session
from edge.vision.part_box import PartBox


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """What known parts outside the bank scored, the threshold that this gave, and what is kept of them."""

    good: Sequence[Scores]
    bad: Sequence[Scores]
    threshold: Threshold
    kept: Keepsakes


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What was found out on the way to a bundle; cost: of a memory budget, None without one.

    seen_before: see edge.vision.manifest.Calibration
    """

    box: PartBox | None
    scene: SceneFacts
    left_out: LeftOut
    known: Known
    cost: BankCost | None
    seen_before: SeenBefore | None


def manifest_of(
    encoder: Encoder,
    references: Sequence[Taken],
    ingredients: Ingredients,
    heads: Heads,
    found: Found,
    *,
    category: str,
    controls: Mapping[str, float],
    session: Session | None,
    made_from: str | None,
) -> Manifest:
    """The manifest, but for the hashes of the files that `save_bundle` writes."""
    known = found.known
    return Manifest(
        category=category,
        encoder=encoder.name,
        weights_sha256=encoder.weights_sha256,
        input_size=encoder.input_size,
        precision=encoder.precision,
        references=name_references(references),
        recipe=ingredients.recipe.name,
        object_name=ingredients.object_name,
        peak_scale=found.left_out.peak_scale,
        head_limits=found.left_out.head_limits,
        part_box=found.box,
        area=found.scene.area,
        align=found.scene.align,
        empty=found.scene.empty,
        threshold=known.threshold.value,
        defect_threshold=known.threshold.defect,
        scale=fixed_scale(
            [*found.left_out.looks, *(one for each in known.good for one in each.looks)],
            recipe=heads.recipe,
            threshold=known.threshold.value,
        ),
        normal=known.kept.normal,
        check=known.kept.check,
        calibration=Calibration(
            grade=known.threshold.grade,
            method=known.threshold.method,
            promise=known.threshold.promise,
            loo_scores=found.left_out.scores,
            good=tuple(each.part for each in known.good),
            bad=tuple(each.part for each in known.bad),
            tokens={
                name: vectors.shape[1]
                for name, vectors in {**(heads.bank or {}), **as_tensors(heads.neighbours)}.items()
            },
            bank_cost=found.cost,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            controls=dict(controls),
            session=session,
            made_from=made_from,
            seen_before=found.seen_before,
        ),
    )


def embeddings_of(heads: Heads) -> dict[str, Tensor]:
    """What the bundle keeps of prompts and pictures, by name."""
    all_there = {"text": heads.text, "pair": heads.pair, "references": heads.references}
    return {name: tensor for name, tensor in all_there.items() if tensor is not None}


def name_references(references: Sequence[Taken]) -> tuple[Reference, ...]:
    """File names inside the bundle: 01.png, 02.png, ..., with as many digits as the last needs, so that they sort."""
    digits = max(2, len(str(len(references))))
    return tuple(
        Reference(file=f"{n:0{digits}}.png", source=each.source, learned=each.learned, size=_size(each))
        for n, each in enumerate(references, 1)
    )


def _size(reference: Taken) -> tuple[int, int]:
    height, width = reference.pixels.shape[:2]
    return width, height


def as_arrays(tensors: Mapping[str, Tensor]) -> Arrays:
    """Float32 tensors as numpy arrays on the CPU."""
    return {name: tensor.float().cpu().numpy() for name, tensor in tensors.items()}
