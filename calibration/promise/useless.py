"""Whether a bundle would pass so many of its known defects that no line should use it unasked."""

from statistics import median

from edge.vision.manifest import Manifest

MOST_PASSING = 0.5
"""Share of the known defects, from which a bundle that passes them is not put into use without a reason."""


def useless(made: Manifest) -> str | None:
    """Why the bundle finds too little to be used, in a sentence or two; None if it does, or if no defect was shown."""
    bad = made.calibration.bad
    passing = 0 if made.threshold is None else sum(part.score <= made.threshold for part in bad)
    if not bad or passing < MOST_PASSING * len(bad):
        return None
    return " ".join([f"{passing} of its {len(bad)} known defects would be ok.", *swapped(made)])


def swapped(made: Manifest) -> list[str]:
    """That good and bad parts look as if one had been given as the other, in a sentence; nothing if they do not."""
    good, bad = ([part.score for part in parts] for parts in (made.calibration.good, made.calibration.bad))
    if not good or not bad or median(bad) >= median(good):
        return []
    return [
        f"Most known defects score lower ({median(bad):.3f} in the median) than most good parts ({median(good):.3f}): "
        "were the folders of --good and --bad swapped?"
    ]
