"""What a line sees before anybody has taught it a product: zero-shot heads that know no object."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from edge.verdict import Scale
from edge.vision.adapters import load_adapters
from edge.vision.features import Encoder
from edge.vision.heads import Heads
from edge.vision.lite_adapters import shipped_adapters_path
from edge.vision.prompts import PromptEnsemble, class_embeddings, guides
from edge.vision.published_adapters import open_adapters
from edge.vision.random_words import NetCard, RandomWordNet, load_net
from edge.vision.recipe import Recipe
from edge.vision.zero_shot import Adapters

log = logging.getLogger(__name__)

UNKNOWN_OBJECT = "object"
"""What prompts call a part that nobody has named (the second paper's unknown-object setup)."""


@dataclass(frozen=True, slots=True, eq=False)
class Uncalibrated:
    """Heads for parts of no category, and the scale their maps are drawn on; it marks nothing."""

    heads: Heads
    scale: Scale | None


def open_uncalibrated(encoder: Encoder, *, adapters: Path | None, random_words: Path | None) -> Uncalibrated | None:
    """The zero-shot heads at hand for this encoder; None if there is none.

    adapters:     file of trained adapters; default for `lite` at their input size: those that come with this release
    random_words: file of a trained random-word network
    An encoder with a text tower always has the prompt-guided score. Raises EdgeError for a file that does not fit.
    """
    layers = _shipped(encoder) if adapters is None else open_adapters(adapters, encoder)[0]
    trained = None if random_words is None else _net(random_words, encoder)
    net = None if trained is None else trained[0]
    scores = {
        head: 1.0 for head, there in {"clip-pair": encoder.text, "random-words": net}.items() if there is not None
    }
    if layers is None and not scores:
        return None
    recipe = Recipe("uncalibrated", scores, {} if layers is None else {"adapters": 1.0}, peak=0 if scores else 1)
    words = None if trained is None else trained[1].prompts
    pair = None if encoder.text is None else guides(encoder.text, words, object_name=UNKNOWN_OBJECT)
    heads = Heads(recipe, pair=pair, adapters=layers, classes=_classes(layers, encoder), net=net)
    return Uncalibrated(heads, None if layers is None else _scale(layers.weights))


def _shipped(encoder: Encoder) -> Adapters | None:
    """What comes with this release for an encoder; None, with a word in the log, if there is nothing that fits."""
    if encoder.name != "lite":
        return None
    adapters, card = load_adapters(shipped_adapters_path(), device=encoder.device)
    if card.input_size == encoder.input_size:
        return adapters
    log.warning(
        "the shipped adapters are for %d px, not %d: parts of no category are not looked at",
        card.input_size, encoder.input_size,
    )  # fmt: skip
    return None


def _net(file: Path, encoder: Encoder) -> tuple[RandomWordNet, NetCard]:
    net, card = load_net(file, device=encoder.device)
    card.check_fits(encoder)
    return net, card


def _classes(adapters: Adapters | None, encoder: Encoder) -> Tensor | None:
    if adapters is None or adapters.classes is not None or encoder.text is None:
        return None if adapters is None else adapters.classes
    return class_embeddings(encoder.text, PromptEnsemble.read(None), UNKNOWN_OBJECT)


def _scale(stages: Mapping[str, Tensor]) -> Scale:
    """From undecided to certain: each stage of the map is a probability."""
    return Scale(low=0.5 * len(stages), mark=None, high=1.0 * len(stages))
