"""Stores with seeded random weights of real open_clip architectures, for work without the published ones."""

import math
from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from edge.vision.clip_models import Activation, published, skeleton, split_name
from edge.vision.store import add

POOL = 4_194_319  # prime


def random_store(folder: Path, name: str, tag: str, seed: int = 0, *, activation: Activation = "gelu") -> Path:
    """Put random weights of `name` into the store `folder` as NAME:TAG, through `add`; returns `folder`.

    A published tag keeps its own activation; any other tag gets `activation`. Open them with
    open_encoder(f"{name}:{tag}", models=folder, ...).
    """
    file = folder / f"{name}-{tag}-{seed}.safetensors"
    folder.mkdir(parents=True, exist_ok=True)
    safetensors.torch.save_file(random_weights(name, seed), file)
    listed = published(*split_name(f"{name}:{tag}"))
    add(folder, f"{name}:{tag}", file, activation=None if listed else activation)
    file.unlink()
    return folder


def random_weights(name: str, seed: int = 0) -> dict[str, Tensor]:
    """Random tensors of an architecture, in float16."""
    tensors = random_like(skeleton(name).state_dict(), seed)
    return {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}


def random_like(state: Mapping[str, Tensor], seed: int = 0) -> dict[str, Tensor]:
    """Random float32 tensors for a state dictionary, none of them trivial, so that no forgotten tensor goes unseen.

    All come from one pool of a prime number of values, which is much faster and never aligns with a tensor's rows.
    """
    pool = torch.randn(POOL, generator=torch.Generator().manual_seed(seed))
    return {name: _fill(name, like, _values(pool, like, start)) for start, (name, like) in enumerate(state.items())}


def _values(pool: Tensor, like: Tensor, start: int) -> Tensor:
    """`like.numel()` values of the pool, beginning at another place for each tensor."""
    begin = start * 7919 % POOL
    end = begin + like.numel()
    enough = pool if end <= POOL else pool.repeat(-(-end // POOL))
    return enough[begin:end].reshape(like.shape)


def _fill(name: str, like: Tensor, normal: Tensor) -> Tensor:
    if not like.is_floating_point():
        return torch.zeros(like.shape, dtype=like.dtype)
    if name.endswith("logit_scale"):
        return 4.5 + 0.1 * normal
    if name.endswith(("positional_embedding", "pos_embed", "class_embedding", "token_embedding.weight")):
        return 0.5 * normal
    if like.ndim > 1:
        return normal / math.sqrt(like.numel() / like.shape[0])
    if name.endswith(("bias", "running_mean")):
        return 0.1 * normal
    return 1 + 0.3 * normal.tanh()
