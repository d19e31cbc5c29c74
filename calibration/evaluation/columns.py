"""Which heads a recipe, an encoder and a category need in an evaluation, and what they are made of."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from calibration.ingredients import DEFAULT_WORDS, Ingredients, adapters_file, embed_prompts
from edge.errors import EdgeError
from edge.vision.adapters import AdapterCard
from edge.vision.features import Encoder
from edge.vision.prompts import PromptEnsemble
from edge.vision.published_adapters import open_adapters
from edge.vision.random_words import RandomWordNet, load_net
from edge.vision.recipe import NAMED, Recipe, parse_recipe
from edge.vision.zero_shot import Adapters

FROM_REFERENCES = ("few-shot", "neighbourhood", "references")
"""Heads that need reference pictures."""


@dataclass(frozen=True, slots=True, order=True)
class Setting:
    """What one column of a table was measured with.

    shots: number of references, 0 without
    seed:  of the draw of references, and of the random-word network where there are several; 0 where there is but one
    """

    shots: int
    seed: int


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """What was trained elsewhere, on the encoder's device.

    adapters, card: linear layers, and what they were trained on
    nets:           networks of the random-word head, one a training; seed n uses number n modulo their count
    words:          of normal and anomaly that the networks were trained with; the pair of prompts uses the same
    """

    adapters: Adapters | None = None
    card: AdapterCard | None = None
    nets: Sequence[RandomWordNet] = ()
    words: tuple[str, str] = DEFAULT_WORDS


def recipe_for(name: str | None, *, shots: int, has_text: bool) -> Recipe:
    """The recipe of a column: with references as named, without them its zero-shot part.

    name:     None: `april-gan`; for an encoder without text tower `neighbourhood`, and `adapters` for 0 shots
    has_text: whether the encoder has a text tower
    The zero-shot part of a named recipe is its -0 sibling; of a sum, what remains without the heads that need
    references. Raises EdgeError if nothing remains, or if with shots > 0 no head uses a reference.
    """
    if name is None:
        name = "april-gan" if has_text else ("neighbourhood" if shots else "adapters")
    recipe = parse_recipe(name)
    if not shots:
        return NAMED.get(f"{name}-0") or _without_references(recipe)
    if not set(recipe.heads) & set(FROM_REFERENCES):
        raise EdgeError(f"recipe {name} uses no reference pictures. Give it with --shots 0 only.")
    return recipe


def _without_references(recipe: Recipe) -> Recipe:
    if not set(recipe.heads) & set(FROM_REFERENCES):
        return recipe
    scores = {head: weight for head, weight in recipe.scores.items() if head not in FROM_REFERENCES}
    maps = {head: weight for head, weight in recipe.maps.items() if head not in FROM_REFERENCES}
    if not scores and not maps:
        raise EdgeError(f"recipe {recipe.name} needs reference pictures. Leave 0 out of --shots.")
    return Recipe("+".join((*scores, *maps)), scores, maps, peak=recipe.peak if maps else 0)


def settings_of(recipes: Mapping[int, Recipe], *, seeds: int, nets: int) -> tuple[Setting, ...]:
    """Every column of a run, by shots and seed.

    recipes: by number of shots;  nets: number of random-word networks
    Without references nothing is drawn: one column, or one a network where the recipe has the random-word head.
    """
    columns: list[Setting] = []
    for shots in sorted(recipes):
        trainings = nets if "random-words" in recipes[shots].heads else 1
        columns += [Setting(shots, seed) for seed in range(seeds if shots else max(1, trainings))]
    return tuple(columns)


def load_trained(
    recipes: Iterable[Recipe], encoder: Encoder, *, adapters: Path | None, random_words: Sequence[Path]
) -> Trained:
    """Load what the recipes name and nothing else.

    adapters:     .safetensors or a published .pth; default for `lite`: those that come with this release
    random_words: trained networks
    Raises EdgeError naming what a recipe lacks and how to give it, or a file that does not fit the encoder.
    """
    users = {head: recipe.name for recipe in recipes for head in recipe.heads}
    layers, card = None, None
    if "adapters" in users:
        layers, card = open_adapters(adapters_file(users["adapters"], encoder, adapters), encoder)
    if "random-words" in users and not random_words:
        raise EdgeError(
            f"recipe {users['random-words']} needs a network: give --random-words FILE, from `calibrate random-words`."
        )
    learned = layers is not None and layers.classes is not None
    for head in ("text", "clip-pair", "random-words", "references", *(() if learned else ("adapters",))):
        if head in users and encoder.text is None:
            raise EdgeError(
                f"recipe {users[head]}: its head {head} compares with texts or embeddings, and encoder {encoder.name} "
                "has none. Give --encoder NAME:TAG, or --recipe adapters, few-shot or adapters+few-shot."
            )
    nets, words = _nets(random_words, encoder) if "random-words" in users else ([], DEFAULT_WORDS)
    return Trained(layers, card, nets, words)


def _nets(paths: Sequence[Path], encoder: Encoder) -> tuple[list[RandomWordNet], tuple[str, str]]:
    """The networks, and the words that all of them were trained with."""
    loaded = [load_net(path, device=encoder.device) for path in paths]
    for _, card in loaded:
        card.check_fits(encoder)
    words = {path: (card.prompts.normal, card.prompts.anomaly) for path, (_, card) in zip(paths, loaded, strict=True)}
    for path, pair in words.items():
        if pair != words[paths[0]]:
            raise EdgeError(
                f"networks {paths[0]} and {path} were trained with other words, {words[paths[0]]} and {pair}. "
                "Evaluate them apart."
            )
    return [net for net, _ in loaded], words[paths[0]]


def check_untrained(card: AdapterCard | None, *, sources: Iterable[str], pictures: Iterable[Path]) -> None:
    """Raises EdgeError, naming both, if adapters would be scored on what they were trained on.

    sources: the data sets by the names that a card records;  pictures: those that will be scored
    """
    if card is None:
        return
    what = f"these adapters ({card.protocol}, trained on {', '.join(card.trained_on) or 'what nobody wrote down'})"
    if both := sorted(set(sources) & set(card.trained_on)):
        raise EdgeError(f"{what} cannot be scored on {both[0]}: they were trained on it. {_OTHERS}")
    if seen := card.seen(pictures):
        raise EdgeError(
            f"{what} cannot be scored on this data set: they were trained on {len(seen)} of its test pictures, "
            f"the first being {seen[0]}. {_OTHERS}"
        )


_OTHERS = "Take others with --adapters FILE, or a recipe without them, such as --recipe few-shot without 0 in --shots."


def ingredients_of(
    recipes: Mapping[int, Recipe], encoder: Encoder, trained: Trained, *, object_name: str, ensemble: PromptEnsemble
) -> dict[int, Ingredients]:
    """By number of shots, what its heads need besides references, for one object; nothing is embedded in vain."""
    heads = {head for recipe in recipes.values() for head in recipe.heads}
    text, pair = embed_prompts(
        encoder, heads, adapters=trained.adapters, words=trained.words, object_name=object_name, ensemble=ensemble
    )
    return {shots: Ingredients(recipe, object_name, text, pair, trained.adapters) for shots, recipe in recipes.items()}


def with_net(ingredients: Ingredients, trained: Trained, seed: int) -> Ingredients:
    """The ingredients of one column: with the random-word network of its seed, where there are any."""
    return replace(ingredients, net=trained.nets[seed % len(trained.nets)]) if trained.nets else ingredients
