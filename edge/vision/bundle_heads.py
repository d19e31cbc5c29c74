"""A bundle's arrays and files become heads on an encoder's device."""

import torch
from torch import Tensor

from edge.vision.bundle import ADAPTERS_FILE, RANDOM_WORDS_FILE, Arrays, Bundle
from edge.vision.closer_look import NeighbourBank
from edge.vision.features import Encoder
from edge.vision.heads import Heads
from edge.vision.published_adapters import open_adapters
from edge.vision.random_words import load_net
from edge.vision.recipe import parse_recipe


def load_heads(bundle: Bundle, encoder: Encoder) -> Heads:
    """The heads that the bundle's recipe names, ready to run.

    Raises EdgeError if the bundle was made with another encoder, weights or input size, or lacks what a head needs.
    """
    made = bundle.manifest
    bundle.check_fits(
        encoder=encoder.name,
        weights_sha256=encoder.weights_sha256,
        input_size=encoder.input_size,
        precision=encoder.precision,
    )
    embeddings, neighbours = _on(bundle.embeddings, encoder.device), _on(bundle.neighbours, encoder.device)
    adapters = net = None
    if ADAPTERS_FILE in made.files:
        adapters, _ = open_adapters(bundle.folder / ADAPTERS_FILE, encoder)
    if RANDOM_WORDS_FILE in made.files:
        net, card = load_net(bundle.folder / RANDOM_WORDS_FILE, device=encoder.device)
        card.check_fits(encoder)
    return Heads(
        parse_recipe(made.recipe),
        bank=_on(bundle.bank, encoder.device) or None,
        neighbours=NeighbourBank(**neighbours, box=made.part_box) if neighbours else None,
        text=embeddings.get("text"),
        pair=embeddings.get("pair"),
        adapters=adapters,
        classes=embeddings.get("text") if adapters is None or adapters.classes is None else adapters.classes,
        net=net,
        references=embeddings.get("references"),
        peak_scale=made.peak_scale,
    )


def _on(arrays: Arrays, device: torch.device) -> dict[str, Tensor]:
    return {name: torch.from_numpy(array).to(device) for name, array in arrays.items()}
