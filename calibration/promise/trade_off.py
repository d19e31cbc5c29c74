"""What other thresholds would have given on the same known parts: false rejects against misses."""

from dataclasses import dataclass

from calibration.promise.bounds import rate_bound
from calibration.promise.threshold import nth_highest
from edge.vision.manifest import Manifest

RANKS = (1, 2, 3, 5, 8, 13, 21, 34)


@dataclass(frozen=True, slots=True)
class Choice:
    """A threshold at the `rank`-th highest of the good parts' scores.

    rejected:   good parts above it;  missed: known defects at or below it
    rate_bound: of the false-reject rate, for whom would have asked for this rank beforehand
    chosen:     whether it is the bundle's own
    """

    rank: int
    threshold: float
    rejected: int
    rate_bound: float
    missed: int
    chosen: bool


def choices(made: Manifest) -> list[Choice]:
    """By rank, up to half of the good parts; none unless good parts outside the bank and defects were shown."""
    good, bad = ([part.score for part in parts] for parts in (made.calibration.good, made.calibration.bad))
    if not good or not bad:
        return []
    found = []
    for rank in (rank for rank in RANKS if rank <= max(1, len(good) // 2)):
        value = nth_highest(good, rank)
        found.append(
            Choice(
                rank,
                value,
                rejected=sum(score > value for score in good),
                rate_bound=rate_bound(parts=len(good), rank=rank),
                missed=sum(score <= value for score in bad),
                chosen=value == made.threshold,
            )
        )
    return found


NOT_AFTERWARDS = (
    "These are the same parts, so whoever picks another line after seeing them has no promise from them: ask for it "
    "with --target-false-reject and certify with other good parts."
)
