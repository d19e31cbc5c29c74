"""A picture of any shape becomes the square that an encoder takes."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from edge.frame import Pixels


def squash(pixels: Pixels, side: int) -> Tensor:
    """[H, W, 3] uint8 -> [1, 3, side, side] uint8 in channels-last memory format, on the CPU.

    The whole picture, never cropped, whatever its aspect: bicubic, averaging over what one new pixel covers.
    """
    nchw = torch.from_numpy(np.require(pixels, requirements=["C", "W"])[None]).permute(0, 3, 1, 2)
    return functional.interpolate(nchw, (side, side), mode="bicubic", antialias=True)
