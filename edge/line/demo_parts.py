"""The parts on a demo board: where each sits, what its footprint looks like, and what it looks like itself."""

from collections.abc import Callable
from dataclasses import dataclass

from edge.frame import Pixels
from edge.line.demo_paint import (
    Box,
    Color,
    Point,
    box_at,
    rectangle,
    rounded,
    stroke,
)

SILK: Color = (226, 232, 222)
SOLDER: Color = (168, 174, 178)
SOLDER_LIGHT: Color = (226, 230, 232)
GOLD: Color = (214, 172, 84)
GOLD_LIGHT: Color = (250, 226, 152)
BLACK_PLASTIC: Color = (34, 35, 37)
CERAMIC: Color = (178, 146, 108)
STEEL: Color = (186, 190, 194)
HOLE: Color = (16, 20, 18)
CROWDED = ("resistor", "capacitor", "led")


@dataclass(frozen=True)
class Part:
    """One part in its place.

    kind:   `resistor`, `capacitor`, `chip`, ...; several parts share one
    label:  what the silkscreen calls it
    body:   its body, without legs
    pads:   its solder pads; a leg ends on each
    draw:   paints the part on a board that has only its pads
    """

    kind: str
    label: str
    body: Box
    pads: tuple[Box, ...]
    draw: Callable[[Pixels, "Part"], None]

    @property
    def footprint(self) -> Box:
        """Body and legs."""
        all_boxes = (self.body, *self.pads)
        return Box(
            min(box.x0 for box in all_boxes),
            min(box.y0 for box in all_boxes),
            max(box.x1 for box in all_boxes),
            max(box.y1 for box in all_boxes),
        )

    @property
    def area(self) -> Box:
        """Body, legs and shadow, without a neighbour."""
        return self.footprint.grown(1.5 if self.kind in CROWDED else 9)


def draw_pad(canvas: Pixels, pad: Box) -> None:
    """A tinned pad with a bright crown."""
    rounded(canvas, pad, SOLDER, radius=min(pad.x1 - pad.x0, pad.y1 - pad.y0) * 0.3)
    crown = box_at(pad.center, (pad.x1 - pad.x0) * 0.55, (pad.y1 - pad.y0) * 0.4).moved(-0.4, -0.5)
    rounded(canvas, crown, SOLDER_LIGHT, radius=0.8)


def draw_legs(canvas: Pixels, part: Part) -> None:
    """Bright legs from the body to every pad."""
    for pad in part.pads:
        x, y = pad.center
        side = pad.x1 - pad.x0 > pad.y1 - pad.y0
        leg = box_at((x, y), pad.x1 - pad.x0 - 2, 2.4) if side else box_at((x, y), 2.4, pad.y1 - pad.y0 - 2)
        rectangle(canvas, leg, (204, 208, 210))
        rectangle(canvas, box_at((x - 0.4, y - 0.4), *((2.0, 1.0) if side else (1.0, 2.0))), (246, 248, 248))


def two_sided_pads(center: Point, size: Point, *, count: int, pitch: float) -> tuple[Box, ...]:
    """Pads above and below a body, `count` a side."""
    offsets = [(i - (count - 1) / 2) * pitch for i in range(count)]
    reach = size[1] / 2 + 4.5
    return tuple(
        box_at((center[0] + offset, center[1] + side * reach), pitch * 0.52, 10)
        for side in (-1, 1)
        for offset in offsets
    )


def four_sided_pads(center: Point, size: Point, *, count: int, pitch: float) -> tuple[Box, ...]:
    """Pads around a body, `count` a side."""
    offsets = [(i - (count - 1) / 2) * pitch for i in range(count)]
    reach = size[0] / 2 + 4.5
    beside = tuple(
        box_at((center[0] + side * reach, center[1] + offset), 10, pitch * 0.52)
        for side in (-1, 1)
        for offset in offsets
    )
    return two_sided_pads(center, size, count=count, pitch=pitch) + beside


def outline(canvas: Pixels, part: Part, *, gap: float = 2.5) -> None:
    """The silkscreen frame around a part's body."""
    b = part.body.grown(gap)
    stroke(canvas, [(b.x0, b.y0), (b.x1, b.y0), (b.x1, b.y1), (b.x0, b.y1)], SILK, width=1, closed=True)
