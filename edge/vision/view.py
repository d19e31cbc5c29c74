"""How a camera sees its part: light, focus and place, in half a millisecond a picture and without the encoder."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from edge.frame import Pixels
from edge.line.opencv import cv2
from edge.vision.area import Mask, scaled

WIDTH_PX = 320
"""Pictures are averaged down to this width first, so that a camera's resolution changes no measure but its blur."""

SMOOTHING_PX = 1.0
"""Of the Gaussian; without it a picture that was made smaller before counts as up to 40 % less sharp, with it 10 %."""

REACH_PX = 5
"""How far OpenCV's Gaussian, 4 of its deviations, and the Laplacian reach together."""

NO_EDGES = 0.02
"""Squared grey levels: what rounding to whole levels leaves of a Laplacian's variance."""

WHITE = 250
PLACE_PX = 64

Place = NDArray[np.float32]
"""[64, 64] float32: a small grey picture, squashed, less its mean and faded to 0 at its edges; see `shift`."""


def small_grey(pixels: Pixels) -> Pixels:
    """[H, W, 3] uint8 RGB -> [h, 320] uint8 grey, each pixel the mean of those it stands for."""
    height = max(1, round(WIDTH_PX * pixels.shape[0] / pixels.shape[1]))
    small = cv2.resize(pixels, (WIDTH_PX, height), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)


def measure(grey: Pixels, mask: Mask | None = None) -> dict[str, float]:
    """`brightness`, `clipping` and `focus` (see edge.vision.normal.MEASURES) of a picture by `small_grey`.

    mask: what of a picture counts, of any size; None: all

    Focus is the logarithm of the variance of the Laplacian of Gaussian over the picture's variance: so less light is
    not less focus, and noise counts little. How sharp a good picture is depends on the part: the figure means something
    beside others of its kind only.
    """
    counts = np.ones_like(grey) if mask is None else _inner(mask, grey.shape)
    smooth = cv2.GaussianBlur(grey.astype(np.float32), (0, 0), SMOOTHING_PX)
    mean, deviation = cv2.meanStdDev(smooth, mask=counts)
    _, edges = cv2.meanStdDev(cv2.Laplacian(smooth, cv2.CV_32F), mask=counts)
    white = cv2.inRange(grey, np.array([WHITE]), np.array([255]))
    return {
        "brightness": float(mean[0, 0]),
        "clipping": cv2.countNonZero(cv2.bitwise_and(white, counts)) / cv2.countNonZero(counts),
        "focus": float(np.log((edges[0, 0] ** 2 + NO_EDGES) / (deviation[0, 0] ** 2 + 1))),
    }


def _inner(mask: Mask, shape: tuple[int, ...]) -> Pixels:
    """[h, w] uint8, 1 where a mask counts and no blur brings in what does not; the whole mask if that is nowhere."""
    whole = scaled(mask, width=shape[1], height=shape[0]).astype(np.uint8)
    inner = cv2.erode(whole, np.ones((2 * REACH_PX + 1, 2 * REACH_PX + 1), np.uint8))
    return np.asarray(inner if inner.any() else whole, np.uint8)


def thumbnail(grey: Pixels) -> Pixels:
    """[h, w] uint8 grey -> [64, 64] uint8, squashed."""
    return np.asarray(cv2.resize(grey, (PLACE_PX, PLACE_PX), interpolation=cv2.INTER_AREA), np.uint8)


def place(thumb: Pixels | NDArray[np.float32]) -> Place:
    """[64, 64] grey -> what `shift` compares."""
    levels = thumb.astype(np.float32)
    return np.asarray((levels - levels.mean()) * _window(), np.float32)


def shift(expected: Place, seen: Place) -> tuple[float, float, float]:
    """How far `seen` lies to the right of and below `expected`, as shares of width and height, and how sure that is.

    By phase correlation, exact to about a tenth of a pixel of 64. Sure is the share of the correlation that lies in its
    peak: near 1 where both show the same thing, a tenth or two for parts that lie about or have no like place.
    """
    (right, down), sure = cv2.phaseCorrelate(expected, seen)
    return right / PLACE_PX, down / PLACE_PX, sure


@cache
def _window() -> NDArray[np.float32]:
    return np.asarray(cv2.createHanningWindow((PLACE_PX, PLACE_PX), cv2.CV_32F), np.float32)
