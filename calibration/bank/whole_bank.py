"""What a memory budget cost: the same parts scored with all patch tokens, and with those that were kept."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from statistics import median

from calibration.ingredients import Ingredients
from calibration.known_parts import Scores, Shown, score_part
from calibration.leave_one_out import leave_one_out
from calibration.reference_heads import ReferenceLooks, as_tensors, heads_of
from edge.vision.features import Encoder
from edge.vision.heads import Heads
from edge.vision.manifest import BankCost
from edge.vision.scene import Scene

MOST_BYTES = 10**9
"""A larger bank is not made only to be compared with."""

MOST_LEFT_OUT = 12
"""References whose leave-one-out scores are compared, where there are no good and bad parts outside the bank."""


class WholeBank:
    """The bank without a budget, beside one that keeps to it."""

    def __init__(
        self,
        encoder: Encoder,
        looks: ReferenceLooks,
        ingredients: Ingredients,
        scene: Scene,
        *,
        keep: int,
        kept: Heads,
        budget_bytes: int,
    ) -> None:
        """keep: as for `heads_of`;  kept: the heads within the budget."""
        self._budget_bytes = budget_bytes
        self._encoder = encoder
        self._scene = scene
        self._looks = looks
        self._kept = kept
        self.bytes = len(looks.whole) * tokens_bytes(heads_of(looks.some(0, 1), ingredients, keep=keep))
        self._heads: Heads | None = None
        if tokens_bytes(kept) < self.bytes <= MOST_BYTES:
            self._heads = replace(heads_of(looks, ingredients, keep=keep), peak_scale=kept.peak_scale)
        self._good: list[float] = []
        self._bad: list[float] = []

    def good(self, parts: Iterable[Shown]) -> Iterator[Shown]:
        """The same parts, scored as they pass by."""
        return self._passing(parts, self._good)

    def bad(self, parts: Iterable[Shown]) -> Iterator[Shown]:
        """The same parts, scored as they pass by."""
        return self._passing(parts, self._bad)

    def cost(self, good: Sequence[Scores], bad: Sequence[Scores]) -> BankCost | None:
        """How both banks judge the parts that passed by, whose scores with the kept one are given; None if all fits.

        Image AUROC if there were good and bad ones; else the median leave-one-out score of some references.
        """
        sizes = BankCost(budget_bytes=self._budget_bytes, whole_bytes=self.bytes, kept_bytes=tokens_bytes(self._kept))
        if sizes.kept_bytes == sizes.whole_bytes:
            return None
        if self._heads is None:
            return sizes
        if good and bad:
            both = auroc(self._good, self._bad), auroc([g.part.score for g in good], [b.part.score for b in bad])
            measure, pictures = "image AUROC", len(good) + len(bad)
        else:
            scores = [self._left_out(heads) for heads in (self._heads, self._kept)]
            both = median(scores[0]), median(scores[1])
            measure, pictures = "median leave-one-out score", len(scores[0])
        return sizes.model_copy(update={"measure": measure, "parts": pictures, "whole": both[0], "kept": both[1]})

    def _left_out(self, heads: Heads) -> Sequence[float]:
        side = self._encoder.input_size
        return leave_one_out(self._looks, heads, side=side, most=MOST_LEFT_OUT).scores or (0.0,)

    def _passing(self, parts: Iterable[Shown], scores: list[float]) -> Iterator[Shown]:
        for part in parts:
            if self._heads is not None:
                scores.append(score_part(self._encoder, self._heads, part, self._scene).part.score)
            yield part


def tokens_bytes(heads: Heads) -> int:
    """Size of the patch tokens that the heads compare with."""
    return sum(tensor.nbytes for tensor in {**(heads.bank or {}), **as_tensors(heads.neighbours)}.values())


def auroc(good: Sequence[float], bad: Sequence[float]) -> float:
    """Image AUROC: 0..1."""
    from sklearn.metrics import roc_auc_score  # takes two seconds to import, and few calibrations have a budget

    return float(roc_auc_score([0] * len(good) + [1] * len(bad), [*good, *bad]))
