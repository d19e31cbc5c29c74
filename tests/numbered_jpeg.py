"""JPEG pictures that spell a number, so that a test sees which frame it got."""

import cv2
import numpy as np

BITS, CELL = 10, 32


def numbered(number: int) -> bytes:
    """A JPEG, 320 x 96, whose upper third spells the number in black and white cells."""
    picture = np.full((96, BITS * CELL, 3), (40, 90, 200), np.uint8)
    for bit in range(BITS):
        picture[:CELL, bit * CELL : (bit + 1) * CELL] = 255 * (number >> bit & 1)
    encoded, content = cv2.imencode(".jpg", picture)
    assert encoded
    return content.tobytes()


def number_in(pixels: np.ndarray | None) -> int:
    """The number that a frame [96, 320, 3] spells."""
    assert pixels is not None
    return sum(int(pixels[CELL // 2, bit * CELL + CELL // 2].mean() > 127) << bit for bit in range(BITS))
