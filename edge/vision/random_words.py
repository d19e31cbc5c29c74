"""The second paper's head: a network that knows `damaged` from texts alone and judges a picture's embedding."""

import math
import os
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from edge.errors import EdgeError
from edge.vision.net_card import NetCard, PromptPlan, Training

__all__ = ["NetCard", "PromptPlan", "RandomWordNet", "Training", "load_net", "random_word_score", "reference_distance"]


class RandomWordNet(nn.Module):
    """Four linear layers; the first three with batch norm, ReLU and dropout (the second paper's section 4.2).

    dim:    D, size of an embedding
    widths: outputs of the first three layers
    An embedding has unit length, of a text in training as of a picture in use (section 3.3 leaves open whether the
    network sees it normalised; here nothing else is ever handed to a head). It enters times sqrt(D): its numbers are
    then around 1, and the small constant inside batch norm stays small beside their spread.
    """

    def __init__(self, dim: int, *, widths: tuple[int, int, int], dropout: float) -> None:
        super().__init__()
        self.scale = math.sqrt(dim)
        sizes = zip((dim, *widths[:-1]), widths, strict=True)
        self.hidden = nn.ModuleList(
            nn.Sequential(nn.Linear(before, after), nn.BatchNorm1d(after), nn.ReLU(), nn.Dropout(dropout))
            for before, after in sizes
        )
        self.last = nn.Linear(widths[-1], 1)

    def layers(self, embeddings: Tensor) -> list[Tensor]:
        """[B, D] of unit length -> outputs of the three hidden layers, [B, width] float32 each."""
        outputs = [embeddings.float() * self.scale]
        for layer in self.hidden:
            outputs.append(layer(outputs[-1]))
        return outputs[1:]

    def forward(self, embeddings: Tensor) -> Tensor:
        """[B, D] of unit length -> [B] float32 logits, positive where an anomaly is the likelier."""
        logits: Tensor = self.last(self.layers(embeddings)[-1])[:, 0]
        return logits


@torch.inference_mode()
def random_word_score(pooled: Tensor, net: RandomWordNet) -> Tensor:
    """Anomaly score `ours` of section 3.3, the sigmoid of the network: [B, D] of unit length -> [B] float32 in 0..1.

    `CLIP + ours` is its sum with `text_score` of the pair of prompts. The network must be in evaluation mode, as
    `load_net` gives it.
    """
    logits: Tensor = net(pooled)
    return logits.sigmoid()


@torch.inference_mode()
def reference_distance(pooled: Tensor, references: Tensor) -> Tensor:
    """The few-shot part of section 4.2: half of 1 - the cosine to the most similar reference picture.

    pooled [B, D] and references [R, D], of unit length -> [B] float32 in 0..1. The paper names only `the similarities
    between the image embeddings`; the halving puts them into 0..1, like the scores they are added to (WinCLIP's way).
    """
    nearest = (pooled.float() @ references.float().T).amax(dim=1)
    return ((1 - nearest) / 2).clamp(0, 1)


def save_net(path: Path, net: RandomWordNet, card: NetCard) -> None:
    """Write the network with its card, whole or not at all; equal networks and cards give equal bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in net.state_dict().items()}
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(safetensors.torch.save(tensors, metadata={"card": card.model_dump_json()}))
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def load_net(path: Path, *, device: torch.device | str) -> tuple[RandomWordNet, NetCard]:
    """The network in a file, frozen, in evaluation mode, on `device`, and its card; see NetCard.check_fits.

    Raises EdgeError for a missing or damaged file, one without a card, or tensors that are not what the card says.
    """
    if not path.is_file():
        raise EdgeError(f"random-word network {path}: no such file. Train one: calibrate random-words --out {path}")
    try:
        with safetensors.safe_open(path, framework="pt", device=str(device)) as file:
            card = NetCard.model_validate_json((file.metadata() or {}).get("card", ""))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no dict)
        net = RandomWordNet(card.dim, widths=card.training.widths, dropout=card.training.dropout)
        net.load_state_dict(tensors)
    except (safetensors.SafetensorError, ValidationError, RuntimeError) as error:
        raise EdgeError(
            f"random-word network {path} is not as `calibrate random-words` writes it ({error}). Train it again."
        ) from error
    net.to(device).eval().requires_grad_(requires_grad=False)
    return net, card
