"""The training loop of adapters: batches in, adapters out, with a log, and a checkpoint that a kill cannot spoil."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

import torch
from torch import Tensor

from calibration.adapters.checkpoint import Progress, load_checkpoint, save_checkpoint
from calibration.adapters.losses import adapter_loss
from calibration.adapters.mosaic import Draw
from calibration.adapters.trainable import TrainableAdapters
from edge.errors import EdgeError
from edge.vision.features import Features


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """B pictures that an encoder has seen.

    features: of all of them
    truth:    [B, S, S] bool on the features' device, True where defective
    classes:  [B, 2, D] of unit length, each picture's class vectors; None where they are learned
    """

    features: Features
    truth: Tensor
    classes: Tensor | None


class TrainingSource(Protocol):
    """What is shown. Both are pure functions: called again after a kill, they give the same."""

    def epoch(self, number: int) -> Sequence[Draw]:
        """What epoch `number`, from 0, shows, in order."""

    def load(self, draws: Sequence[Draw], *, epoch: int) -> Batch:
        """These draws of an epoch, encoded."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How to train; see Protocol for the numbers.

    run: which training this is, JSON values; a checkpoint of another one is refused
    checkpoint_s: seconds between two checkpoints; 0 writes one after every step
    """

    epochs: int
    batch: int
    learning_rate: float
    betas: tuple[float, float]
    run: dict[str, object]
    checkpoint_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Step:
    """A step that was made: epoch and step from 0, its loss, how many pictures it had, how many were shown so far."""

    epoch: int
    step: int
    loss: float
    pictures: int
    shown: int


def checkpoint_of(out: Path) -> Path:
    """Where the checkpoint of a training lies whose result is `out`."""
    return out.with_name(f"{out.name}.checkpoint")


def log_of(out: Path) -> Path:
    """Where its log lies: JSON lines of epoch, step, loss, pictures."""
    return out.with_name(f"{out.name}.log.jsonl")


def train(
    model: TrainableAdapters,
    source: TrainingSource,
    settings: Settings,
    *,
    out: Path,
    resume: bool = False,
    tell: Callable[[Step], None] = lambda step: None,
) -> None:
    """Train the model in place, from its checkpoint if `resume` and there is one, and leave the log.

    The same model, source and settings give the same weights to the last bit on one machine with one number of
    threads, however often it was killed and resumed. The checkpoint stays until `out` itself is written: remove it
    then. Raises EdgeError if there is a checkpoint and `resume` is False, or it is of another training, or the loss
    is no finite number.
    """
    optimizer = torch.optim.Adam(model.parameters(), lr=settings.learning_rate, betas=settings.betas)
    checkpoint = checkpoint_of(out)
    start = Progress(0, 0, 0)
    if checkpoint.exists():
        if not resume:
            raise EdgeError(f"{checkpoint} is of a training that was stopped. Add --resume, or remove it.")
        start = load_checkpoint(checkpoint, model, optimizer, run=settings.run)
    out.parent.mkdir(parents=True, exist_ok=True)
    with log_of(out).open("r+b" if start.log_bytes else "wb") as log:
        log.seek(start.log_bytes)
        log.truncate()
        _steps(_Training(model, optimizer, source, settings, checkpoint, log, tell), start)


@dataclass(frozen=True, slots=True, eq=False)
class _Training:
    model: TrainableAdapters
    optimizer: torch.optim.Adam
    source: TrainingSource
    settings: Settings
    checkpoint: Path
    log: IO[bytes]
    tell: Callable[[Step], None]


def _steps(training: _Training, start: Progress) -> None:
    """Every step from `start` to the end of the last epoch."""
    saved = time.monotonic()
    batch, shown = training.settings.batch, 0
    for epoch in range(training.settings.epochs):
        plan = training.source.epoch(epoch)
        for step, first in enumerate(range(0, len(plan), batch)):
            draws = plan[first : first + batch]
            shown += len(draws)
            if (epoch, step) < (start.epoch, start.step):
                continue
            loss = _step(training, training.source.load(draws, epoch=epoch))
            made = Step(epoch, step, loss, len(draws), shown)
            line = {"epoch": epoch, "step": step, "loss": loss, "pictures": len(draws)}
            training.log.write(f"{json.dumps(line)}\n".encode())
            training.tell(made)
            if time.monotonic() - saved >= training.settings.checkpoint_s:
                _save(training, Progress(epoch, step + 1, training.log.tell()))
                saved = time.monotonic()


def _step(training: _Training, batch: Batch) -> float:
    """One step of the optimiser; the loss before it."""
    planes = training.model(batch.features, batch.classes, side=batch.truth.shape[-1])
    loss = adapter_loss(planes, batch.truth)
    value = loss.item()
    if not torch.isfinite(loss):
        raise EdgeError(f"the loss became {value}: a picture or the encoder gives no finite features.")
    training.optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    training.optimizer.step()
    return value


def _save(training: _Training, progress: Progress) -> None:
    training.log.flush()
    save_checkpoint(training.checkpoint, training.model, training.optimizer, progress, run=training.settings.run)
