"""The command `calibrate random-words-study`: which of the hyperparameters that the paper's text lost matter."""

import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from calibration.random_words.cli import (
    DEFAULT_CACHE,
    DEFAULT_ENCODER,
    AnomalyWord,
    AsJson,
    Cache,
    Device,
    EncoderName,
    NormalWord,
    Pairs,
    Precision,
    Unseen,
    Words,
    open_texts,
    plan_of,
)
from edge.errors import EdgeError

if TYPE_CHECKING:
    from torch import Tensor

    from calibration.random_words.exam import Exam, Pictures
    from calibration.random_words.study import Candidate, Row
    from calibration.random_words.texts import Texts
    from edge.vision.net_card import PromptPlan


def random_words_study(
    encoder: EncoderName = DEFAULT_ENCODER,
    words: Words = None,
    normal_word: NormalWord = None,
    anomaly_word: AnomalyWord = None,
    pairs: Pairs = 10_000,
    seeds: Annotated[int, typer.Option(min=1, max=20, help="How often each candidate is trained.")] = 10,
    shared_prompts: Annotated[
        bool, typer.Option("--shared-prompts", help="All seeds train on the same random words; embeds a tenth.")
    ] = False,
    dataset: Annotated[str | None, typer.Option(help="mvtec, visa, sewerml or folder: choose by its pictures.")] = None,
    root: Annotated[Path | None, typer.Option(help="Folder of the data set.")] = None,
    category: Annotated[list[str] | None, typer.Option(help="Only this category; may be given again.")] = None,
    crops: Annotated[bool, typer.Option(help="Score each picture by six crops, as the paper does, or whole.")] = True,
    known_object: Annotated[
        bool, typer.Option("--known-object", help="CLIP's own prompts name the category; the network's never do.")
    ] = False,
    unseen: Unseen = 500,
    out: Annotated[Path, typer.Option(help="JSON file to write; a table goes beside it as .md.")] = Path(
        "random-words-study.json"
    ),
    cache: Cache = DEFAULT_CACHE,
    device: Device = None,
    precision: Precision = None,
    as_json: AsJson = False,
) -> None:
    """Train the random-word network with other learning rates, weight decays, widths, dropouts and numbers of pairs.

    One thing is changed at a time, each with every seed; the table says which differences are more than the seeds'.
    With --dataset, published weights and ten seeds, candidates are chosen by image AUROC and `calibrate random-words
    --study FILE` calls them validated on it; without pictures by plain sentences, and they remain unvalidated. With
    ten seeds, 200,000 prompts are embedded (about 200 minutes on a small CPU, once, resumable); --shared-prompts needs
    20,000.
    """
    from calibration.random_words.report import markdown, write_study
    from calibration.random_words.study import Study, candidates
    from edge.vision.clip_models import published, split_name
    from edge.vision.net_card import Training

    plan = plan_of(words, normal_word, anomaly_word, pairs=pairs, lengths=(5, 10), seed=0)
    texts = open_texts(encoder, device=device, precision=precision, cache=cache)
    exam = texts.exam(plan, pairs=unseen)
    name, pictures = pictures_of(texts, plan, dataset, root, category, crops=crops, known_object=known_object)
    exam = replace(exam, pictures=pictures)
    criterion = "image_auroc" if name else "plain_auroc"
    rows, chosen = run(
        texts, plan, candidates(Training(), pairs), exam, seeds=seeds, shared=shared_prompts, criterion=criterion
    )
    study = Study(
        encoder=texts.encoder.name,
        weights_sha256=texts.encoder.weights_sha256,
        published=published(*split_name(texts.encoder.name)) is not None,
        plan=plan,
        seeds=tuple(range(seeds)),
        shared_prompts=shared_prompts,
        dataset=name,
        crops=crops,
        criterion=criterion,
        rows=tuple(rows),
        chosen=chosen,
        command=shlex.join(["calibrate", *sys.argv[1:]]),
    )
    table = write_study(out, study)
    if as_json:
        typer.echo(study.model_dump_json(indent=1))
    else:
        Console(soft_wrap=True, highlight=False).print(f"{markdown(study)}\nStudy     {out}, {table}", markup=False)


def run(
    texts: "Texts",
    plan: "PromptPlan",
    tried: "Sequence[Candidate]",
    exam: "Exam",
    *,
    seeds: int,
    shared: bool,
    criterion: str,
) -> "tuple[list[Row], Candidate]":
    """Every candidate with every seed, the best values together if there are several, and the candidate to choose."""
    from calibration.progress import bar
    from calibration.random_words.study import combined, compared, examined, mean

    def prompts(seed: int) -> "tuple[Tensor, Tensor]":
        return texts.prompts(plan.model_copy(update={"seed": 0 if shared else seed}))

    for seed in range(1 if shared else seeds):
        prompts(seed)  # the long work first, with a bar of its own
    with bar("trainings", len(tried) * seeds) as advance:
        rows = compared(examined(tried, range(seeds), prompts, exam, advance=advance), criterion)
    best = combined(rows, criterion)
    if "+" in best.factor:
        with bar("trainings", seeds) as advance:
            rows = compared([*rows, *examined([best], range(seeds), prompts, exam, advance=advance)], criterion)
        worthy = [row for row in rows if row.matters or row is rows[0]]
        best = max(worthy, key=lambda row: mean(row, criterion)).candidate
    return rows, best


def pictures_of(
    texts: "Texts",
    plan: "PromptPlan",
    dataset: str | None,
    root: Path | None,
    categories: list[str] | None,
    *,
    crops: bool,
    known_object: bool,
) -> "tuple[str | None, list[Pictures]]":
    """The name of the data set that was given, and its test pictures, embedded; None and none without.

    Raises EdgeError as open_dataset, or for a data set without its folder.
    """
    from calibration.datasets import open_dataset
    from calibration.progress import bar
    from calibration.random_words.exam import embed_pictures

    if dataset is None or root is None:
        if dataset or root or categories:
            raise EdgeError("pictures need both --dataset and --root, for example --dataset mvtec --root DIR.")
        return None, []
    found = open_dataset(dataset, root, categories=categories)
    with bar("pictures", sum(len(each.test) for each in found.categories)) as advance:
        pictures = [
            embed_pictures(texts.encoder, each, plan, crops=crops, known_object=known_object, advance=advance)
            for each in found.categories
        ]
    names = ", ".join(each.name for each in found.categories)
    return f"{found.name} ({names})" if categories or found.absent else found.name, pictures
