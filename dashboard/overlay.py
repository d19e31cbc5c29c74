"""Anomaly map -> heatmap: the same value has the same colour on every frame of a bundle.

Colours are matplotlib's `inferno` as OpenCV ships it: lightness grows steadily along it, so it reads alike with
every kind of colour vision and in grey. Opacity grows with it; what is as good as the references stays clear.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.verdict import AnomalyMap

LONGEST_SIDE = 640
"""Pixels of a heatmap's longer side at most; the browser enlarges it smoothly to the picture."""
DARKEST = 0.35
"""Where on `inferno` the scale begins: its black end would only dim the picture."""
MOST_OPAQUE = 0.8
OPAQUE_AFTER = 1.5
"""How many times faster than the colour opacity grows, until it is MOST_OPAQUE."""

Rgba = NDArray[np.uint8]
"""[h, w, 4] uint8 RGBA, not premultiplied."""


@dataclass(frozen=True, slots=True)
class HeatScale:
    """A bundle's fixed scale in map units: clear at `low`, half way at `mark`, brightest at `high`.

    Without a mark, or with one outside low..high, the scale is a straight line from low to high.
    """

    low: float
    high: float
    mark: float | None = None

    @property
    def marked(self) -> bool:
        """Whether the mark is a point of the scale."""
        return self.mark is not None and self.low < self.mark < self.high

    def position(self, values: AnomalyMap) -> AnomalyMap:
        """Map values -> 0..1 along the scale, same shape, float32."""
        points, places = [self.low, self.high], [0.0, 1.0]
        if self.mark is not None and self.marked:
            points, places = [self.low, self.mark, self.high], [0.0, 0.5, 1.0]
        return np.interp(values, points, places).astype(np.float32)


def colour(positions: AnomalyMap) -> Rgba:
    """Positions 0..1 [h, w] -> [h, w, 4]; 0 is fully transparent."""
    return _table()[np.rint(positions * 255).astype(np.uint8)]


def heatmap(anomaly_map: AnomalyMap, scale: HeatScale, *, width: int, height: int) -> Rgba:
    """Draw a coarse map [h, w] for a picture of width x height pixels, enlarged linearly: no value is invented."""
    shrink = min(1.0, LONGEST_SIDE / max(width, height))
    size = max(1, round(width * shrink)), max(1, round(height * shrink))
    values = cv2.resize(anomaly_map, size, interpolation=cv2.INTER_LINEAR)
    return colour(scale.position(np.asarray(values, np.float32)))


def scale_strip(width: int = 256, height: int = 1) -> Rgba:
    """The scale itself from 0 to 1, for a legend."""
    return colour(np.tile(np.linspace(0, 1, width, dtype=np.float32), (height, 1)))


def png(rgba: Rgba) -> bytes:
    """Encode [h, w, 4] RGBA as PNG."""
    encoded = cv2.imencode(".png", cv2.cvtColor(rgba, cv2.COLOR_RGBA2BGRA), [cv2.IMWRITE_PNG_COMPRESSION, 3])[1]
    return encoded.tobytes()


def _table() -> Rgba:
    """[256, 4]: colour and opacity by position."""
    positions = np.linspace(0, 1, 256)
    grey = np.rint((DARKEST + (1 - DARKEST) * positions) * 255).astype(np.uint8)
    bgr = cv2.applyColorMap(grey[:, None], cv2.COLORMAP_INFERNO)
    alpha = np.rint(255 * MOST_OPAQUE * np.minimum(1, OPAQUE_AFTER * positions)).astype(np.uint8)
    return np.dstack([cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), alpha[:, None]])[:, 0]
