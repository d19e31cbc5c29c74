"""Whether a threshold was asked for after its good parts had been seen: bounds hold for what was asked before."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from edge.errors import EdgeError
from edge.vision.bundle_folder import read_description
from edge.vision.bundle_store import called, folder_of, versions
from edge.vision.manifest import KnownPart, Promise, SeenBefore


def seen_before(
    bundles_dir: Path, category: str, good: Sequence[KnownPart], promise: Promise | None
) -> SeenBefore | None:
    """The earliest bundle of the category here that scored some of these parts and was asked for another threshold.

    Bundles that cannot be read are passed over, and so are parts that came without a hash. A threshold that is kept
    from the bundle before was not asked for at all.
    """
    if promise is None or promise.kept:
        return None
    shown = {digest for part in good for digest in part.sha256}
    for name in versions(bundles_dir, category):
        with suppress(EdgeError):
            made = read_description(folder_of(bundles_dir, name), called=called(bundles_dir, name)).manifest
            earlier = made.calibration.promise
            same = sum(not shown.isdisjoint(part.sha256) for part in made.calibration.good)
            if earlier is not None and same and (promise.by_hand or earlier.target != promise.target):
                return SeenBefore(bundle=str(name), target=earlier.target, parts=same)
    return None
