"""Which of an image tower's layers are its stages, whatever its kind."""

from dataclasses import dataclass

from open_clip.modified_resnet import ModifiedResNet
from open_clip.timm_model import TimmModel
from open_clip.transformer import VisionTransformer
from torch import nn

from edge.errors import EdgeError
from edge.vision.features import StageSpec


@dataclass(frozen=True, slots=True)
class Layout:
    """The four stages of an image tower.

    indices: what open_clip's `forward_intermediates` takes to give them
    tokens:  whether it can give [B, N, C] (transformers), or only [B, C, h, w]
    multiple: the input size must be one of this many pixels
    """

    stages: tuple[StageSpec, ...]
    indices: tuple[int, ...]
    tokens: bool
    multiple: int

    def round_down(self, size: int) -> int:
        """The largest input size up to `size` (one published model, ViT-SO400M-14-SigLIP-384, names an odd one)."""
        return size // self.multiple * self.multiple

    def check_size(self, name: str, size: int) -> None:
        """Raises EdgeError naming the nearest input sizes if the tower cannot take size x size pixels."""
        if size < self.multiple or size % self.multiple:
            below = self.round_down(size)
            near = [str(s) for s in (below, below + self.multiple) if s]
            raise EdgeError(
                f"encoder {name}: input size {size} is not a multiple of {self.multiple}. Use {' or '.join(near)}."
            )


def layout_of(tower: nn.Module) -> Layout:
    """The stages of open_clip's image tower.

    Transformers: patch tokens after the blocks at each quarter of the depth, `block6` being the sixth (1-based).
    Convolutional networks, and transformers that halve the resolution like them: the output of their four stages,
    `stage1` to `stage4`.
    """
    if isinstance(tower, VisionTransformer):
        return _transformer(len(tower.transformer.resblocks), tower.patch_size[0], tower.transformer.width)
    if isinstance(tower, ModifiedResNet):
        blocks = (tower.layer1, tower.layer2, tower.layer3, tower.layer4)
        channels = [block[-1].bn3.num_features for block in blocks]
        return _pyramid([4, 8, 16, 32], channels, first=1)
    if isinstance(tower, TimmModel):
        return _timm(tower.trunk.feature_info)
    raise EdgeError(f"image tower {type(tower).__name__} is of a kind that this release does not know.")


def _timm(levels: list[dict[str, int]]) -> Layout:
    strides = [level["reduction"] for level in levels]
    channels = [level["num_chs"] for level in levels]
    if len(set(strides)) == 1:
        return _transformer(len(levels), strides[0], channels[0])
    return _pyramid(strides[-4:], channels[-4:], first=max(0, len(levels) - 4))


def _transformer(depth: int, patch: int, channels: int) -> Layout:
    numbers = [depth * quarter // 4 for quarter in (1, 2, 3, 4)]
    stages = tuple(StageSpec(f"block{number}", patch, channels) for number in numbers)
    return Layout(stages, tuple(number - 1 for number in numbers), tokens=True, multiple=patch)


def _pyramid(strides: list[int], channels: list[int], *, first: int) -> Layout:
    stages = tuple(StageSpec(f"stage{i}", s, c) for i, (s, c) in enumerate(zip(strides, channels, strict=True), 1))
    return Layout(stages, tuple(range(first, first + len(stages))), tokens=False, multiple=max(strides))
