"""--area, --ignore, --align and --empty, checked before anything is loaded or a camera opened."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from calibration.references.collect import Taken
from calibration.scene.drawn_region import DrawnRegion, check_regions, read_region
from calibration.scene.empty_view import parse_empty, read_empties
from edge.errors import EdgeError
from edge.vision.registration import Tolerance

MOST = Tolerance(shift=0.5, degrees=45.0, scale=0.25)
"""Beyond it too little of the picture would be left, or a map's cell could be lost on its way back."""


@dataclass(frozen=True, slots=True, eq=False)
class SceneOptions:
    """What was asked for.

    align:   how far parts may lie from the first reference; None: they are not registered
    empties: pictures of the empty view from a folder;  empty_frames: how many to take of it at the camera
    """

    area: DrawnRegion | None = None
    ignore: DrawnRegion | None = None
    align: Tolerance | None = None
    empties: Sequence[Taken] = ()
    empty_frames: int = 0


def read_scene_options(
    *,
    area: Path | None,
    ignore: Path | None,
    align: bool,
    tolerance: tuple[float, float, float] | None,
    empty: str | None,
    can_clear: bool,
) -> SceneOptions:
    """tolerance: share of the width, degrees, share of the scale;  can_clear: whether a person can clear the view.

    Raises EdgeError for what cannot be.
    """
    if tolerance is not None and not align:
        raise EdgeError("--align-tolerance says how far --align may go: give --align as well, or leave it out.")
    frames = None if empty is None else parse_empty(empty)
    if isinstance(frames, int) and not can_clear:
        raise EdgeError(
            f"--empty {empty}: frames are taken of a live camera, after somebody at the terminal has cleared its view. "
            "Give a folder with pictures of the empty view: --empty PATH."
        )
    inside, outside = (None if file is None else read_region(file.expanduser()) for file in (area, ignore))
    check_regions(inside, outside)
    return SceneOptions(
        area=inside,
        ignore=outside,
        align=_tolerance(tolerance) if align else None,
        empties=read_empties(frames) if isinstance(frames, Path) else (),
        empty_frames=frames if isinstance(frames, int) else 0,
    )


def _tolerance(given: tuple[float, float, float] | None) -> Tolerance:
    wanted = Tolerance() if given is None else Tolerance(*given)
    for name, value, most in (
        ("share of the width", wanted.shift, MOST.shift),
        ("degrees", wanted.degrees, MOST.degrees),
        ("share of the scale", wanted.scale, MOST.scale),
    ):
        if not 0 < value <= most:
            raise EdgeError(f"--align-tolerance: {value:g} {name} is not possible. Give more than 0, at most {most:g}.")
    return wanted
