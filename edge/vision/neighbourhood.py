"""Few-shot matching as PatchCore does it (Roth et al. 2022), for small convolutional encoders: lengths count.

Tokens are averages over a neighbourhood, the stages are joined to one vector, and the distance is Euclidean: on
EfficientNet-Lite0 the length of a token tells as much as its direction, which equation 4's cosine throws away.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

from edge.vision.features import Features

COARSE_WEIGHT = 0.6
"""What stages coarser than the second are multiplied by."""

CHUNK_BYTES = 64 << 20
"""Products held at once while matching."""

TOP_SHARE = 0.0075
"""The score is the mean over this share of a map's cells, those with the largest values."""


def joined_tokens(features: Features) -> tuple[Tensor, tuple[int, int]]:
    """All stages as one on the second stage's grid (h, w): [B, h*w, C] float32, C the sum of their channels.

    Each stage is averaged over 3 x 3 tokens, beyond the border counting as zeros, which keeps the border from
    standing out; a finer stage is then averaged down to the grid, a coarser one upsampled bilinearly.
    """
    names = sorted(features.stages, key=lambda name: features.grids[name], reverse=True)
    grid = features.grids[names[min(1, len(names) - 1)]]
    planes = [_on_grid(features.stages[name].float(), features.grids[name], grid) for name in names]
    return torch.cat(planes, dim=1).permute(0, 2, 3, 1).flatten(1, 2), grid


def match(features: Features, vectors: Tensor) -> tuple[Tensor, Tensor]:
    """B pictures against the joined tokens of R references, [R, N, C] float32.

    Returns a map [B, h, w] of the distance to the nearest vector of all, and [B, R], its mean for each reference alone.
    """
    tokens, grid = joined_tokens(features)
    distances = neighbour_distances(tokens, vectors)
    return distances.amin(dim=1).reshape(-1, *grid), distances.mean(dim=2)


def neighbour_distances(tokens: Tensor, vectors: Tensor, *, chunk_bytes: int = CHUNK_BYTES) -> Tensor:
    """Distance of each token to its nearest vector in each reference, root of the mean square over channels.

    tokens:      [B, T, C] float32;  vectors: [R, N, C] float32, of any length
    chunk_bytes: at most this much is held for products at once (but at least one token's)
    Returns [B, R, T] float32 >= 0.
    """
    references, size, channels = vectors.shape
    batch, count, _ = tokens.shape
    centre = vectors.mean(dim=(0, 1))  # short vectors lose less to rounding in the difference of squares
    bank, queries = vectors.flatten(0, 1) - centre, tokens.flatten(0, 1) - centre
    half_squares = bank.square().sum(dim=1, keepdim=True) / 2
    nearest = queries.new_empty(references, batch * count)
    step = max(1, chunk_bytes // (len(bank) * bank.element_size()))
    for start in range(0, batch * count, step):
        own = slice(start, start + step)
        products = torch.addmm(half_squares, bank, queries[own].T, alpha=-1)
        torch.amin(products.view(references, size, -1), dim=1, out=nearest[:, own])
    squares = (2 * nearest + queries.square().sum(dim=1)).clamp_(min=0)
    return squares.div_(channels).sqrt_().view(references, batch, count).transpose(0, 1)


def top_mean(maps: Tensor, counting: Tensor | None = None) -> Tensor:
    """[B, h, w] -> [B]: mean of the largest TOP_SHARE of a map's cells, at least one; never above its maximum.

    counting: [B, h, w], 1 for the cells of which that is a share, 0 for the others, where the maps are 0; default: all
    """
    cells = maps.flatten(1)
    if counting is None:
        return cells.topk(max(1, math.floor(TOP_SHARE * cells.shape[1])), dim=1).values.mean(dim=1)
    counts = (TOP_SHARE * counting.flatten(1).sum(dim=1)).floor().clamp(min=1)
    largest = cells.topk(int(counts.max()), dim=1).values
    wanted = torch.arange(largest.shape[1], device=cells.device) < counts[:, None]
    return (largest * wanted).sum(dim=1) / counts


def _on_grid(tokens: Tensor, own: tuple[int, int], grid: tuple[int, int]) -> Tensor:
    """[B, h*w, C] -> [B, C, *grid]."""
    plane = functional.avg_pool2d(tokens.transpose(1, 2).reshape(len(tokens), -1, *own), 3, stride=1, padding=1)
    if own > grid:
        return functional.adaptive_avg_pool2d(plane, grid)
    if own < grid:
        return COARSE_WEIGHT * functional.interpolate(plane, size=grid, mode="bilinear", align_corners=False)
    return plane
