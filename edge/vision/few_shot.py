"""The few-shot head: a memory bank of good parts' patch tokens, and equation 4 of APRIL-GAN (VAND 2023)."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from edge.vision.features import Features

CHUNK_BYTES = {"cpu": 1 << 20, "cuda": 256 << 20}
"""Similarities held at once while matching; on a CPU they should stay in its second-level cache, but long tokens need
wider products to keep its arithmetic busy: CHUNK_TOKENS times their size, if that is more."""

CHUNK_TOKENS = 1024

MemoryBank = Mapping[str, Tensor]
"""By stage name, [R, N, C] float32 unit vectors: N patch tokens from each of R references."""


@dataclass(frozen=True, slots=True, eq=False)
class FewShot:
    """What the few-shot head says about B pictures.

    map:           [B, h, w] float32 >= 0, equation 4 on the finest stage's grid; the image score is its maximum
    per_reference: [B, R] float32 >= 0, mean over the map against one reference's patches alone
    """

    map: Tensor
    per_reference: Tensor


@torch.inference_mode()
def few_shot_map(features: Features, bank: MemoryBank) -> FewShot:
    """M(i, j) = sum over stages n of the minimum over f in bank n of 1 - <F_n(i, j), f>  (equation 4).

    All vectors have unit length, so that <., .> is the cosine. Stages coarser than the finest are upsampled
    bilinearly to its grid before the sum; each keeps its mean, hence `per_reference` needs no upsampling.
    """
    size = max(features.grids[stage] for stage in bank)
    total: Tensor | None = None
    per_reference: Tensor | None = None
    for stage, vectors in bank.items():
        distances = stage_distances(features.stages[stage], vectors)
        stage_map = _upsample(distances.amin(dim=1).reshape(-1, *features.grids[stage]), size)
        mean = distances.mean(dim=2)
        total = stage_map if total is None else total + stage_map
        per_reference = mean if per_reference is None else per_reference + mean
    if total is None or per_reference is None:
        raise ValueError("an empty memory bank")
    return FewShot(total, per_reference)


def stage_distances(tokens: Tensor, vectors: Tensor, *, chunk_bytes: int | None = None) -> Tensor:
    """Cosine distance of each token to its nearest vector in each reference.

    tokens:      [B, T, C], any length; float32, bfloat16 or float16
    vectors:     [R, N, C] float32 of unit length
    chunk_bytes: at most this much is held for similarities at once (but at least one token's); the device's default
    Returns [B, R, T] float32, 0..2; rounding cannot make it negative. Of tokens in half precision the nearest is found
    in that precision, which is several times faster where the device has it, and the distance to it is then computed
    in float32: bfloat16 has steps of 0.004 near 1, which would swamp the distances of good parts.
    """
    batch, count, _ = tokens.shape
    queries = functional.normalize(tokens.float(), dim=-1).flatten(0, 1)
    budget = chunk_bytes or max(CHUNK_BYTES.get(tokens.device.type, 1 << 20), CHUNK_TOKENS * queries[0].nbytes)
    step = max(1, budget // (vectors.shape[0] * vectors.shape[1] * tokens.element_size()))
    similarity = queries.new_empty(len(vectors), batch * count)
    largest = _largest if tokens.dtype == torch.float32 else _largest_by_half
    bank = vectors.to(tokens.dtype).flatten(0, 1)
    for start in range(0, batch * count, step):
        chunk = slice(start, start + step)
        largest(bank, vectors, queries[chunk], out=similarity[:, chunk])
    return (1 - similarity).clamp_(0, 2).view(len(vectors), batch, count).transpose(0, 1)


def _largest(bank: Tensor, vectors: Tensor, queries: Tensor, *, out: Tensor) -> None:
    """Each query's largest cosine in each reference: bank [R*N, C], vectors [R, N, C], queries [q, C] -> out [R, q]."""
    torch.amax((bank @ queries.T).view(*vectors.shape[:2], -1), dim=1, out=out)


def _largest_by_half(bank: Tensor, vectors: Tensor, queries: Tensor, *, out: Tensor) -> None:
    """As `_largest`; a bank in half precision finds the winner, whose cosine is then taken in float32."""
    nearest = (bank @ queries.to(bank.dtype).T).view(*vectors.shape[:2], -1).argmax(dim=1)
    rows = torch.arange(len(vectors), device=vectors.device)[:, None]
    out.copy_(torch.einsum("rqc,qc->rq", vectors[rows, nearest], queries))


def _upsample(stage_map: Tensor, size: tuple[int, int]) -> Tensor:
    """[B, h, w] -> [B, *size], bilinear, cell centres on cell centres."""
    if stage_map.shape[1:] == size:
        return stage_map
    return functional.interpolate(stage_map[:, None], size=size, mode="bilinear", align_corners=False)[:, 0]
