"""The study that chooses what the second paper's text lost: learning rate, weight decay, widths, dropout."""

import itertools
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from calibration.random_words.exam import Exam, Marks, TwoTexts, marks_of
from calibration.random_words.training import train
from edge.vision.net_card import UNVALIDATED, Part, PromptPlan, Training

FACTORS: dict[str, tuple[object, ...]] = {
    "lr": (1e-4, 3e-4, 1e-3, 3e-3),
    "lr_decay": (0.1, 0.5),
    "weight_decay": (0.0, 1e-4, 1e-2, 1e-1),
    "widths": ((128, 64, 32), (256, 128, 64), (512, 256, 128), (512, 512, 512)),
    "dropout": (0.0, 0.1, 0.3, 0.5),
}
"""By hyperparameter, the values that are tried, one hyperparameter at a time."""

PAIR_SHARES = (0.1, 0.3)
"""Parts of the pairs that are tried instead of all of them (section 4.4)."""

LEVEL = 0.05
"""How likely a study without any real difference may find one."""

LOWER_IS_BETTER = ("held_out_bce",)


class Candidate(Part):
    """One way to train: the default with one thing changed. factor, value: which, and to what."""

    factor: str
    value: str
    training: Training
    pairs: int


class Row(Part):
    """What a candidate reached: by mark, one number a seed; `matters` as `compared` says, None for the default."""

    candidate: Candidate
    marks: dict[str, tuple[float, ...]]
    p: float | None = None
    matters: bool | None = None


class Study(Part):
    """A finished study.

    criterion: the mark that chose: image_auroc where there were pictures, else plain_auroc
    published: whether open_clip lists the encoder's tag; only then are its weights known not to be random
    dataset:   what the pictures were; None without
    chosen:    of all candidates; the default unless another is better beyond what the seeds explain
    """

    encoder: str
    weights_sha256: str
    published: bool
    plan: PromptPlan
    seeds: tuple[int, ...]
    shared_prompts: bool
    dataset: str | None
    crops: bool
    criterion: str
    rows: tuple[Row, ...]
    chosen: Candidate
    command: str

    @property
    def shortfall(self) -> str | None:
        """Why this study validates nothing; None if it does."""
        needed = least_seeds(len(self.rows) - 1)
        if self.dataset is None:
            return "No picture was scored."
        if not self.published:
            return (
                f"{self.encoder} is no published weights that open_clip lists; with random ones all this means nothing."
            )
        if len(self.seeds) < needed:
            return f"{len(self.seeds)} seeds are too few to tell any difference from chance; {needed} are not."
        return None

    @property
    def hyperparameters(self) -> str:
        """What a card says of hyperparameters that come from this study."""
        if self.shortfall is not None:
            return UNVALIDATED
        return f"validated on {self.dataset}, {len(self.seeds)} seeds, weights {self.weights_sha256[:16]}"


def candidates(default: Training, pairs: int) -> list[Candidate]:
    """The default, then each value of each factor in its place; a value that is the default's is not repeated."""
    found = [Candidate(factor="default", value="", training=default, pairs=pairs)]
    for factor, values in FACTORS.items():
        for value in values:
            if value != getattr(default, factor):
                changed = default.model_copy(update={factor: value})
                found.append(Candidate(factor=factor, value=str(value), training=changed, pairs=pairs))
    for count in sorted({round(pairs * share) for share in PAIR_SHARES} - {0, pairs}):
        found.append(Candidate(factor="pairs", value=str(count), training=default, pairs=count))
    return found


def examined(
    tried: Sequence[Candidate],
    seeds: Iterable[int],
    texts: Callable[[int], TwoTexts],
    exam: Exam,
    *,
    advance: Callable[[int], None] = lambda _: None,
) -> list[Row]:
    """Train every candidate with every seed and examine it; `texts` gives a seed's training texts."""
    marks: list[list[Marks]] = [[] for _ in tried]
    for seed in seeds:
        normal, anomalous = texts(seed)
        for candidate, reached in zip(tried, marks, strict=True):
            net = train(normal[: candidate.pairs], anomalous[: candidate.pairs], candidate.training, seed=seed)
            reached.append(marks_of(net, exam))
            advance(1)
    return [
        Row(candidate=candidate, marks={name: tuple(each[name] for each in reached) for name in reached[0]})
        for candidate, reached in zip(tried, marks, strict=True)
    ]


def compared(rows: Sequence[Row], criterion: str) -> list[Row]:
    """The rows with `p` and `matters` against the first one, the default.

    A difference matters if its p, times the number of comparisons, is below LEVEL (Bonferroni).
    """
    default = np.asarray(rows[0].marks[criterion])
    found = [rows[0]]
    for row in rows[1:]:
        p = sign_flip_p(np.asarray(row.marks[criterion]) - default)
        found.append(row.model_copy(update={"p": p, "matters": p * (len(rows) - 1) < LEVEL}))
    return found


def sign_flip_p(differences: np.ndarray) -> float:
    """How likely a mean this far from 0 is, if each seed's difference could as well have had the other sign.

    differences: [n], seed by seed, n at most 20. Exact: all 2**n signs are tried, so that the least p is 2 / 2**n.
    """
    signs = np.asarray(list(itertools.product((-1, 1), repeat=len(differences))))
    means = np.abs(signs @ differences)
    return float((means >= abs(differences.sum()) - 1e-12).mean())


def least_seeds(comparisons: int) -> int:
    """The fewest seeds with which any of so many differences can matter."""
    return next(n for n in itertools.count(1) if 2 / 2**n * comparisons < LEVEL)


def combined(rows: Sequence[Row], criterion: str) -> Candidate:
    """The default with, factor by factor, the best value of those that are better and matter."""
    default = rows[0].candidate
    best: dict[str, Row] = {}
    for row in rows[1:]:
        factor = row.candidate.factor
        if row.matters and mean(row, criterion) > mean(best.get(factor, rows[0]), criterion):
            best[factor] = row
    if not best:
        return default
    changed = {f: getattr(row.candidate.training, f) for f, row in best.items() if f != "pairs"}
    return Candidate(
        factor="+".join(best),
        value=", ".join(row.candidate.value for row in best.values()),
        training=default.training.model_copy(update=changed),
        pairs=best["pairs"].candidate.pairs if "pairs" in best else default.pairs,
    )


def mean(row: Row, criterion: str) -> float:
    """Mean of a mark over the seeds, turned so that higher is better."""
    value = float(np.mean(row.marks[criterion]))
    return -value if criterion in LOWER_IS_BETTER else value
