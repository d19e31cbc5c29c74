"""A reference that looks unlike the others: a defect among them, another product, a part laid in upside down."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from calibration.leave_one_out import left_out_rows

FEWEST = 4
"""References from which on one can be called unlike the others: three say what is usual, and how much it varies."""

LEAST_OF_MEDIAN = 1.3
LEAST_DEVIATIONS = 3.0
"""A suspect's score is so many times the median of the others', and so many of their robust standard deviations above.

One real defect among 3, 7 and 15 good parts of four real data sets, 50 draws each, was named in 10 to 48 % (all of
hazelnut_toy's), and a good part was named in up to 14 % of the draws without a defect (calibration/TEACHING.md). So a
suspect is worth a look, and no proof: it is named, and dropped only if asked for.
"""

TO_DEVIATION = 1.4826
"""From the median absolute deviation to a normal distribution's standard deviation."""

LEAST_DEVIATION = 0.1
"""Of the median: what the others are taken to vary by at least, since three can be alike by chance."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """A reference that is unlike the others.

    index:      among the references;  score: against the others
    typical:    the median of the others' scores
    deviations: how far above it, in robust standard deviations of the others
    """

    index: int
    score: float
    typical: float
    deviations: float

    def __str__(self) -> str:
        """For a person."""
        return (
            f"unlike the others: score {self.score:.3f} against them, {self.score / self.typical:.1f} times their own "
            f"median {self.typical:.3f}"
        )


def suspects(scores: Sequence[float], *, references: int) -> list[Suspect]:
    """Those whose leave-one-out score is far above the others', the most unlike first; none of fewer than FEWEST.

    scores: as `leave_one_out` gives them for so many references: of more than a hundred only those that were drawn
    """
    if len(scores) < FEWEST:
        return []
    rows = left_out_rows(references, most=len(scores))
    found = [_against(scores, place, index) for place, index in enumerate(rows)]
    strange = [
        each for each in found if each.score > LEAST_OF_MEDIAN * each.typical > 0 and each.deviations > LEAST_DEVIATIONS
    ]
    return sorted(strange, key=lambda each: -each.score)


def _against(scores: Sequence[float], place: int, index: int) -> Suspect:
    others = [*scores[:place], *scores[place + 1 :]]
    typical = median(others)
    deviation = TO_DEVIATION * median(abs(other - typical) for other in others)
    above = scores[place] - typical
    return Suspect(index, scores[place], typical, above / max(deviation, LEAST_DEVIATION * abs(typical), 1e-12))
