"""What of a picture a bundle inspects and how, a line each: for the terminal and for the page that is signed."""

from calibration.bank.budget import size_text
from edge.vision.manifest import AlignFacts, BankCost, EmptyFacts, Manifest
from edge.vision.part_box import PartBox


def inspected(made: Manifest) -> dict[str, str]:
    """By a short name: area, alignment, empty view, closer look and memory budget, as far as they were asked for."""
    lines = {}
    if made.part_box is not None:
        lines["Part"] = _part(made.part_box)
    if made.area is not None:
        lines["Area"] = f"{made.area.share:.0%} of the picture counts"
    if made.align is not None:
        lines["Aligned"] = _aligned(made.align)
    if made.empty is not None:
        lines["Empty"] = _empty(made.empty)
    if made.calibration.bank_cost is not None:
        lines["Bank"] = cost_words(made.calibration.bank_cost)
    return lines


def left_out(made: Manifest) -> list[str]:
    """What was not asked for, in sentences, since a page that is silent on it could be misread."""
    said = []
    if made.area is None:
        said.append("All of the picture counts (no --area, no --ignore).")
    if made.align is None:
        said.append("Parts are taken as they lie (no --align).")
    if made.empty is None:
        said.append("An empty view is not recognised, and is judged like a part (no --empty).")
    return said


def cost_words(cost: BankCost) -> str:
    """For a person."""
    sizes = f"{size_text(cost.kept_bytes)} of {size_text(cost.whole_bytes)}, within {size_text(cost.budget_bytes)}"
    if cost.measure is None:
        return f"{sizes}. What that costs was not measured: all of it is too large to compare with"
    return f"{sizes}. {cost.measure} {cost.kept:.3f}, with all of it {cost.whole:.3f} ({cost.parts} parts)"


def _part(box: PartBox) -> str:
    where = f"{box.left:.0%}-{box.right:.0%} of the width, {box.top:.0%}-{box.bottom:.0%} of the height"
    return f"{where}: looked at by itself as well"


def _aligned(align: AlignFacts) -> str:
    allowed = align.tolerance
    return (
        f"references moved by up to {align.moved_px:.0f} px, {align.degrees:.1f} degrees, {align.scale:.1%} in scale; "
        f"allowed: {allowed.shift:.0%} of the width, {allowed.degrees:g} degrees, {allowed.scale:.0%}"
    )


def _empty(empty: EmptyFacts) -> str:
    return (
        f"{len(empty.pictures)} pictures: up to {empty.empty:.2f} unlike each other, good parts at least "
        f"{empty.good:.2f}; up to {empty.limit:.2f} there is no part (light 10 % up and down included)"
    )
