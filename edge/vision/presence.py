"""Whether there is a part at all: how unlike a picture is to pictures of the empty belt or fixture.

A part, whole or broken, is unlike anything that the empty view shows; the good parts' own bank could not tell, since it
holds the belt around them too. Asked of the features that the forward pass gave anyway.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from edge.vision.features import Features
from edge.vision.neighbourhood import joined_tokens, neighbour_distances

GRID = 10
"""Coarse tokens along a side, at most; averaging over a tenth of the picture leaves crumbs and noise behind."""

SHARE = 0.05
"""Of the coarse tokens, those least like the empty view; their mean is what counts."""


@dataclass(frozen=True, slots=True, eq=False)
class Presence:
    """What the empty view looks like.

    bank:  [E, n, C] float32, coarse tokens of E pictures of it
    limit: a picture that is no more unlike than this shows no part
    """

    bank: Tensor
    limit: float

    def absent(self, features: Features) -> list[bool]:
        """Of B pictures, whether each shows no part."""
        return [value <= self.limit for value in unlike_empty(coarse_tokens(features), self.bank).tolist()]


@torch.inference_mode()
def coarse_tokens(features: Features) -> Tensor:
    """[B, n, C] float32: the joined tokens of all stages, averaged on a grid of GRID x GRID at most."""
    tokens, (rows, columns) = joined_tokens(features)
    plane = tokens.transpose(1, 2).reshape(len(tokens), -1, rows, columns)
    return functional.adaptive_avg_pool2d(plane, (min(GRID, rows), min(GRID, columns))).flatten(2).transpose(1, 2)


@torch.inference_mode()
def unlike_empty(tokens: Tensor, bank: Tensor) -> Tensor:
    """[B] float32 >= 0: B pictures' coarse tokens [B, n, C] against the empty view's [E, m, C].

    The mean over the SHARE of tokens that are furthest from every token of the empty view, wherever it lies.
    """
    distances = neighbour_distances(tokens, bank).amin(dim=1)
    furthest = max(1, math.floor(SHARE * distances.shape[1]))
    return distances.topk(furthest, dim=1).values.mean(dim=1)
