"""The command `calibrate random-words`: texts in, a network that judges pictures of anything out."""

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from edge.errors import EdgeError
from edge.settings import Settings

if TYPE_CHECKING:
    from calibration.random_words.exam import Marks
    from calibration.random_words.texts import Texts
    from edge.vision.net_card import NetCard, PromptPlan, Training

DEFAULT_ENCODER = "ViT-B-16-plus-240:laion400m_e31"
DEFAULT_CACHE = Path("~/.cache/edge-inspection/texts")

EncoderName = Annotated[str, typer.Option("--encoder", help="open_clip model with a text tower, as NAME:TAG.")]
Words = Annotated[str | None, typer.Option(help="A word pair of Table 3, such as good-broken; not with the next two.")]
NormalWord = Annotated[str | None, typer.Option(help='What the prompts say of a good thing; default "a".')]
AnomalyWord = Annotated[str | None, typer.Option(help='What they say of a bad one; default "a damaged".')]
Pairs = Annotated[int, typer.Option(min=1, help="Pairs of prompts, one normal and one anomalous each.")]
MinLength = Annotated[int, typer.Option(min=1, help="Fewest letters and digits of a random word.")]
MaxLength = Annotated[int, typer.Option(min=1, help="Most letters and digits of a random word.")]
Unseen = Annotated[int, typer.Option(min=1, help="Pairs of prompts to examine on, which no training sees.")]
Cache = Annotated[Path, typer.Option(help="Folder of text embeddings, so that none is made twice.")]
Device = Annotated[str | None, typer.Option(help="Where texts are embedded: auto, cpu or cuda.")]
Precision = Annotated[str | None, typer.Option(help="Of the text tower: fp32, bf16 or fp16.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object; all else goes to stderr.")]


def random_words(
    encoder: EncoderName = DEFAULT_ENCODER,
    words: Words = None,
    normal_word: NormalWord = None,
    anomaly_word: AnomalyWord = None,
    pairs: Pairs = 10_000,
    min_length: MinLength = 5,
    max_length: MaxLength = 10,
    seed: Annotated[int, typer.Option(help="Of first weights, order and dropout, and of the words.")] = 0,
    prompt_seed: Annotated[int | None, typer.Option(help="Of the words alone; default: --seed.")] = None,
    study: Annotated[Path | None, typer.Option(help="Take hyperparameters from a study's JSON file.")] = None,
    widths: Annotated[str | None, typer.Option(help="Sizes of the three hidden layers, as 512,256,128.")] = None,
    dropout: Annotated[float | None, typer.Option(help="Share of outputs dropped in training.")] = None,
    lr: Annotated[float | None, typer.Option(help="Learning rate of the first epoch.")] = None,
    lr_decay: Annotated[float | None, typer.Option(help="Factor on it at each further epoch.")] = None,
    weight_decay: Annotated[float | None, typer.Option(help="AdamW's.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over all pairs.")] = None,
    batch: Annotated[int | None, typer.Option(help="Prompts in a batch, two a pair.")] = None,
    unseen: Unseen = 500,
    out: Annotated[Path, typer.Option(help="File to write.")] = Path("random-words.safetensors"),
    cache: Cache = DEFAULT_CACHE,
    device: Device = None,
    precision: Precision = None,
    as_json: AsJson = False,
) -> None:
    """Train the random-word network of the second paper, from texts alone: no picture is needed.

    Embedding 20,000 prompts takes about 20 minutes on a small CPU, once: a killed run goes on where it was, and the
    next one finds all of it in --cache. Training then takes seconds. The name of the inspected object plays no part
    here; it changes CLIP's own pair of prompts only, when a bundle is made or evaluated. The same options give the
    same file, byte for byte.
    """
    from calibration.random_words.exam import marks_of
    from calibration.random_words.training import train
    from edge.vision.random_words import save_net

    plan = plan_of(
        words, normal_word, anomaly_word, pairs=pairs, lengths=(min_length, max_length),
        seed=seed if prompt_seed is None else prompt_seed,
    )  # fmt: skip
    given: dict[str, object] = {"dropout": dropout, "lr": lr, "lr_decay": lr_decay, "weight_decay": weight_decay}
    given |= {"epochs": epochs, "batch": batch, "widths": None if widths is None else parse_widths(widths)}
    texts = open_texts(encoder, device=device, precision=precision, cache=cache)
    plan, training, hyperparameters = hyperparameters_of(study, plan, given, texts)
    card = card_of(texts, plan, training, seed=seed, hyperparameters=hyperparameters)
    net = train(*texts.prompts(plan), training, seed=seed)
    marks = marks_of(net, texts.exam(plan, pairs=unseen))
    save_net(out, net, card)
    show(out, card, marks, as_json=as_json)


