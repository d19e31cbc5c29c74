"""What a bundle's scene says to a person, a line each."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.vision.manifest import Manifest


def scene_lines(made: "Manifest") -> list[str]:
    """Area, alignment and empty view, as far as they were taught."""
    lines = []
    if made.area is not None:
        lines.append(f"Area      {made.area.share:.0%} of the picture counts")
    if (align := made.align) is not None:
        allowed = align.tolerance
        lines.append(
            f"Aligned   references moved by up to {align.moved_px:.0f} px, {align.degrees:.1f} degrees, "
            f"{align.scale:.1%} in scale; allowed: {allowed.shift:.0%} of the width, {allowed.degrees:g} degrees, "
            f"{allowed.scale:.0%}"
        )
    if (empty := made.empty) is not None:
        lines.append(
            f"Empty     {len(empty.pictures)} pictures: up to {empty.empty:.2f} unlike each other, good parts at least "
            f"{empty.good:.2f}; up to {empty.limit:.2f} there is no part (light 10 % up and down included)"
        )
    return lines
