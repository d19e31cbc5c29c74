"""What the encoder sees of many pictures, without all of it in memory."""

from collections.abc import Sequence
from typing import overload

from edge.frame import Pixels
from edge.vision.features import Encoder, Features
from edge.vision.part_box import PartBox, cut

MOST_KEPT = 64
"""Pictures whose features are kept, 1.4 MB each with `lite` and a closer look; of more they are made when asked for."""


class PictureFeatures(Sequence[Features]):
    """Features of pictures, one picture each, encoded when they are first asked for."""

    def __init__(self, encoder: Encoder, pictures: Sequence[Pixels], *, box: PartBox | None = None) -> None:
        """pictures: [H, W, 3] uint8 RGB each;  box: what is cut out of each and encoded, None for all of it."""
        self._encoder = encoder
        self._pictures = pictures
        self._box = box
        self._kept: dict[int, Features] = {}

    def __len__(self) -> int:
        return len(self._pictures)

    @overload
    def __getitem__(self, index: int) -> Features: ...
    @overload
    def __getitem__(self, index: slice) -> list[Features]: ...
    def __getitem__(self, index: int | slice) -> Features | list[Features]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        index = range(len(self))[index]
        if index in self._kept:
            return self._kept[index]
        pixels = self._pictures[index]
        features = self._encoder.encode(
            self._encoder.prepare([pixels if self._box is None else cut(pixels, self._box)])
        )
        if len(self) <= MOST_KEPT:
            self._kept[index] = features
        return features
