"""References -> bank, threshold and scale -> the next version of a category's bundle."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from torch import Tensor

from calibration.bank.coreset import tokens_to_keep
from calibration.bank.whole_bank import WholeBank
from calibration.ingredients import Ingredients, default_recipe, gather_ingredients
from calibration.keepsakes import Keeper, Keepsakes
from calibration.known_parts import Scores, Shown, look, outside_the_bank, score_part
from calibration.leave_one_out import LeftOut, leave_one_out
from calibration.promise.threshold import Threshold, Wish, check_reachable, set_threshold
from calibration.reference_heads import as_tensors, heads_of, look_at
from calibration.references.collect import PicturesOf, Taken
from calibration.scale import fixed_scale
from calibration.scene.files import SceneFacts, scene_facts, scene_files
from calibration.scene.teach import see_references, teach_empty
from edge.errors import EdgeError
from edge.frame import Pixels
from edge.vision.bundle import Arrays, save_bundle
from edge.vision.bundle_name import BundleName
from edge.vision.bundle_promotion import promote
from edge.vision.features import Encoder
from edge.vision.heads import Heads
from edge.vision.manifest import BankCost, Calibration, Manifest, Reference
from edge.vision.part_box import PartBox
from edge.vision.scene import PLAIN, Scene


@dataclass(frozen=True, slots=True, eq=False)
class Built:
    """What calibration made: the bundle's folder and manifest, and what its threshold is worth."""

    folder: Path
    manifest: Manifest
    threshold: Threshold

    @property
    def name(self) -> BundleName:
        """What people call the bundle."""
        return BundleName(self.manifest.category, int(self.folder.name))


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
    budget_bytes: int | None = None,
    good: Iterable[Shown] = (),
    bad: Iterable[Shown] = (),
    wish: Wish | None = None,
    promoted: bool = True,
    scene: Scene = PLAIN,
    empties: Sequence[Taken] = (),
    tell: Callable[[Sequence[float]], None] = lambda scores: None,
) -> Built:
    """Make the next bundle of a category from pictures of good parts.

    ingredients: the recipe and what its heads need; default: `default_recipe`
    controls:    what was locked at the camera
    keep:        patch tokens that a stage keeps from each reference, at most; default: `tokens_to_keep`
    closer_look: whether the neighbourhood head looks at the part by itself too, if it lies in one place
    budget_bytes: what the bank may take, see calibration.bank.budget; None: what it needs
    good, bad:   parts that are not references and known to be good or defective, read one by one when the heads stand
    wish:        what the thresholds should hold; default: a false-reject rate of 1 %
    tell:        is told the references' scores against each other before anything rests on them
    promoted:    whether the line is to use it at once
    scene:       what of the pictures counts and whether parts are registered (calibration.scene.teach)
    empties:     at least two pictures of the empty belt or fixture, or none
    Raises EdgeError for an impossible category name, references that are all the same or cannot be registered, parts
    that cannot be told from the empty view, a head without its parts, a budget too small for the references, or a
    threshold that no score can reach or that every good part exceeds.
    """
    ingredients = ingredients or gather_ingredients(encoder, default_recipe(encoder))
    pictures = PicturesOf(references)
    _check_different(pictures)
    sights = see_references(scene, references)
    looks = look_at(
        encoder,
        [sight.pixels for sight in sights],
        closer=closer_look and "neighbourhood" in ingredients.recipe.maps,
        area=scene.area,
        counting=scene.counting(sights, encoder.device),
    )
    empty = teach_empty(encoder, scene, sights, looks.whole, empties)
    scene = scene.knowing(None if empty is None else empty.presence)
    keep = keep or tokens_to_keep(encoder.input_size)
    heads = heads_of(looks, ingredients, keep=keep, budget_bytes=budget_bytes)
    taken_blindly = [row for row, reference in enumerate(references) if not reference.learned]
    left_out = leave_one_out(looks, heads, side=encoder.input_size, rows=taken_blindly)
    tell(left_out.scores)
    heads = replace(heads, peak_scale=left_out.peak_scale)
    keeper = Keeper(pictures, scene)
    good, cost = outside_the_bank(good, pictures), None
    if budget_bytes is not None:
        whole = WholeBank(encoder, looks, ingredients, scene, keep=keep, kept=heads)
        good, bad = whole.good(good), whole.bad(bad)
    known_good = [keeper.good(part, score_part(encoder, heads, part, scene)) for part in good]
    threshold = set_threshold([each.part.score for each in known_good], left_out.scores, wish or Wish())
    limit = threshold.value
    known_bad = [keeper.bad(part, score_part(encoder, heads, part, scene), limit=limit) for part in bad]
    if wish is not None and wish.threshold is not None and not wish.kept:
        strangest = [look(encoder, heads, [picture], scene)[0][0] for picture in nothing_like(pictures[0])]
        check_reachable(wish.threshold, [*strangest, *(each.part.score for each in known_bad)])
    if budget_bytes is not None:
        cost = whole.cost(known_good, known_bad, budget_bytes=budget_bytes)
    kept = keeper.keep(encoder, heads, limit=limit, left_out_scores=left_out.scores)
    told = scene_facts(scene, sights, empty)
    found = _Found(looks.box, told, left_out, known_good, known_bad, threshold, kept, cost)
    manifest = _manifest(encoder, references, ingredients, heads, found, category=category, controls=controls or {})
    folder = save_bundle(
        bundles_dir,
        manifest,
        pictures,
        bank=as_arrays(heads.bank or {}),
        neighbours=as_arrays(as_tensors(heads.neighbours)),
        embeddings=as_arrays(_embeddings(heads)),
        trained={**ingredients.trained, **scene_files(scene, empties)},
        pictures=kept.pictures,
    )
    built = Built(folder, manifest, threshold)
    if promoted:
        promote(bundles_dir, category, int(folder.name), reason="calibrated")
    return built


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """What was found out on the way to a bundle."""

    box: PartBox | None
    scene: SceneFacts
    left_out: LeftOut
    good: Sequence[Scores]
    bad: Sequence[Scores]
    threshold: Threshold
    kept: Keepsakes
    cost: BankCost | None


