"""What an engineer should look at before anything else: signs that a calibration is not what it seems."""

from statistics import median

from calibration.promise.threshold import Grade
from calibration.promise.useless import swapped
from calibration.references.sizes import odd_sizes
from calibration.references.suspects import suspects
from edge.vision.manifest import KnownPart, Manifest

MANY_MISSES = 0.25
"""Share of known defects that pass as ok, from which that is said first."""

ANOTHER_KIND = 1.3
"""The good parts' median over the references' highest score, from which the two do not look like one kind."""


def cautions(made: Manifest) -> list[str]:
    """In sentences, the gravest first; none if nothing stands out."""
    return [
        *_misses(made),
        *swapped(made),
        *_another_kind(made),
        *_too_alike(made),
        *_suspects(made),
        *odd_sizes(made.references),
    ]


def _misses(made: Manifest) -> list[str]:
    bad, good = made.calibration.bad, made.calibration.good
    missed = 0 if made.threshold is None else sum(part.score <= made.threshold for part in bad)
    if not bad or missed < MANY_MISSES * len(bad):
        return []
    said = f"{missed} of {len(bad)} known defects would pass as ok."
    if good and made.calibration.promise is not None and made.calibration.promise.rank == 1:
        said += f" One good part sets the threshold: {_highest(good).source}. Is it good, and like the others?"
    return [said]


def _another_kind(made: Manifest) -> list[str]:
    good, loo = [part.score for part in made.calibration.good], made.calibration.loo_scores
    if len(loo) < 2 or not good or median(good) <= ANOTHER_KIND * max(loo):
        return []
    return [
        f"The good parts look unlike the references: their median score is {median(good):.3f}, and no reference scores "
        f"more than {max(loo):.3f} against the others. Another product, light or position? Then the threshold is too "
        "high to find anything."
    ]


def _too_alike(made: Manifest) -> list[str]:
    loo = made.calibration.loo_scores
    if len(loo) < 2 or made.threshold is None or made.threshold >= min(loo):
        return []
    return [
        f"Every reference scores more than the threshold against the others ({min(loo):.3f} at least). Are the good "
        "parts the references' own, shown again? Then most other good parts will be rejected."
    ]


def _suspects(made: Manifest) -> list[str]:
    said = made.calibration
    found = suspects(said.loo_scores, references=len(made.references))
    sentences = [f"Reference {made.references[each.index].source} is {each}." for each in found]
    if found and said.grade == Grade.ESTIMATE and made.threshold == found[0].score:
        sentences.append("The threshold is that reference's own score: take it out unless it is a good part.")
    return sentences


def _highest(parts: tuple[KnownPart, ...]) -> KnownPart:
    return max(parts, key=lambda part: part.score)
