"""What of a bundle's pictures counts, as its calibration was told. No torch: the drift watch alone needs none."""

from edge.vision.area import Area, mask_from_png
from edge.vision.bundle import Bundle

AREA_FILE = "area.png"


def area_of(bundle: Bundle) -> Area | None:
    """What of the bundle's pictures counts, None if all does."""
    made = bundle.manifest.area
    return None if made is None else Area(mask_from_png((bundle.folder / AREA_FILE).read_bytes()), made.fill)