def _manifest(
    encoder: Encoder,
    references: Sequence[Taken],
    ingredients: Ingredients,
    heads: Heads,
    found: _Found,
    *,
    category: str,
    controls: Mapping[str, float],
) -> Manifest:
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
        threshold=found.threshold.value,
        defect_threshold=found.threshold.defect,
        scale=fixed_scale(
            [*found.left_out.looks, *(one for each in found.good for one in each.looks)],
            recipe=heads.recipe,
            threshold=found.threshold.value,
        ),
        normal=found.kept.normal,
        check=found.kept.check,
        calibration=Calibration(
            grade=found.threshold.grade,
            method=found.threshold.method,
            promise=found.threshold.promise,
            loo_scores=found.left_out.scores,
            good=tuple(each.part for each in found.good),
            bad=tuple(each.part for each in found.bad),
            tokens={name: vectors.shape[1] for name, vectors in _kept(heads).items()},
            bank_cost=found.cost,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            controls=dict(controls),
        ),
    )


def _check_different(pictures: Sequence[Pixels]) -> None:
    """Raises EdgeError if there are several pictures and all are one."""
    if len(pictures) > 1 and all(np.array_equal(pictures[0], other) for other in pictures[1:]):
        n = len(pictures)
        raise EdgeError(f"the {n} references are one and the same picture. Take pictures of {n} different good parts.")


def nothing_like(picture: Pixels) -> list[Pixels]:
    """Pictures of its size that show nothing of the part, [H, W, 3] uint8 RGB: its negative, and noise."""
    noise = np.random.default_rng(0).integers(0, 256, picture.shape, dtype=np.uint8)
    return [255 - picture, noise]


def _kept(heads: Heads) -> dict[str, Tensor]:
    """What the bundle keeps of the references' tokens, by stage or look."""
    return {**(heads.bank or {}), **as_tensors(heads.neighbours)}


def _embeddings(heads: Heads) -> dict[str, Tensor]:
    """What the bundle keeps of prompts and pictures, by name."""
    all_there = {"text": heads.text, "pair": heads.pair, "references": heads.references}
    return {name: tensor for name, tensor in all_there.items() if tensor is not None}


def name_references(references: Sequence[Taken]) -> tuple[Reference, ...]:
    """File names inside the bundle: 01.png, 02.png, ..., with as many digits as the last needs, so that they sort."""
    digits = max(2, len(str(len(references))))
    return tuple(
        Reference(file=f"{n:0{digits}}.png", source=each.source, learned=each.learned)
        for n, each in enumerate(references, 1)
    )


def as_arrays(tensors: Mapping[str, Tensor]) -> Arrays:
    """Float32 tensors as numpy arrays on the CPU."""
    return {name: tensor.float().cpu().numpy() for name, tensor in tensors.items()}
