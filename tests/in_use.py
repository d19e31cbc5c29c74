"""A bundle that is built and put into use at once: in production it goes through promotion_guard.put_into_use."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from calibration.build import Built, build
from calibration.references.collect import Taken
from edge.vision.bundle_promotion import promote
from edge.vision.features import Encoder


def build_in_use(
    encoder: Encoder, references: Sequence[Taken], *, category: str, bundles_dir: Path, **told: Any
) -> Built:
    """What `build` makes of the same, promoted."""
    built = build(encoder, references, category=category, bundles_dir=bundles_dir, **told)
    promote(bundles_dir, category, int(built.folder.name))
    return built
