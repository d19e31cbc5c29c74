"""The contract between encoders and heads: pictures in, features of every stage out, in one forward pass."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor, device

from edge.frame import Pixels


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
    """What one forward pass gives, in the encoder's precision (float32, bfloat16 or float16), on its device.

    pooled: [B, D] float32 of unit length: the picture's embedding in the space it shares with texts; None without one
    stages: by stage name, [B, h*w, C] patch tokens, row by row, not normalised, without class token
    grids:  by stage name, (h, w) of its tokens; a ViT's stages have equal grids
    """

    pooled: Tensor | None
    stages: dict[str, Tensor]
    grids: dict[str, tuple[int, int]]

    def select(self, rows: Sequence[int]) -> "Features":
        """The features of some of the pictures; the same object if of all in order."""
        wanted = list(rows)
        count = len(next(iter(self.stages.values())))
        if wanted == list(range(count)):
            return self
        pooled = None if self.pooled is None else self.pooled[wanted]
        return Features(pooled, {name: tokens[wanted] for name, tokens in self.stages.items()}, self.grids)


class TextTower(Protocol):
    """A frozen text encoder that shares its space with an encoder's `pooled`."""

    def embed(self, sentences: Sequence[str]) -> Tensor:
        """n sentences -> [n, D] float32 of unit length, on the encoder's device."""


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
    def precision(self) -> str:
        """Of the network and of the stages it gives: fp32, bf16 or fp16."""

    @property
    def stages(self) -> tuple[StageSpec, ...]:
        """The stages that `encode` gives, from the first of the network to the last."""

    @property
    def text(self) -> TextTower | None:
        """The text tower, None if the encoder has none."""

    @property
    def device(self) -> device:
        """Where the network lies."""

    def prepare(self, pictures: Sequence[Pixels]) -> Tensor:
        """Pictures, each [H, W, 3] uint8 RGB of any size -> [B, 3, S, S], normalised, on the device."""

    def encode(self, batch: Tensor) -> Features:
        """[B, 3, S, S] as `prepare` gives it -> features on the device."""

    def closer(self) -> "Encoder":
        """The same network for pictures of a part alone, if it can with a larger input size; else this encoder."""
