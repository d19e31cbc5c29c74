"""What of a batch goes through the encoder: every picture, and the part's box of those that have one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from edge.frame import Pixels
from edge.vision.features import Encoder, Features
from edge.vision.part_box import PartBox, cut


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A batch of B pictures, of which P have a box, ready for the encoder.

    whole: [B, 3, S, S];  part: [P, 3, T, T], None if P is 0;  part_rows: by picture with a box, its row in `part`
    """

    whole: Tensor
    part: Tensor | None
    part_rows: Mapping[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """Features of the pictures as a whole, and of the boxes; see Prepared."""

    whole: Features
    part: Features | None
    part_rows: Mapping[int, int]

    def select(self, rows: Sequence[int]) -> tuple[Features, Features | None]:
        """Both looks at some of the pictures, all of which have a box, or none."""
        boxes = [self.part_rows[row] for row in rows if row in self.part_rows]
        return self.whole.select(rows), self.part.select(boxes) if self.part is not None and boxes else None


class Looks:
    """An encoder for whole pictures with its like for boxes: one forward pass of each for a batch."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder

    def prepare(self, pictures: Sequence[Pixels], boxes: Sequence[PartBox | None]) -> Prepared:
        """B pictures, [H, W, 3] uint8 RGB each, and the box of each, if its part has one."""
        cuts = {row: cut(pictures[row], box) for row, box in enumerate(boxes) if box is not None}
        part = self._encoder.closer().prepare(list(cuts.values())) if cuts else None
        return Prepared(self._encoder.prepare(pictures), part, {row: place for place, row in enumerate(cuts)})

    def encode(self, batch: Prepared) -> Looked:
        """The forward passes."""
        part = None if batch.part is None else self._encoder.closer().encode(batch.part)
        return Looked(self._encoder.encode(batch.whole), part, batch.part_rows)
