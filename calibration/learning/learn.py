"""What operators called false alarms becomes the next bundle: the old one's references, and the frames chosen."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from calibration.build import Built, build
from calibration.known_parts import Shown
from calibration.learning.candidates import Candidate, assess
from calibration.learning.known_defects import known_defects
from calibration.learning.made_with import empties_of, had_closer_look, ingredients_of, kept_for_check, references_of
from calibration.progress import bar
from calibration.promise.threshold import TARGET_FALSE_REJECT, Wish
from calibration.references.collect import Taken
from calibration.references.stored_picture import source_of, stored_picture
from calibration.scene.teach import see_references
from calibration.teach import counted
from edge.errors import EdgeError
from edge.ledger.reviewed import ReviewedFrame, judged_frames
from edge.ledger.reviews import ReviewVerdict
from edge.ledger.schema import open_existing
from edge.settings import Settings
from edge.vision.bundle import Bundle
from edge.vision.bundle_scene import load_scene
from edge.vision.features import Encoder
from edge.vision.manifest import Session


@dataclass(frozen=True, slots=True, eq=False)
class Offer:
    """What there is to learn from.

    learned: false alarms that are references already
    gone:    those without a picture, or that cannot be registered as the scene asks, with the reason
    """

    candidates: list[Candidate]
    learned: list[ReviewedFrame]
    gone: list[tuple[ReviewedFrame, str]]

    def chosen(self, frame_ids: Collection[int]) -> list[Candidate]:
        """The candidates with these ids. Raises EdgeError for the first id that is none, and says why."""
        by_id = {candidate.frame.id: candidate for candidate in self.candidates}
        reasons = {frame.id: why for frame, why in self.gone}
        reasons |= {frame.id: "it is a reference already." for frame in self.learned}
        for frame_id in frame_ids:
            if frame_id not in by_id:
                why = reasons.get(frame_id, "its latest review is not a false alarm of this category.")
                raise EdgeError(
                    f"frame {frame_id} cannot be learned from: {why} `calibrate learn` lists those that can."
                )
        return [candidate for frame_id, candidate in by_id.items() if frame_id in frame_ids]


class Lesson:
    """A bundle that is to be improved, with its encoder, references and recipe."""

    def __init__(self, encoder: Encoder, bundle: Bundle, settings: Settings) -> None:
        """Raises EdgeError if the bundle was made with another encoder."""
        self._settings = settings
        self.bundle = bundle
        self._encoder = encoder
        self._ingredients = ingredients_of(bundle, encoder)
        self._references = references_of(bundle)
        self._scene = load_scene(bundle, encoder.device)
        self._closer_look = had_closer_look(bundle, self._references, self._scene)

    def offer(self) -> Offer:
        """Every false alarm of the bundle's category. Raises EdgeError if there is no record."""
        engine = open_existing(self._settings.database)
        alarms = judged_frames(engine, self.bundle.manifest.category, ReviewVerdict.FALSE_ALARM)
        engine.dispose()
        known = {reference.source for reference in self._references}
        offered: list[tuple[ReviewedFrame, Taken]] = []
        gone: list[tuple[ReviewedFrame, str]] = []
        for frame in alarms:
            if source_of(frame) not in known:
                try:
                    taken = self._as_reference(frame)
                    see_references(self._scene, [self._references[0], taken])
                    offered.append((frame, taken))
                except EdgeError as error:
                    gone.append((frame, str(error)))
        with bar("false alarms", len(offered)) as advance:
            candidates = assess(
                self._encoder,
                self._ingredients,
                self._references,
                offered,
                defects=known_defects(self.bundle),
                made=self.bundle.manifest,
                scene=self._scene,
                closer_look=self._closer_look,
                advance=advance,
            )
        return Offer(candidates, [frame for frame in alarms if source_of(frame) in known], gone)

    def _wish(self) -> Wish:
        """The old thresholds, kept: more references to be like can lower a part's score, and not raise it.

        So the share of good parts above the old threshold falls. A new threshold from the references would fall along
        with the scores, and the line would flag as many as before. (A part's place is found anew, and if its box grows
        by the new pictures, scores may move a little either way.)
        Where a recipe divides its map's maximum by what references reach, the units change, and so must the threshold.
        """
        made = self.bundle.manifest
        promise, recipe = made.calibration.promise, self._ingredients.recipe
        target = TARGET_FALSE_REJECT if promise is None else promise.target
        if recipe.peak and recipe.scores:
            return Wish(target_false_reject=target)
        return Wish(target, threshold=made.threshold, defect_threshold=made.defect_threshold, kept=True)

    def _as_reference(self, frame: ReviewedFrame) -> Taken:
        """A frame's picture; where there was a threshold, the frame was chosen by it. Raises PictureGone."""
        pixels = stored_picture(self._settings.media, frame)
        return Taken(pixels, source_of(frame), learned=frame.threshold is not None)

    def learn(
        self,
        chosen: Sequence[Candidate],
        *,
        good: Sequence[Shown] = (),
        bad: Sequence[Shown] = (),
        session: Session | None = None,
    ) -> Built:
        """Make the category's next bundle, with these pictures beside the references; it is not promoted.

        good, bad: known parts that are not references, as for any calibration
        """
        cost = self.bundle.manifest.calibration.bank_cost
        references = [*self._references, *(candidate.taken for candidate in chosen)]
        return build(
            self._encoder,
            references,
            category=self.bundle.manifest.category,
            bundles_dir=self._settings.bundles,
            ingredients=self._ingredients,
            controls=self.bundle.manifest.calibration.controls,
            closer_look=self._closer_look,
            budget_bytes=None if cost is None else cost.budget_bytes,
            good=counted(good, "scoring good parts", total=len(good)),
            bad=counted(bad, "scoring defects", total=len(bad)),
            wish=self._wish(),
            scene=self._scene,
            empties=empties_of(self.bundle),
            before=kept_for_check(self.bundle, references),
            session=session,
            made_from=str(self.bundle.name),
        )
