"""EfficientNet-Lite0 without its head: inverted bottlenecks with ReLU6, no squeeze-and-excitation (Tan and Le, 2019).

It computes what timm's `tf_efficientnet_lite0` does, to the bit, and its modules have the names of the published
weights. Importing timm, and torchvision with it, would double the time that a worker takes to start.
"""

import torch.nn.functional as functional
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

STEM_CHANNELS = 32
STAGES = (  # kernel, stride, expansion, channels, blocks
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
GIVEN = (2, 4, 6)  # of these stages: the last before the next stride, at 8, 16 and 32
NORM_EPSILON = 1e-3


class SameConv(nn.Conv2d):
    """A convolution without bias whose output has side / stride cells, padded as TensorFlow does it for even sides."""

    def __init__(self, channels: int, out: int, kernel: int, stride: int = 1, *, groups: int = 1) -> None:
        padding = kernel // 2 if stride == 1 else 0
        super().__init__(channels, out, kernel, stride, padding=padding, groups=groups, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        """[B, channels, h, w] -> [B, out, h / stride, w / stride]."""
        missing = self.kernel_size[0] - self.stride[0]
        if self.stride[0] > 1:  # one cell more behind than before
            maps = functional.pad(maps, (missing // 2, missing - missing // 2) * 2)
        return super().forward(maps)


class Block(nn.Module):
    """One inverted bottleneck: widen, look around in each channel, narrow; added to what came in, if it fits."""

    def __init__(self, channels: int, out: int, *, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        self.adds, self.expands = stride == 1 and channels == out, expansion > 1
        wide = channels * expansion
        if self.expands:
            self._expand_conv, self._bn0 = SameConv(channels, wide, 1), _norm(wide)
        self._depthwise_conv = SameConv(wide, wide, kernel, stride, groups=wide)
        self._bn1 = _norm(wide)
        self._project_conv, self._bn2 = SameConv(wide, out, 1), _norm(out)

    def forward(self, maps: Tensor) -> Tensor:
        """[B, channels, h, w] -> [B, out, h / stride, w / stride]."""
        wide = functional.relu6(self._bn0(self._expand_conv(maps)), inplace=True) if self.expands else maps
        wide = functional.relu6(self._bn1(self._depthwise_conv(wide)), inplace=True)
        narrow: Tensor = self._bn2(self._project_conv(wide))
        return narrow + maps if self.adds else narrow


class EfficientNetLite0(nn.Module):
    """[B, 3, H, W], H and W multiples of 32 -> [B, 40, H/8, W/8], [B, 112, H/16, W/16], [B, 320, H/32, W/32]."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem, self._bn0 = SameConv(3, STEM_CHANNELS, 3, 2), _norm(STEM_CHANNELS)
        blocks, self._given, channels = [], [], STEM_CHANNELS
        for stage, (kernel, stride, expansion, out, count) in enumerate(STAGES):
            for number in range(count):
                step = 1 if number else stride
                blocks.append(Block(channels, out, kernel=kernel, stride=step, expansion=expansion))
                channels = out
            if stage in GIVEN:
                self._given.append(len(blocks) - 1)
        self._blocks = nn.ModuleList(blocks)

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """The maps of the given stages, the finest first."""
        maps = functional.relu6(self._bn0(self._conv_stem(pictures)), inplace=True)
        given = []
        for number, block in enumerate(self._blocks):
            maps = block(maps)
            if number in self._given:
                given.append(maps)
        return given

    def fold_norms(self) -> None:
        """Fold each batch normalisation into the convolution before it: the same result, a fifth faster.

        For a network in evaluation mode.
        """
        for module in (self, *self._blocks):
            convolution = ""
            for name, child in list(module.named_children()):
                if isinstance(child, nn.BatchNorm2d):
                    setattr(module, convolution, fuse_conv_bn_eval(getattr(module, convolution), child))
                    setattr(module, name, nn.Identity())
                convolution = name


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=NORM_EPSILON)
