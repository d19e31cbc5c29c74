"""One training of adapters from options to file: data set, encoder, class vectors, the loop, the card."""

import json
import os
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from calibration.adapters.dataset_source import DatasetSource, usable
from calibration.adapters.feature_cache import FeatureCache
from calibration.adapters.protocols import Protocol, protocol
from calibration.adapters.trainable import TrainableAdapters
from calibration.adapters.training import Settings, Step, checkpoint_of, log_of, train
from calibration.datasets import Dataset, open_dataset
from calibration.progress import bar
from edge.vision.adapters import AdapterCard, save_adapters
from edge.vision.encoder import open_encoder
from edge.vision.features import Encoder
from edge.vision.prompts import PromptEnsemble, class_embeddings


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """The options that decide what comes out; see the command's help. None: the default of protocol or encoder."""

    dataset: str
    root: Path
    categories: tuple[str, ...] | None
    encoder: str
    models: Path
    input_size: int | None
    device: str
    precision: str
    protocol: str
    epochs: int | None
    batch: int | None
    mosaic_rate: float | None
    dim: int
    prompts: Path | None
    seed: int


@dataclass(frozen=True, slots=True)
class Made:
    """The file's card, and the mean loss of each epoch."""

    card: AdapterCard
    losses: tuple[float, ...]


def run(
    wish: Wish,
    *,
    out: Path,
    cache: Path,
    cache_bytes: int,
    resume: bool,
    checkpoint_s: float,
    say: Callable[[str], None],
) -> Made:
    """Train, with a bar on stderr, and write `out`; what cannot work is said before the first picture is read.

    Raises EdgeError for a data set, encoder, protocol or checkpoint that does not fit.
    """
    numbers = protocol(wish.protocol, wish.dataset).changed(
        epochs=wish.epochs, batch=wish.batch, mosaic_rate=wish.mosaic_rate
    )
    dataset = open_dataset(wish.dataset, wish.root, categories=wish.categories)
    samples, unmasked = usable(dataset)
    if unmasked:
        say(f"{len(unmasked)} defective pictures have no mask and are left out, {unmasked[0].name} first.")
    encoder = open_encoder(
        wish.encoder, input_size=wish.input_size, device=wish.device, precision=wish.precision, models=wish.models
    )
    kept = FeatureCache(encoder, cache, budget_bytes=cache_bytes, precision=wish.precision)
    source = DatasetSource(encoder, samples, kept, class_vectors(encoder, dataset, wish.prompts), numbers, wish.seed)
    model = model_for(source, dim=wish.dim, seed=wish.seed)
    card = card_of(wish, source, dataset, numbers, dim=len(next(iter(model.biases.values()))))
    settings = Settings(
        epochs=numbers.epochs,
        batch=numbers.batch,
        learning_rate=numbers.learning_rate,
        betas=numbers.betas,
        run={**asdict(numbers), **card.model_dump(mode="json"), "threads": torch.get_num_threads()},
        checkpoint_s=checkpoint_s,
    )
    with bar("training, pictures", len(samples) * numbers.epochs) as advance:
        seen = [0]

        def tell(step: Step) -> None:
            advance(step.shown - seen[0])
            seen[0] = step.shown

        with repeatable(encoder.device):
            train(model, source, settings, out=out, resume=resume, tell=tell)
    save_adapters(out, model.frozen(), card)
    checkpoint_of(out).unlink(missing_ok=True)
    return Made(card, epoch_losses(log_of(out)))


@contextmanager
def repeatable(device: torch.device) -> Iterator[None]:
    """Kernels that give the same bits every time. On a CPU they do anyway; on a GPU torch must be told to use them."""
    if device.type != "cuda":
        yield
        return
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)


def class_vectors(encoder: Encoder, dataset: Dataset, prompts: Path | None) -> dict[str, Tensor]:
    """By category, [2, D] from the prompt ensemble with the category's name; none without a text tower."""
    if encoder.text is None:
        return {}
    ensemble = PromptEnsemble.read(prompts)
    names = [category.name for category in dataset.categories]
    with bar("prompts, categories", len(names)) as advance:
        vectors = {}
        for name in names:
            vectors[name] = class_embeddings(encoder.text, ensemble, name).clone()
            advance(1)
    return vectors


def model_for(source: DatasetSource, *, dim: int, seed: int) -> TrainableAdapters:
    """Untrained adapters on the encoder's device, as wide as the class vectors or, where there are none, `dim`."""
    encoder, vectors = source.encoder, list(source.classes.values())
    width = vectors[0].shape[1] if vectors else dim
    return TrainableAdapters(encoder.stages, dim=width, learn_classes=not vectors, seed=seed).to(encoder.device)


def card_of(wish: Wish, source: DatasetSource, dataset: Dataset, numbers: Protocol, *, dim: int) -> AdapterCard:
    """The card. It holds no time and no path, so that the same training gives the same file everywhere."""
    encoder = source.encoder
    return AdapterCard(
        encoder=encoder.name,
        weights_sha256=encoder.weights_sha256,
        input_size=encoder.input_size,
        stages=tuple(stage.name for stage in encoder.stages),
        dim=dim,
        learned_classes=not source.classes,
        trained_on=dataset.sources,
        pictures=tuple(sorted(set(source.fingerprints))),
        protocol=numbers.name,
        command=command_of(wish, encoder, numbers, dim=dim),
        seed=wish.seed,
        epochs=numbers.epochs,
        notes="" if wish.prompts is None else f"prompts from {wish.prompts.name}",
        created="",
    )


def command_of(wish: Wish, encoder: Encoder, numbers: Protocol, *, dim: int) -> str:
    """The command that repeats the training; ROOT stands for the folder of the pictures, which the card tells apart."""
    options: dict[str, object] = {"dataset": wish.dataset, "root": "ROOT", "encoder": encoder.name}
    options |= {"categories": ",".join(wish.categories)} if wish.categories else {}
    options |= {"protocol": wish.protocol, "epochs": numbers.epochs, "batch": numbers.batch}
    options |= {"mosaic": numbers.mosaic_rate, "input-size": encoder.input_size, "precision": wish.precision}
    options |= {"dim": dim} if encoder.text is None else {}
    options |= {"prompts": wish.prompts.name} if wish.prompts else {}
    options |= {"seed": wish.seed}
    return shlex.join(["calibrate", "adapters", *(word for n, v in options.items() for word in (f"--{n}", str(v)))])


def epoch_losses(log: Path) -> tuple[float, ...]:
    """Mean loss a picture of each epoch in a log."""
    totals: dict[int, tuple[float, int]] = {}
    for line in log.read_text().splitlines():
        step = json.loads(line)
        loss, count = totals.get(step["epoch"], (0.0, 0))
        totals[step["epoch"]] = loss + step["loss"] * step["pictures"], count + step["pictures"]
    return tuple(loss / count for loss, count in totals.values())
