"""The next bundle of a category, from the references of one before, with another area."""

from collections.abc import Sequence

from calibration.build import Built, build
from calibration.known_parts import Shown
from calibration.learning.made_with import empties_of, had_closer_look, ingredients_of, kept_for_check, references_of
from calibration.promise.threshold import TARGET_FALSE_REJECT, Wish
from calibration.scene.drawn_region import DrawnRegion
from calibration.scene.options import SceneOptions
from calibration.scene.teach import teach_scene
from calibration.teach import counted
from edge.settings import Settings
from edge.vision.bundle import Bundle
from edge.vision.bundle_scene import load_scene
from edge.vision.features import Encoder
from edge.vision.manifest import Session


def redraw(
    encoder: Encoder,
    bundle: Bundle,
    settings: Settings,
    *,
    area: DrawnRegion | None,
    ignore: DrawnRegion | None,
    good: Sequence[Shown] = (),
    bad: Sequence[Shown] = (),
    session: Session | None = None,
) -> Built:
    """Make the category's next bundle, alike but for what counts of the pictures; it is not promoted.

    What counts changes every score, so the thresholds are set anew, for the false-reject rate that was asked for then:
    from `good`, known good parts that are not references, or else from the references alone.
    Raises EdgeError as `area_mask` and `build`.
    """
    made = bundle.manifest
    references = references_of(bundle)
    promise, cost = made.calibration.promise, made.calibration.bank_cost
    align = None if made.align is None else made.align.tolerance
    return build(
        encoder,
        references,
        category=made.category,
        bundles_dir=settings.bundles,
        ingredients=ingredients_of(bundle, encoder),
        controls=made.calibration.controls,
        closer_look=had_closer_look(bundle, references, load_scene(bundle, encoder.device)),
        budget_bytes=None if cost is None else cost.budget_bytes,
        good=counted(good, "scoring good parts", total=len(good)),
        bad=counted(bad, "scoring defects", total=len(bad)),
        wish=Wish(target_false_reject=TARGET_FALSE_REJECT if promise is None else promise.target),
        scene=teach_scene(references, SceneOptions(area=area, ignore=ignore, align=align)),
        empties=empties_of(bundle),
        before=kept_for_check(bundle, references),
        session=session,
        made_from=str(bundle.name),
    )
