"""False alarms as candidates for references: what each is like, beside the references and the other candidates."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from calibration.bank.coreset import tokens_to_keep
from calibration.ingredients import Ingredients
from calibration.reference_heads import heads_of
from calibration.references.collect import Taken
from calibration.scene.teach import look_through, see_references
from edge.ledger.reviewed import ReviewedFrame
from edge.vision.features import Encoder
from edge.vision.heads import Scored, run_heads
from edge.vision.manifest import Manifest
from edge.vision.scene import Scene

SAME_SHARE = 0.8
"""Of the smallest leave-one-out score of the references: a candidate below it is in the bank already, so to speak.

On two sets of real parts, references saved again as poor JPEGs, shifted by 4 pixels or 5 % brighter scored 0.11 to 0.68
of the threshold, and 29 other good parts 0.82 to 1.19; the references' smallest score was at 0.86 and 0.93 of it.
"""

STRANGE_SHARE = 1.25
"""Of the threshold: a candidate that scores more even with all others in the bank is like no good part at hand.

On the same sets, against the references alone, the highest of 29 good parts was at 1.19, and 5 of 30 defects were above
1.25: it finds the plain ones only.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A frame that a person called a false alarm, and what speaks against it as a reference.

    taken:   its stored picture, and its name as a reference
    score:   against the references and all other candidates, in the units of the threshold
    same_as: source of the reference or candidate that it nearly is, None if there is none
    strange: whether it looks unlike all of them
    """

    frame: ReviewedFrame
    taken: Taken
    score: float
    same_as: str | None
    strange: bool


def assess(
    encoder: Encoder,
    ingredients: Ingredients,
    references: Sequence[Taken],
    offered: Sequence[tuple[ReviewedFrame, Taken]],
    *,
    made: Manifest,
    scene: Scene,
    closer_look: bool,
    advance: Callable[[int], None],
) -> list[Candidate]:
    """Score each offered frame against the references and all other offered ones, as a reference would be.

    made, scene: of the bundle that is to be improved;  advance: told after each picture
    Raises EdgeError for a frame that cannot be registered, if the scene asks for that.
    """
    everything = [*references, *(taken for _, taken in offered)]
    sights = see_references(scene, everything)
    looks = look_through(encoder, scene, sights, closer=closer_look and "neighbourhood" in ingredients.recipe.maps)
    heads = heads_of(looks, ingredients, keep=tokens_to_keep(encoder.input_size))
    threshold, smallest = made.threshold, min(made.calibration.loo_scores, default=0.0)
    candidates = []
    for index, (frame, taken) in enumerate(offered, len(references)):
        others = [other for other in range(len(everything)) if other != index]
        part, counting = looks.part(index), looks.counts(index)
        scored = run_heads(
            looks.whole[index], heads.only(others), side=encoder.input_size, part=part, counting=counting
        )
        score = float(scored.score)
        candidates.append(
            Candidate(
                frame,
                taken,
                score,
                same_as=everything[others[_nearest(scored)]].source if score < SAME_SHARE * smallest else None,
                strange=threshold is not None and score > STRANGE_SHARE * threshold,
            )
        )
        advance(1)
    return candidates


def _nearest(scored: Scored) -> int:
    """Which picture of the bank looks most alike; the first one where nothing tells them apart."""
    return 0 if scored.per_reference is None else int(scored.per_reference[0].argmin())
