"""What a recipe's heads need besides reference pictures: prompts' embeddings, adapters, a random-word network."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from edge.errors import EdgeError
from edge.vision.adapters import adapters_bytes
from edge.vision.bundle import ADAPTERS_FILE, RANDOM_WORDS_FILE
from edge.vision.closer_look import NeighbourBank
from edge.vision.features import Encoder
from edge.vision.few_shot import MemoryBank
from edge.vision.heads import NEEDED, Heads
from edge.vision.lite_adapters import shipped_adapters_path
from edge.vision.prompts import PromptEnsemble, class_embeddings, pair_embeddings
from edge.vision.published_adapters import open_adapters
from edge.vision.random_words import RandomWordNet, load_net
from edge.vision.recipe import NAMED, Recipe
from edge.vision.zero_shot import Adapters

DEFAULT_WORDS = "a", "a damaged"
"""The second paper's words of normal and anomaly."""


@dataclass(frozen=True, slots=True, eq=False)
class Ingredients:
    """The parts of Heads that no reference picture is needed for; see Heads for the fields.

    trained: by its name in a bundle, the file of adapters or network
    """

    recipe: Recipe
    object_name: str | None = None
    text: Tensor | None = None
    pair: Tensor | None = None
    adapters: Adapters | None = None
    net: RandomWordNet | None = None
    trained: Mapping[str, bytes] = field(default_factory=dict)

    def heads(
        self,
        *,
        bank: MemoryBank | None = None,
        neighbours: NeighbourBank | None = None,
        references: Tensor | None = None,
        peak_scale: float = 1.0,
    ) -> Heads:
        """The whole heads. Raises EdgeError if the recipe needs what is not here."""
        learned = None if self.adapters is None else self.adapters.classes
        return Heads(
            self.recipe,
            bank=bank,
            neighbours=neighbours,
            text=self.text,
            pair=self.pair,
            adapters=self.adapters,
            classes=self.text if learned is None else learned,
            net=self.net,
            references=references,
            peak_scale=peak_scale,
        )


def default_recipe(encoder: Encoder) -> Recipe:
    """APRIL-GAN's for an encoder that reads texts, the neighbourhood head for one that does not."""
    return NAMED["neighbourhood" if encoder.text is None else "april-gan"]


def gather_ingredients(
    encoder: Encoder,
    recipe: Recipe,
    *,
    object_name: str = "object",
    adapters: Path | None = None,
    random_words: Path | None = None,
    prompts: Path | None = None,
) -> Ingredients:
    """Load and embed what the recipe needs, and nothing else.

    object_name:  what prompts call the part; `object` is the second paper's unknown-object setup
    adapters:     default for `lite`: those that come with this release
    random_words: a trained network;  prompts: a TOML file, default the shipped ensemble
    Raises EdgeError for a file that does not fit the encoder, or a head that the encoder cannot have.
    """
    layers = net = None
    words = DEFAULT_WORDS
    trained: dict[str, bytes] = {}
    if "adapters" in recipe.maps:
        layers, card = open_adapters(adapters_file(recipe.name, encoder, adapters), encoder)
        trained[ADAPTERS_FILE] = adapters_bytes(layers, card)
    if "random-words" in recipe.scores and random_words is not None:
        net, net_card = load_net(random_words, device=encoder.device)
        net_card.check_fits(encoder)
        words = net_card.prompts.normal, net_card.prompts.anomaly
        trained[RANDOM_WORDS_FILE] = random_words.read_bytes()
    ensemble = PromptEnsemble.read(prompts)
    text, pair = embed_prompts(
        encoder, recipe.heads, adapters=layers, words=words, object_name=object_name, ensemble=ensemble
    )
    named = object_name if text is not None or pair is not None else None
    gathered = Ingredients(recipe, named, text, pair, layers, net, trained)
    _check_complete(gathered, encoder)
    return gathered


def embed_prompts(
    encoder: Encoder,
    heads: Collection[str],
    *,
    adapters: Adapters | None,
    words: tuple[str, str],
    object_name: str,
    ensemble: PromptEnsemble,
) -> tuple[Tensor | None, Tensor | None]:
    """The class embeddings and the pair of embeddings, [2, D] each, that heads compare with; None where none does.

    adapters: layers of the adapted map, which may bring classes of their own
    words:    of normal and anomaly, in the pair of prompts
    """
    text = pair = None
    learned = adapters is not None and adapters.classes is not None
    if encoder.text is not None and ("text" in heads or ("adapters" in heads and not learned)):
        text = class_embeddings(encoder.text, ensemble, object_name)
    if encoder.text is not None and "clip-pair" in heads:
        pair = pair_embeddings(encoder.text, normal=words[0], abnormal=words[1], object_name=object_name)
    return text, pair


def adapters_file(recipe: str, encoder: Encoder, given: Path | None) -> Path:
    """The file given, or for `lite` the one that is shipped. Raises EdgeError, naming the recipe, if there is none."""
    if given is None and encoder.name == "lite":
        return shipped_adapters_path()
    if given is None:
        raise EdgeError(
            f"recipe {recipe} needs adapters: give --adapters FILE, as `calibrate adapters` writes it, or as published "
            "(mvtec_pretrained.pth, visa_pretrained.pth), or choose a recipe without them: --recipe text+few-shot."
        )
    return given


def _check_complete(gathered: Ingredients, encoder: Encoder) -> None:
    """Raises EdgeError for the first head that no reference picture could complete."""
    for head in gathered.recipe.heads:
        name, remedy = NEEDED[head]
        there = encoder.text is not None if head == "references" else getattr(gathered, name, gathered) is not None
        if not there:
            raise EdgeError(f"recipe {gathered.recipe.name}: its head {head!r} needs {remedy}.")
