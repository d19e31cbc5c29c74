"""Whether a picture is well exposed enough to be a reference."""

import numpy as np

from edge.frame import Pixels
from edge.line.opencv import cv2

DARK, BRIGHT = 4, 251
"""Levels (0..255) from which on a pixel says nothing more: all its channels at most DARK, or at least BRIGHT."""

MOST_DARK, MOST_BRIGHT = 0.5, 0.3
"""Share of such pixels that a reference may have. Good parts of four real data sets reach 0.2 % and 22 %. A black
fixture may fill half a picture, but a light that is burnt out over a third of it hides the part's edge."""

LEAST_LEVEL, MOST_LEVEL = 20.0, 235.0
"""Mean level, 0..255. Good parts of four real data sets lie between 48 and 218; the same ones from a 12-bit camera, in
a 16-bit file, between 3 and 14."""


def badly_exposed(pixels: Pixels) -> str:
    """Why a picture [H, W, 3] uint8 RGB is too dark or too bright, with the numbers; empty if it is neither."""
    level = float(cv2.mean(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY))[0])
    if level < LEAST_LEVEL:
        return (
            f"too dark: mean level {level:.0f} of 255, at least {LEAST_LEVEL:g} is needed. Give it more light or "
            "exposure; if a 12-bit camera wrote it as a 16-bit file, save it with 8 bits or stretched to 16"
        )
    if level > MOST_LEVEL:
        return f"too bright: mean level {level:.0f} of 255, at most {MOST_LEVEL:g} may be. Shorten the exposure"
    black = float(np.mean(pixels.max(axis=2) <= DARK))
    if black > MOST_DARK:
        return f"too dark: {black:.0%} of the pixels are black, at most {MOST_DARK:.0%} may be. Lengthen the exposure"
    white = float(np.mean(pixels.min(axis=2) >= BRIGHT))
    if white > MOST_BRIGHT:
        return (
            f"too bright: {white:.0%} of the pixels are white, at most {MOST_BRIGHT:.0%} may be. Shorten the exposure"
        )
    return ""
