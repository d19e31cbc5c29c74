"""Encoders by name: pictures in, features of every stage out, in one forward pass that feeds every head."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from edge.errors import EdgeError
from edge.frame import Pixels
from edge.vision.models import LITE_ARCHITECTURE, lite_weights_path, read_lite_weights, sha256_of

NAMES = ("lite",)


@dataclass(frozen=True, slots=True)
class StageSpec:
    """A stage of an encoder whose patch tokens are kept.

    stride:   input pixels from one token to the next
    channels: C, size of a token
    """

    name: str
    stride: int
    channels: int


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """What one forward pass gives.

    pooled: [B, D] the picture's own embedding, or None if the encoder has none
    stages: by stage name, [B, h*w, C] patch tokens, row by row, not normalised
    grids:  by stage name, (h, w) of its tokens; a ViT's stages have equal grids
    """

    pooled: Tensor | None
    stages: dict[str, Tensor]
    grids: dict[str, tuple[int, int]]


class Encoder(Protocol):
    """A frozen network with its preprocessing; gives equal features for equal pictures, whatever the batch."""

    @property
    def name(self) -> str:
        """What `open_encoder` was given."""

    @property
    def weights_sha256(self) -> str:
        """Identity of the weights."""

    @property
    def input_size(self) -> int:
        """S: pictures are squashed to S x S pixels."""

    @property
    def stages(self) -> tuple[StageSpec, ...]:
        """The stages that `encode` gives, finest first."""

    @property
    def device(self) -> torch.device:
        """Where the network lies."""

    def prepare(self, pictures: Sequence[Pixels]) -> Tensor:
        """Pictures, each [H, W, 3] uint8 RGB of any size -> [B, 3, S, S] float32, normalised, on the device."""

    def encode(self, batch: Tensor) -> Features:
        """[B, 3, S, S] as `prepare` gives it -> features on the device."""


class LiteEncoder:
    """EfficientNet-Lite0, pretrained on ImageNet: the stages of stride 8, 16 and 32, no embedding.

    Pixels v in 0..255 enter the network as v / 127.5 - 1 (mean and standard deviation 0.5 of 0..1).
    """

    name = "lite"
    stages = (StageSpec("s8", 8, 40), StageSpec("s16", 16, 112), StageSpec("s32", 32, 320))

    def __init__(self, *, input_size: int, device: torch.device) -> None:
        path = lite_weights_path()
        self.weights_sha256 = sha256_of(path)
        self.input_size = input_size
        self.device = device
        network = _lite_network(read_lite_weights(path))
        # NHWC kernels are more than twice as fast on CPU here
        self._network = network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def prepare(self, pictures: Sequence[Pixels]) -> Tensor:
        """See Encoder.prepare; the result is in channels-last memory format."""
        squashed = torch.cat([squash(pixels, self.input_size) for pixels in pictures])
        batch = squashed.to(device=self.device, memory_format=torch.channels_last)
        return batch.float().mul_(1 / 127.5).sub_(1)

    @torch.inference_mode()
    def encode(self, batch: Tensor) -> Features:
        """See Encoder.encode."""
        maps: list[Tensor] = self._network(batch)
        names = [stage.name for stage in self.stages]
        return Features(
            pooled=None,
            stages={name: m.permute(0, 2, 3, 1).flatten(1, 2) for name, m in zip(names, maps, strict=True)},
            grids={name: (m.shape[2], m.shape[3]) for name, m in zip(names, maps, strict=True)},
        )


def open_encoder(name: str, *, input_size: int, device: str = "auto") -> Encoder:
    """The encoder called `name`, on `device` (auto, cpu or cuda; see `choose_device`), ready to run.

    Raises EdgeError for an unknown name, absent weights or an absent device.
    """
    if name == "lite":
        return LiteEncoder(input_size=input_size, device=choose_device(device))
    if ":" in name:
        raise EdgeError(f"encoder {name}: open_clip encoders come with the next release. Use --encoder lite.")
    raise EdgeError(f"unknown encoder {name!r}. There is: {', '.join(NAMES)}.")


def choose_device(wanted: str) -> torch.device:
    """`auto`: CUDA where there is one, else CPU; `cpu`; `cuda`. Raises EdgeError if CUDA is asked for and missing."""
    if wanted not in ("auto", "cpu", "cuda"):
        raise EdgeError(f"unknown device {wanted!r}. There is: auto, cpu, cuda.")
    there = wanted != "cpu" and torch.cuda.is_available()
    if wanted == "cuda" and not there:
        raise EdgeError("device cuda: torch finds no CUDA device here. Use --device cpu, or auto.")
    return torch.device("cuda" if there else "cpu")


def squash(pixels: Pixels, side: int) -> Tensor:
    """[H, W, 3] uint8 -> [1, 3, side, side] uint8 in channels-last memory format, on the CPU.

    The whole picture, never cropped, whatever its aspect: bicubic, averaging over what one new pixel covers.
    """
    nchw = torch.from_numpy(np.ascontiguousarray(pixels)[None]).permute(0, 3, 1, 2)
    return functional.interpolate(nchw, (side, side), mode="bicubic", antialias=True)


def _lite_network(weights: dict[str, Tensor]) -> nn.Module:
    """The network up to its last kept stage, frozen, in evaluation mode."""
    import timm

    network: nn.Module = timm.create_model(
        LITE_ARCHITECTURE, pretrained=False, features_only=True, out_indices=(2, 3, 4)
    )
    network.load_state_dict({name: weights[name] for name in network.state_dict()})
    network.eval().requires_grad_(requires_grad=False)
    _fuse_norms(network)
    return network


def _fuse_norms(module: nn.Module) -> None:
    """Fold each batch normalisation into the convolution before it, in place: the same result, a fifth faster."""
    before, convolution = "", None
    for name, child in list(module.named_children()):
        if isinstance(child, nn.BatchNorm2d) and isinstance(convolution, nn.Conv2d):
            setattr(module, before, fuse_conv_bn_eval(convolution, child))
            setattr(module, name, child.act)  # timm keeps the activation inside its normalisation layer
        else:
            _fuse_norms(child)
        before, convolution = name, child
