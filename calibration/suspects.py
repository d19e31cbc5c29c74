"""A reference that looks unlike the others: a defect among them, another product, a part laid in upside down."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

FEWEST = 4
"""References from which on one can be called unlike the others: three say what is usual, and how much it varies."""

LEAST_OF_MEDIAN = 1.3
LEAST_DEVIATIONS = 3.0
"""A suspect's score is so many times the median of the others', and so many of their robust standard deviations above.

One real defect among 3, 7 and 15 good parts of four real data sets, 50 draws each, was named in 10 to 48 % (all of
hazelnut_toy's), and a good part was named in up to 14 % of the draws without a defect (calibration/README.md). So a
suspect is worth a look, and no proof: it is named, and dropped only if asked for.
"""

TO_DEVIATION = 1.4826
"""From the median absolute deviation to a normal distribution's standard deviation."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """A reference that is unlike the others.

    index:      among the references;  score: against the others
    typical:    the median of the others' scores
    deviations: how far above it, in robust standard deviations of the others; infinite if the others are all alike
    """

    index: int
    score: float
    typical: float
    deviations: float

    def __str__(self) -> str:
        """For a person."""
        return (
            f"unlike the others: score {self.score:.3f} against them, theirs is {self.typical:.3f} in the median "
            f"({self.score / self.typical:.1f} times, {self.deviations:.0f} deviations above)"
        )


def suspects(scores: Sequence[float]) -> list[Suspect]:
    """Those whose leave-one-out score is far above the others', the most unlike first; none of fewer than FEWEST."""
    if len(scores) < FEWEST:
        return []
    found = [each for index in range(len(scores)) if (each := _suspect(scores, index)) is not None]
    return sorted(found, key=lambda each: -each.score)


def _suspect(scores: Sequence[float], index: int) -> Suspect | None:
    score, others = scores[index], [*scores[:index], *scores[index + 1 :]]
    typical = median(others)
    deviation = TO_DEVIATION * median(abs(other - typical) for other in others)
    above = score - typical
    if score <= LEAST_OF_MEDIAN * typical or typical <= 0 or above <= LEAST_DEVIATIONS * deviation:
        return None
    return Suspect(index, score, typical, above / deviation if deviation else float("inf"))
