"""A data set of mottled grey parts, some with a red spot, in the layout `folder`: enough to train on in a second."""

from pathlib import Path

import numpy as np

from edge.line.opencv import cv2
from tests.patch_encoder import grey_part


def tiny_dataset(folder: Path, *, good: int = 4, bad: int = 6, unmasked: int = 0, size: int = 64) -> Path:
    """normal/, test/good/, test/defect/ and masks/ below `folder`; the last `unmasked` defects have no mask."""
    for name in ("normal", "test/good", "test/defect", "masks"):
        (folder / name).mkdir(parents=True)
    for number in range(good):
        for place, seed in (("normal", 100 + number), ("test/good", 200 + number)):
            cv2.imwrite(str(folder / place / f"{number:02}.png"), grey_part(seed, size=(size, size)))
    mask = np.zeros((size, size), np.uint8)
    mask[size * 5 // 8 : size * 7 // 8, size * 5 // 8 : size * 7 // 8] = 255
    for number in range(bad):
        rgb = grey_part(number, spot=True, size=(size, size))
        turns = number % 4  # the spot lies in another corner each time
        cv2.imwrite(str(folder / "test/defect" / f"{number:02}.png"), np.rot90(rgb[..., ::-1], turns))
        if number < bad - unmasked:
            cv2.imwrite(str(folder / "masks" / f"{number:02}.png"), np.rot90(mask, turns))
    return folder
