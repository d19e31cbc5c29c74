"""What the worker has of one camera: received and not acknowledged yet. Bounded, whatever the capture sends."""

from collections.abc import Sequence

from edge.line.outbox import MOST_TOLD


class OverCredit(Exception):
    """A capture sent more than it was given credit for."""


class AtHand:
    """Numbers of one camera's frames, with their pixels or only told of."""

    def __init__(self, *, credits: int) -> None:
        """credits: most frames that a capture may have here; a predecessor that died may have left as many."""
        self._most_frames = 2 * credits
        self._with_pixels: dict[int, bool] = {}

    def add(self, seqs: Sequence[int], *, with_pixels: bool) -> set[int]:
        """Take these in; returns those that were not here yet. Raises OverCredit if they are too many."""
        new = set(seqs) - self._with_pixels.keys()
        frames = sum(self._with_pixels.values())
        told = len(self._with_pixels) - frames
        if (frames if with_pixels else told) + len(new) > (self._most_frames if with_pixels else 2 * MOST_TOLD):
            raise OverCredit
        self._with_pixels.update(dict.fromkeys(new, with_pixels))
        return new

    def __len__(self) -> int:
        """How many frames, with pixels or told of."""
        return len(self._with_pixels)

    def done(self, seq: int) -> None:
        """This one is acknowledged."""
        self._with_pixels.pop(seq, None)
