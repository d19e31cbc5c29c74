"""A memory bank made smaller: of each reference's patch tokens, those that differ most."""

import torch
from torch import Tensor

KEPT_STRIDE = 16
"""A stage keeps as many tokens as if they lay this many input pixels apart; see `keep_farthest`."""


def tokens_to_keep(input_size: int) -> int:
    """How many tokens a stage keeps from each reference, at most: 400 at 320 px, of 1600 with stride 8."""
    return (input_size // KEPT_STRIDE) ** 2


@torch.inference_mode()
def keep_farthest(vectors: Tensor, keep: int) -> Tensor:
    """Of each reference's N tokens the `keep` that cover all of them best: greedy farthest-point selection.

    vectors: [R, N, C] of unit length -> [R, min(N, keep), C]
    From the first token on, always the token whose cosine distance to those already kept is largest. References are
    treated apart and keep equally many; equation 4 is then taken over the kept tokens only. (Gonzalez 1985; PatchCore
    does it over all references together.) At 320 px with four references this changed no AUROC of four data sets by
    more than 0.02; half the tokens, drawn at random, cost up to 0.11, and every second one up to 0.05.
    """
    references, count, _ = vectors.shape
    if count <= keep:
        return vectors
    rows = torch.arange(references, device=vectors.device)
    chosen = torch.zeros(references, keep, dtype=torch.long, device=vectors.device)
    nearest = torch.full((references, count), torch.inf, device=vectors.device)
    for step in range(1, keep):
        last = vectors[rows, chosen[:, step - 1]]
        nearest = torch.minimum(nearest, 1 - torch.einsum("rnc,rc->rn", vectors, last))
        chosen[:, step] = nearest.argmax(dim=1)
    return vectors[rows[:, None], chosen]
