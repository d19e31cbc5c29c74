"""Which normal pictures a run takes as references."""

from pathlib import Path
from random import Random

from calibration.datasets.sample import Category
from edge.errors import EdgeError


def references(category: Category, *, shots: int, seed: int, replace: bool = False) -> tuple[Path, ...]:
    """Draw `shots` of a category's normal pictures; the same seed, category and pictures give the same draw.

    Draws of one seed are nested: those of fewer shots begin those of more, so that what changes between shots is their
    number alone. Another seed or another category's name gives another draw.

    replace: draw with replacement, as APRIL-GAN's reference implementation does: a picture may come twice
    Raises EdgeError if there are no normal pictures, or without `replace` not enough.
    """
    random = Random(f"{seed} {category.name}")
    have = len(category.normal)
    if shots and not have:
        raise EdgeError(f"{category.name}: no normal pictures to take references from. Use --shots 0.")
    if replace:
        return tuple(random.choices(category.normal, k=shots)) if shots else ()
    if shots > have:
        raise EdgeError(
            f"{category.name}: {shots} references asked for, {have} normal pictures there. Use fewer shots."
        )
    order = list(category.normal)
    random.shuffle(order)
    return tuple(order[:shots])
