"""False alarms as candidates for references: what each is like, beside the references and the other candidates."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from calibration.bank.coreset import tokens_to_keep
from calibration.ingredients import Ingredients
from calibration.learning.known_defects import shown_defects
from calibration.leave_one_out import each_against_the_others
from calibration.reference_heads import heads_of
from calibration.references.collect import Taken
from calibration.references.same_part import PartsSeen
from calibration.scene.teach import look_through, see_references
from edge.ledger.reviewed import ReviewedFrame
from edge.vision.features import Encoder
from edge.vision.manifest import Manifest
from edge.vision.scene import Scene

STRANGE_SHARE = 1.25
"""Of the threshold: a candidate that scores more even with all others in the bank is like no good part at hand.

On two sets of real parts, against the references alone, the highest of 29 good parts was at 1.19, and 5 of 30 defects
were above 1.25: it finds the plain ones only.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A frame that a person called a false alarm, and what speaks against it as a reference.

    taken:   its stored picture, and its name as a reference
    score:   against the references and all other candidates, in the units of the threshold
    same_as: source of the reference, or the candidate before it, that shows the same part; None if there is none
    strange: whether it looks unlike all of them
    defect:  source of the bundle's known defect whose part it shows; None if there is none
    """

    frame: ReviewedFrame
    taken: Taken
    score: float
    same_as: str | None
    strange: bool
    defect: str | None = None


def assess(
    encoder: Encoder,
    ingredients: Ingredients,
    references: Sequence[Taken],
    offered: Sequence[tuple[ReviewedFrame, Taken]],
    *,
    defects: Sequence[Taken],
    made: Manifest,
    scene: Scene,
    closer_look: bool,
    advance: Callable[[int], None],
) -> list[Candidate]:
    """Score each offered frame against the references and all other offered ones, as a reference would be.

    defects:     pictures of the bundle's known defects
    made, scene: of the bundle that is to be improved;  advance: told after each picture
    Raises EdgeError for a frame that cannot be registered, if the scene asks for that.
    """
    everything = [*references, *(taken for _, taken in offered)]
    sights = see_references(scene, everything)
    looks = look_through(encoder, scene, sights, closer=closer_look and "neighbourhood" in ingredients.recipe.maps)
    heads = heads_of(looks, ingredients, keep=tokens_to_keep(encoder.input_size))
    heads = replace(heads, peak_scale=made.peak_scale)
    rows = range(len(references), len(everything))
    pictures = [taken for _, taken in offered]
    same, shown = same_parts(pictures, references), shown_defects(pictures, references, defects)
    candidates = []
    scored = each_against_the_others(looks, heads, rows, side=encoder.input_size)
    for (frame, taken), one, same_as, defect in zip(offered, scored, same, shown, strict=True):
        score = float(one.score)
        strange = made.threshold is not None and score > STRANGE_SHARE * made.threshold
        candidates.append(Candidate(frame, taken, score, same_as=same_as, strange=strange, defect=defect))
        advance(1)
    return candidates


def same_parts(offered: Sequence[Taken], references: Sequence[Taken]) -> Iterator[str | None]:
    """Of each offered picture, the source of the reference or earlier one that shows the same part, None if none."""
    seen = PartsSeen()
    everything = [*references, *offered]
    for key, taken in enumerate(everything):
        like = seen.find(taken.pixels)
        if key >= len(references):
            yield everything[like.key].source if like is not None and seen.is_same(like) else None
        seen.add(key, taken.pixels)
