"""Where every part of the demo board sits, in camera pixels."""

from edge.line.demo_components import button, can, chip, coil, crystal, led, small_part
from edge.line.demo_parts import Part, four_sided_pads, two_sided_pads


def layout() -> tuple[Part, ...]:
    """Every part in its place."""
    quad, wide, small = (96.0, 96.0), (92.0, 42.0), (46.0, 38.0)
    middle, upper, lower = (312.0, 236.0), (478.0, 122.0), (146.0, 330.0)
    chips = (
        chip("U1", ("EDGE", "MCU32F4", "2614 KR"), middle, quad, four_sided_pads(middle, quad, count=14, pitch=6.2)),
        chip("U2", ("MX25L64", "2609"), upper, wide, two_sided_pads(upper, wide, count=8, pitch=11)),
        chip("U3", ("LM358", "25H"), lower, small, two_sided_pads(lower, small, count=4, pitch=11)),
    )
    others = (
        crystal("Y1", (196, 194)),
        coil("L1", (456, 336)),
        button("SW1", (112, 126)),
        can("C1", (524, 244)),
        can("C2", (542, 336)),
    )
    colors = (("D1", (226, 58, 48)), ("D2", (240, 186, 46)), ("D3", (70, 206, 92)), ("D4", (64, 132, 236)))
    lights = tuple(led(label, (428 + 38 * i, 392), color) for i, (label, color) in enumerate(colors))
    return chips + others + lights + small_parts()


def small_parts() -> tuple[Part, ...]:
    """Resistors and capacitors, by hand as on a real board: near the legs that they serve."""
    rows = [
        *(("resistor", f"R{1 + i}", (418.0, 200.0 + 18 * i), False) for i in range(5)),
        *(("capacitor", f"C{10 + i}", (462.0, 200.0 + 18 * i), False) for i in range(4)),
        *(("capacitor", f"C{20 + i}", (262.0 + 26 * i, 130.0), True) for i in range(4)),
        *(("resistor", f"R{10 + i}", (250.0 + 26 * i, 342.0), True) for i in range(6)),
        ("capacitor", "C30", (196.0, 228.0), False),
        ("resistor", "R20", (196.0, 252.0), False),
        ("resistor", "R21", (146.0, 380.0), False),
        ("capacitor", "C31", (98.0, 308.0), True),
        ("capacitor", "C32", (98.0, 356.0), True),
        ("resistor", "R22", (190.0, 130.0), False),
        ("resistor", "R23", (190.0, 152.0), False),
    ]
    return tuple(small_part(kind, label, at, long=24, wide=12, upright=up) for kind, label, at, up in rows)
