"""The embedded encoder `lite`: a small convolutional network whose weights come with a pip package."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from edge.errors import EdgeError
from edge.frame import Pixels
from edge.vision.checksum import sha256_of
from edge.vision.efficientnet_lite import EfficientNetLite0
from edge.vision.features import Features, StageSpec
from edge.vision.lite_weights import lite_weights_path, read_lite_weights
from edge.vision.squash import squash

CLOSER_SHARE = 1.2
"""Input size for pictures of a part alone, over that for whole pictures; as many tokens as help on small parts."""


class LiteEncoder:
    """EfficientNet-Lite0, pretrained on ImageNet: the stages of stride 8, 16 and 32, no embedding.

    Pixels v in 0..255 enter the network as v / 127.5 - 1 (mean and standard deviation 0.5 of 0..1).
    Raises EdgeError if its weights are not there, or the input size is no multiple of 32.
    """

    name = "lite"
    text = None
    precision = "fp32"
    default_input_size = 320
    stages = (StageSpec("s8", 8, 40), StageSpec("s16", 16, 112), StageSpec("s32", 32, 320))

    def __init__(self, *, input_size: int, device: torch.device) -> None:
        if input_size % 32:
            raise EdgeError(
                f"encoder lite: input size {input_size} is not a multiple of 32. Use {input_size // 32 * 32}."
            )
        path = lite_weights_path()
        self.weights_sha256 = sha256_of(path)
        self.input_size = input_size
        self.device = device
        self._closer: LiteEncoder | None = None
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

    def closer(self) -> "LiteEncoder":
        """See Encoder.closer: at CLOSER_SHARE of the input size, 384 px for 320."""
        if self._closer is None:
            self._closer = LiteEncoder(input_size=round(self.input_size * CLOSER_SHARE / 32) * 32, device=self.device)
        return self._closer


def _lite_network(weights: Mapping[str, Tensor]) -> EfficientNetLite0:
    """The network, frozen, in evaluation mode."""
    network = EfficientNetLite0()
    network.load_state_dict({name: weights[name] for name in network.state_dict()})
    network.eval().requires_grad_(requires_grad=False)
    network.fold_norms()
    return network
