"""References -> bank, threshold and scale -> the next version of a category's bundle."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from calibration.bank.coreset import tokens_to_keep
from calibration.bank.whole_bank import WholeBank
from calibration.described import Found, Known, as_arrays, embeddings_of, manifest_of
from calibration.ingredients import Ingredients, default_recipe, gather_ingredients
from calibration.keepsakes import Keeper, KeptBefore
from calibration.known_parts import Shown, look, not_seen_as_good, outside_the_bank, remembered, score_part
from calibration.leave_one_out import LeftOut, leave_one_out
from calibration.promise.seen_before import seen_before
from calibration.promise.threshold import Threshold, Wish, check_reachable, set_threshold
from calibration.reference_heads import as_tensors, heads_of
from calibration.references.collect import Taken, digest_of, pictures_of
from calibration.scene.files import scene_facts, scene_files
from calibration.scene.teach import look_through, see_references, teach_empty
from edge.errors import EdgeError
from edge.frame import Pixels
from edge.vision.bundle import save_bundle
from edge.vision.bundle_name import BundleName
from edge.vision.features import Encoder
from edge.vision.heads import Heads
from edge.vision.manifest import Manifest, Session
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
    scene: Scene = PLAIN,
    empties: Sequence[Taken] = (),
    tell: Callable[[Sequence[float]], None] = lambda scores: None,
    before: KeptBefore | None = None,
    session: Session | None = None,
    made_from: str | None = None,
) -> Built:
    """Make the next bundle of a category from pictures of good parts; it is not promoted.

    ingredients: the recipe and what its heads need; default: `default_recipe`
    controls:    what was locked at the camera
    keep:        patch tokens that a stage keeps from each reference, at most; default: `tokens_to_keep`
    closer_look: whether the neighbourhood head looks at the part by itself too, if it lies in one place
    budget_bytes: what the bank may take, see calibration.bank.budget; None: what it needs
    good, bad:   parts that are not references and known to be good or defective, read one by one when the heads stand
    wish:        what the thresholds should hold; default: a false-reject rate of 1 %
    tell:        is told the references' scores against each other before anything rests on them
    scene:       what of the pictures counts and whether parts are registered (calibration.scene.teach)
    empties:     at least two pictures of the empty belt or fixture, or none
    before:      what the bundle before kept for `edge check`
    session, made_from: see edge.vision.manifest.Calibration
    Raises EdgeError for an impossible category name, references that are all the same or cannot be registered, parts
    that cannot be told from the empty view, a head without its parts, a budget too small for the references, or a
    threshold that no score can reach or that every good part exceeds.
    """
    ingredients = ingredients or gather_ingredients(encoder, default_recipe(encoder))
    pictures = pictures_of(references)
    _check_different(pictures)
    sights = see_references(scene, references)
    looks = look_through(encoder, scene, sights, closer=closer_look and "neighbourhood" in ingredients.recipe.maps)
    empty = teach_empty(encoder, scene, sights, looks.whole, empties)
    scene = scene.knowing(None if empty is None else empty.presence)
    keep = keep or tokens_to_keep(encoder.input_size)
    heads = heads_of(looks, ingredients, keep=keep, budget_bytes=budget_bytes)
    taken_blindly = [row for row, reference in enumerate(references) if not reference.learned]
    left_out = leave_one_out(looks, heads, side=encoder.input_size, rows=taken_blindly)
    tell(left_out.scores)
    heads = replace(heads, peak_scale=left_out.peak_scale)
    whole = None
    if budget_bytes is not None:
        whole = WholeBank(encoder, looks, ingredients, scene, keep=keep, kept=heads, budget_bytes=budget_bytes)
    known = _score_known(encoder, heads, scene, pictures, left_out, good, bad, wish or Wish(), whole, before)
    cost = None if whole is None else whole.cost(known.good, known.bad)
    seen = seen_before(bundles_dir, category, [each.part for each in known.good], known.threshold.promise)
    found = Found(looks.box, scene_facts(scene, sights, empty), left_out, known, cost, seen)
    manifest = manifest_of(
        encoder, references, ingredients, heads, found, category=category, controls=controls or {}, session=session,
        made_from=made_from,
    )  # fmt: skip
    folder = save_bundle(
        bundles_dir,
        manifest,
        pictures,
        bank=as_arrays(heads.bank or {}),
        neighbours=as_arrays(as_tensors(heads.neighbours)),
        embeddings=as_arrays(embeddings_of(heads)),
        trained={**ingredients.trained, **scene_files(scene, empties)},
        pictures=known.kept.pictures,
    )
    return Built(folder, manifest, known.threshold)


def _score_known(
    encoder: Encoder,
    heads: Heads,
    scene: Scene,
    references: Sequence[Pixels],
    left_out: LeftOut,
    good: Iterable[Shown],
    bad: Iterable[Shown],
    wish: Wish,
    whole: WholeBank | None,
    before: KeptBefore | None,
) -> Known:
    """Score the known parts one by one, good ones first, and set the threshold between.

    whole: sees them as well, to be compared with
    """
    keeper, good = Keeper(references, scene, before=before), outside_the_bank(good, references)
    seen = {digest_of(pixels): "(a reference)" for pixels in references}
    good, bad = remembered(good, seen), not_seen_as_good(bad, seen)
    if whole is not None:
        good, bad = whole.good(good), whole.bad(bad)
    known_good = [keeper.good(part, score_part(encoder, heads, part, scene)) for part in good]
    threshold = set_threshold([each.part.score for each in known_good], left_out.scores, wish)
    limit = threshold.value
    known_bad = [keeper.bad(part, score_part(encoder, heads, part, scene), limit=limit) for part in bad]
    if wish.threshold is not None and not wish.kept:
        strangest = [look(encoder, heads, [picture], scene)[0][0] for picture in nothing_like(references[0])]
        check_reachable(wish.threshold, [*strangest, *(each.part.score for each in known_bad)])
    kept = keeper.keep(encoder, heads, limit=limit, left_out_scores=left_out.scores)
    return Known(known_good, known_bad, threshold, kept)


def _check_different(pictures: Sequence[Pixels]) -> None:
    """Raises EdgeError if there are several pictures and all are one."""
    if len(pictures) > 1 and all(np.array_equal(pictures[0], other) for other in pictures[1:]):
        n = len(pictures)
        raise EdgeError(f"the {n} references are one and the same picture. Take pictures of {n} different good parts.")


def nothing_like(picture: Pixels) -> list[Pixels]:
    """Pictures of its size that show nothing of the part, [H, W, 3] uint8 RGB: its negative, and noise."""
    noise = np.random.default_rng(0).integers(0, 256, picture.shape, dtype=np.uint8)
    return [255 - picture, noise]