def plan_of(
    words: str | None, normal: str | None, anomaly: str | None, *, pairs: int, lengths: tuple[int, int], seed: int
) -> "PromptPlan":
    """The prompts that the options describe. Raises EdgeError for an unknown word pair, or two ways to name one."""
    from calibration.random_words.prompts import TABLE_3, check_plan
    from edge.vision.net_card import PromptPlan

    if words is not None:
        if normal is not None or anomaly is not None:
            raise EdgeError("give either --words, or --normal-word and --anomaly-word.")
        if words not in TABLE_3:
            raise EdgeError(f"--words {words}: no pair of Table 3. There is: {', '.join(TABLE_3)}.")
        normal, anomaly = TABLE_3[words]
    named = {"normal": normal, "anomaly": anomaly}
    chosen = {name: value for name, value in named.items() if value is not None}
    plan = PromptPlan(**chosen, pairs=pairs, min_length=lengths[0], max_length=lengths[1], seed=seed)
    check_plan(plan)
    return plan


def parse_widths(text: str) -> tuple[int, ...]:
    """`512,256,128` -> the three numbers. Raises EdgeError for anything else."""
    parts = text.split(",")
    if len(parts) != 3 or not all(part.strip().isdecimal() for part in parts):
        raise EdgeError(f"--widths {text}: give three numbers, as 512,256,128. The fourth layer has one output.")
    return tuple(int(part) for part in parts)


def open_texts(encoder: str, *, device: str | None, precision: str | None, cache: Path) -> "Texts":
    """The text tower of an encoder, with its cache. Raises EdgeError as open_encoder, or if it has no text tower."""
    from calibration.random_words.texts import Texts
    from edge.vision.encoder import open_encoder

    settings = Settings.read(encoder=encoder, device=device, precision=precision)
    opened = open_encoder(
        settings.encoder, device=settings.device, precision=settings.precision, models=settings.models
    )
    if opened.text is None:
        raise EdgeError(f"encoder {encoder} has no text tower. Give --encoder {DEFAULT_ENCODER}.")
    return Texts(opened, cache)


def hyperparameters_of(
    study: Path | None, plan: "PromptPlan", given: dict[str, object], texts: "Texts"
) -> "tuple[PromptPlan, Training, str]":
    """Prompts and training, from the study if there is one, and what the card may say of them.

    given: by name, what the options say; None where they say nothing
    Raises EdgeError for what cannot be, a study of another encoder, or options beside a study.
    """
    from calibration.random_words.report import read_study
    from calibration.random_words.training import check_training
    from edge.vision.net_card import UNVALIDATED, Training

    said = {name: value for name, value in given.items() if value is not None}
    if study is None:
        training = Training.model_validate(said)
        check_training(training)
        return plan, training, UNVALIDATED
    if said:
        raise EdgeError(f"--study chooses {next(iter(said))}. Give either of them.")
    found = read_study(study)
    if found.weights_sha256 != texts.encoder.weights_sha256:
        raise EdgeError(f"study {study} was made with {found.encoder}, other weights than {texts.encoder.name} has.")
    chosen = found.chosen
    return plan.model_copy(update={"pairs": chosen.pairs}), chosen.training, found.hyperparameters


def card_of(texts: "Texts", plan: "PromptPlan", training: "Training", *, seed: int, hyperparameters: str) -> "NetCard":
    """The card of a network about to be trained."""
    from edge.vision.net_card import NetCard

    encoder = texts.encoder
    options: dict[str, object] = {"encoder": encoder.name, "normal-word": plan.normal, "anomaly-word": plan.anomaly}
    options |= {"pairs": plan.pairs, "min-length": plan.min_length, "max-length": plan.max_length, "seed": seed}
    options |= {"prompt-seed": plan.seed, "precision": encoder.precision}
    trained = training.model_dump() | {"widths": ",".join(map(str, training.widths))}
    options |= {name.replace("_", "-"): value for name, value in trained.items()}
    command = shlex.join(["calibrate", "random-words", *(w for n, v in options.items() for w in (f"--{n}", str(v)))])
    assert encoder.text is not None
    return NetCard(
        encoder=encoder.name,
        weights_sha256=encoder.weights_sha256,
        precision=encoder.precision,
        dim=encoder.text.embed(["a"]).shape[1],
        prompts=plan,
        training=training,
        seed=seed,
        hyperparameters=hyperparameters,
        command=command,
    )


def show(out: Path, card: "NetCard", marks: "Marks", *, as_json: bool) -> None:
    """What came out, for a person or for a program."""
    if as_json:
        typer.echo(json.dumps({"file": str(out), "card": card.model_dump(mode="json"), "marks": marks}, indent=1))
        return
    console = Console(soft_wrap=True, highlight=False)
    plan = card.prompts
    console.print(f"Network   {out}", markup=False)
    console.print(f"Trained   on {plan.pairs} pairs of prompts: {plan.normal!r} against {plan.anomaly!r}", markup=False)
    console.print(
        f"Unseen    prompts: {marks['held_out_accuracy']:.1%} right; plain sentences about objects: "
        f"AUROC {marks['plain_auroc']:.3f}. Neither says how it does on pictures."
    )
    console.print(f"Hyperparameters: {card.hyperparameters}")
    console.print(f"Next      calibrate evaluate --recipe random-words --random-words {out} ...", markup=False)
