"""Charts as numbers for SVG: scales, ticks, paths and points. Nothing here knows what is drawn, or how it looks."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

WIDTH, HEIGHT = 1000.0, 260.0
LEFT, RIGHT, TOP, BOTTOM = 76.0, 12.0, 14.0, 34.0
Values = Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark of an axis, where, and what it says."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Path:
    """A line or an area: `d` is SVG's path data; look: its class."""

    look: str
    d: str


@dataclass(frozen=True, slots=True)
class Point:
    """A point and the column around it that can be hit.

    look: its class;  shape: path data of the mark;  title: in words;  href: where it leads
    """

    look: str
    shape: str
    left: float
    width: float
    title: str
    href: str


@dataclass(frozen=True, slots=True)
class Chart:
    """What a template draws, in a box of WIDTH x HEIGHT."""

    name: str
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    paths: list[Path]
    points: list[Point]

    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    right: float = WIDTH - RIGHT
    top: float = TOP
    bottom: float = HEIGHT - BOTTOM


@dataclass(frozen=True, slots=True)
class Scale:
    """A straight line from values low..high to the box's bottom..top; low < high."""

    low: float
    high: float

    def at(self, value: float) -> float:
        """Where a value lies; one beyond the ends lies at the end."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return round(HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP), 1)


@dataclass(frozen=True, slots=True)
class Columns:
    """`count` columns of one width side by side."""

    count: int

    @property
    def width(self) -> float:
        """Of one column."""
        return (WIDTH - LEFT - RIGHT) / max(self.count, 1)

    def left(self, index: int) -> float:
        """Where a column begins."""
        return round(LEFT + index * self.width, 1)

    def middle(self, index: int) -> float:
        """Where its value is marked."""
        return round(LEFT + (index + 0.5) * self.width, 1)


def scale_for(*series: Values, least_high: float) -> Scale:
    """From 0 to a round number above all values, at least `least_high`."""
    highest = max([least_high, *(value for values in series for value in values if value is not None)])
    return Scale(0.0, round_steps(highest)[-1])


def round_steps(high: float, most: int = 5) -> list[float]:
    """0, step, 2 step, ... up to at or above `high`, with a step of 1, 2 or 5 times a power of ten; high > 0."""
    power = 10.0 ** math.floor(math.log10(high / most))
    step = next(step for step in (power, 2 * power, 5 * power, 10 * power) if step * most >= high * (1 - 1e-9))
    return [round(step * number, 12) for number in range(math.ceil(high / step - 1e-9) + 1)]


def y_ticks(scale: Scale, text: Callable[[float], str]) -> list[Tick]:
    """Marks at round numbers."""
    return [Tick(scale.at(value), text(value)) for value in round_steps(scale.high)]


def labelled(count: int, most: int = 12) -> list[int]:
    """Which of `count` columns have words below them: at most `most`, evenly apart, the newest among them."""
    step = max(1, math.ceil(count / most))
    return [index for index in range(count) if (count - 1 - index) % step == 0]


def line(columns: Columns, scale: Scale, values: Values) -> str:
    """Path data from middle to middle; broken where there is no value. A value alone is a short dash."""
    parts = []
    for indexes in _runs(values):
        points = [f"{columns.middle(index)} {scale.at(values[index] or 0.0)}" for index in indexes]
        alone = f" h{round(columns.width / 4, 1)}" if len(points) == 1 else ""
        parts.append("M" + " L".join(points) + alone)
    return " ".join(parts)


def steps(columns: Columns, scale: Scale, lows: Values, highs: Values) -> str:
    """Path data of an area between two staircases, one step a column; broken where either has no value."""
    both = [None if low is None or high is None else high for low, high in zip(lows, highs, strict=True)]
    parts = []
    for indexes in _runs(both):
        upper = [_step(columns, index, scale.at(highs[index] or 0.0)) for index in indexes]
        lower = [_step(columns, index, scale.at(lows[index] or 0.0))[::-1] for index in reversed(indexes)]
        corners = [corner for step in (*upper, *lower) for corner in step]
        parts.append("M" + " L".join(f"{x} {y}" for x, y in corners) + " Z")
    return " ".join(parts)


def disc(x: float, y: float, radius: float = 5) -> str:
    """Path data of a disc."""
    return f"M{x - radius} {y} a{radius} {radius} 0 1 0 {2 * radius} 0 a{radius} {radius} 0 1 0 {-2 * radius} 0 Z"


def diamond(x: float, y: float, radius: float = 10) -> str:
    """Path data of a diamond."""
    return f"M{x} {y - radius} l{radius} {radius} l{-radius} {radius} l{-radius} {-radius} Z"


def _step(columns: Columns, index: int, y: float) -> list[tuple[float, float]]:
    return [(columns.left(index), y), (round(columns.left(index) + columns.width, 1), y)]


def _runs(values: Values) -> list[list[int]]:
    """Indexes of values that follow each other without a gap."""
    groups = groupby(range(len(values)), key=lambda index: values[index] is None)
    return [list(indexes) for missing, indexes in groups if not missing]
