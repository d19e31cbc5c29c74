"""The defects that a bundle knows by a picture, and what must not befall them: to be learned as good, or to pass."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from calibration.references.collect import Taken
from calibration.references.same_part import ALIKE, Likeness, PartsSeen
from edge.verdict import Outcome
from edge.vision.bundle import Bundle

if TYPE_CHECKING:
    from calibration.learning.rescore import Rescorer


def known_defects(bundle: Bundle) -> list[Taken]:
    """The pictures of defects that it keeps for `edge check`."""
    return [Taken(bundle.picture(kept.file), kept.source) for kept in bundle.manifest.check if not kept.good]


def shown_defects(
    offered: Sequence[Taken], references: Sequence[Taken], defects: Sequence[Taken]
) -> Iterator[str | None]:
    """Of each offered picture, the source of the known defect whose part it shows, None if none.

    references: tell how much parts differ
    """
    seen = _seen(references, defects)
    for taken in offered:
        like = seen.find(taken.pixels)
        yield defects[like.key].source if like is not None and _may_be_same(seen, like) else None


def passed_by(rescorer: "Rescorer", bundle: Bundle) -> list[str]:
    """Sources of the defects that this bundle catches and the rescorer's would call `ok`."""
    caught = [kept for kept in bundle.manifest.check if not kept.good and kept.flagged]
    return [kept.source for kept in caught if rescorer.verdict(bundle.picture(kept.file)).outcome is Outcome.OK]


def _seen(references: Sequence[Taken], defects: Sequence[Taken]) -> PartsSeen:
    """The defects' parts by number; the references have only been compared with one another."""
    seen = PartsSeen()
    for key, reference in enumerate(references):
        seen.find(reference.pixels)
        seen.add(key, reference.pixels)
    for key in range(len(references)):
        seen.forget(key)
    for key, defect in enumerate(defects):
        seen.find(defect.pixels)
        seen.add(key, defect.pixels)
    return seen


def _may_be_same(seen: PartsSeen, like: Likeness) -> bool:
    """As `same_part` tells it; where too few parts show how much they differ, those that may be one count as one."""
    return seen.is_same(like) if seen.typical is not None else like.unlikeness < ALIKE
