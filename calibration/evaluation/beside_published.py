"""Which of the papers' numbers stand beside an evaluation's."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from calibration.datasets import Dataset
from calibration.evaluation.published import MEAN as PUBLISHED_MEAN
from calibration.evaluation.published import PublishedValue, compare, published
from calibration.evaluation.tables import MEAN, METRICS, Key, Reported
from calibration.ingredients import DEFAULT_WORDS
from edge.vision.recipe import Recipe

NAMES = {
    "image_auroc": "auroc_cls",
    "image_ap": "ap_cls",
    "image_f1_max": "f1_max_cls",
    "pixel_auroc": "auroc_segm",
    "pixel_ap": "ap_segm",
    "pixel_f1_max": "f1_max_segm",
    "pixel_pro": "pro_segm",
    "harmonic_mean": "f1_max_harmonic",
}
"""By key of METRICS, what the papers' data call it."""

PEERS = {"patchcore": "PatchCore", "padim": "PaDiM", "winclip": "WinCLIP"}
"""By peer, what the papers call it."""


@dataclass(frozen=True, slots=True)
class Published:
    """A method and setup as the papers' tables name them; its encoder and input size, empty where of no matter."""

    method: str
    setup: str = ""
    encoder: str = ""
    input_size: int | None = None


def published_as(
    recipe: Recipe,
    *,
    shots: int,
    known_object: bool,
    multi_crop: bool,
    words: tuple[str, str] = DEFAULT_WORDS,
) -> Published | None:
    """What the papers call a column of ours; None if they have no such method or setup.

    words: the random-word head's words of normal and anomaly
    """
    if recipe.name in ("april-gan", "april-gan-0") and known_object and not multi_crop:
        return Published("APRIL-GAN", encoder="ViT-L-14-336:openai", input_size=518)
    method = _SECOND_PAPER.get((frozenset(recipe.scores), bool(recipe.maps), bool(shots)))
    setup = _setup(shots=shots, known_object=known_object, multi_crop=multi_crop, words=words)
    if method is None or setup is None or len(set(recipe.scores.values())) != 1:
        return None
    return Published(method, setup, encoder="ViT-B-16-plus-240:laion400m", input_size=240)


_SECOND_PAPER = {
    (frozenset({"clip-pair"}), False, False): "CLIP",
    (frozenset({"random-words"}), False, False): "random words",
    (frozenset({"clip-pair", "random-words"}), False, False): "CLIP + random words",
    (frozenset({"clip-pair", "random-words", "references"}), False, True): "CLIP + random words",
}
"""By score heads, whether there is a map, and whether there are references: the second paper's method."""


def _setup(*, shots: int, known_object: bool, multi_crop: bool, words: tuple[str, str]) -> str | None:
    """The second paper's name of a setup, None if it has none such."""
    if words != DEFAULT_WORDS:  # Table 3, which prints `an` for the word `a`
        normal, anomaly = words
        told = f"{'an' if normal == 'a' else normal} / {anomaly}"
        return told if multi_crop and not known_object and not shots else None
    if shots:
        return "" if multi_crop else None
    if not multi_crop:
        return "no-multi-crop" if known_object else None
    return "known-object" if known_object else "unknown-object"


def reported(dataset: Dataset, columns: Mapping[tuple[str, int], Published | None]) -> dict[Key, Reported]:
    """The papers' number for each cell that has one.

    columns: by method and shots as in tables.Key, what the papers call it
    The mean is compared only if all of the data set's categories are here.
    """
    names = {category.name: category.name for category in dataset.categories}
    if not dataset.absent:
        names[MEAN] = PUBLISHED_MEAN
    found: dict[Key, Reported] = {}
    for (method, shots), theirs in columns.items():
        if theirs is None:
            continue
        for category, name in names.items():
            for metric in METRICS:
                one = _compare(dataset.kind, theirs, shots=shots, metric=NAMES[metric], category=name)
                if one is not None:
                    found[method, shots, category, metric] = _as_reported(one)
    return found


def _compare(kind: str, theirs: Published, *, shots: int, metric: str, category: str) -> PublishedValue | None:
    return compare(
        dataset=kind, shots=shots, metric=metric, method=theirs.method, category=category, setup=theirs.setup
    )


def _as_reported(one: PublishedValue) -> Reported:
    deviation = None if one.deviation is None else one.deviation / 100
    return Reported(one.value / 100, deviation, f"{one.paper}, Table {one.table}")


@dataclass(frozen=True, slots=True)
class PublishedRow:
    """A row of a published table: means over a data set's categories.

    values: by key of METRICS;  doubt: why it may be misprinted, empty otherwise
    """

    dataset: str
    shots: int | None
    method: str
    setup: str
    table: str
    values: Mapping[str, Reported]
    doubt: str


def published_rows(kind: str, shots: Iterable[int]) -> list[PublishedRow]:
    """All rows of means for a data set and numbers of shots; beside VisA also VAND's, whose truth is not public."""
    wanted = set(shots)
    few = any(wanted)
    rows: dict[tuple[str, int | None, str, str, str], dict[str, PublishedValue]] = {}
    for one in [*published(dataset=kind), *(published(dataset="vand") if kind == "visa" else [])]:
        asked = few if one.shots is None else one.shots in wanted
        if asked and one.category == PUBLISHED_MEAN and "/" not in one.setup:
            key = one.dataset, one.shots, one.method, one.setup, f"{one.paper}, Table {one.table}"
            rows.setdefault(key, {})[one.metric] = one
    keys = {theirs: ours for ours, theirs in NAMES.items()}
    return [
        PublishedRow(
            *key,
            values={keys[metric]: _as_reported(one) for metric, one in values.items()},
            doubt=next((one.doubt for one in values.values() if one.doubt), ""),
        )
        for key, values in rows.items()
    ]
