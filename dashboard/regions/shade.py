"""A bundle's mask as a dark veil over what does not count."""

from pathlib import Path

import cv2
import numpy as np

from dashboard.overlay import Rgba
from edge.errors import EdgeError

DARKNESS = 150


def shade(mask_file: Path) -> Rgba:
    """[H, W, 4]: clear where the mask is white, dark elsewhere. Raises EdgeError if the file holds no picture."""
    mask = cv2.imread(str(mask_file), cv2.IMREAD_GRAYSCALE)
    if mask is None:
        raise EdgeError(f"{mask_file} holds no picture; `calibrate show` says whether the bundle is damaged.")
    veil = np.zeros((*mask.shape, 4), np.uint8)
    veil[mask < 128, 3] = DARKNESS
    return veil
