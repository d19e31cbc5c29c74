"""How the adapters that come with `lite` were made: pictures drawn and lit anew for every step, the usual loop."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from calibration.adapters.dataset_source import joined
from calibration.adapters.mosaic import Draw, truth_at
from calibration.adapters.trainable import TrainableAdapters
from calibration.adapters.training import Batch, Settings, checkpoint_of, train
from calibration.lite.pictures import LICENSED, Pictures, read_pictures, shown
from calibration.progress import bar
from edge.vision.adapters import AdapterCard, fingerprint, save_adapters
from edge.vision.encoder import open_encoder
from edge.vision.features import Encoder, StageSpec

PICTURES = 2400
"""Shown in the one epoch, no two alike."""

ORIGINS = ("hazelnut_toy", "demo", "surfaces")
STAGES = ("s16", "s32")
"""Stage s8 sees too little around it: with it, the largest value in a map says less about the picture."""

INPUT_SIZE = 320
BATCH = 8
DIM = 64
LEARNING_RATE = 1e-3
BETAS = (0.5, 0.999)
TRUTH_SIDE = 80
"""Pixels a side of the maps that are compared with the masks: twice the finest stage's grid."""


@dataclass(frozen=True, slots=True, eq=False)
class LiteSource:
    """Implements calibration.adapters.training.TrainingSource: picture n of an epoch depends on seed, epoch and n."""

    encoder: Encoder
    pictures: Pictures
    count: int
    seed: int

    def epoch(self, number: int) -> Sequence[Draw]:
        """See TrainingSource."""
        return [Draw((index,)) for index in range(self.count)]

    def load(self, draws: Sequence[Draw], *, epoch: int) -> Batch:
        """See TrainingSource."""
        generators = [np.random.default_rng((self.seed, epoch, draw.samples[0])) for draw in draws]
        seen = [shown(self.pictures, rng) for rng in generators]
        features = joined([self.encoder.encode(self.encoder.prepare([each.pixels])) for each in seen])
        truth = np.stack([truth_at(each.mask, TRUTH_SIDE) for each in seen])
        return Batch(features, torch.from_numpy(truth).to(self.encoder.device), None)


def make(
    data: Path,
    out: Path,
    *,
    seed: int = 0,
    count: int = PICTURES,
    origins: Sequence[str] = ORIGINS,
    stages: Sequence[str] = STAGES,
    resume: bool = False,
) -> AdapterCard:
    """Train adapters for `lite` on the CPU with one thread, with a bar on stderr, and write them to `out`.

    data:    folder that holds `hazelnut_toy` and, if asked for, `cookie`
    count:   pictures shown
    origins: what to learn from, names of LICENSED and DRAWN; the defaults are what is shipped
    stages:  names of the encoder's stages that get a layer
    The same data, seed and count give the same bytes on one machine. Raises EdgeError as `read_pictures` and `train`.
    """
    encoder = open_encoder("lite", input_size=INPUT_SIZE, device="cpu")
    pictures = read_pictures(data, origins)
    specs = [stage for stage in encoder.stages if stage.name in stages]
    card = card_of(encoder, specs, pictures, seed=seed, count=count)
    model = TrainableAdapters(specs, dim=DIM, learn_classes=True, seed=seed)
    settings = Settings(1, BATCH, LEARNING_RATE, BETAS, run=card.model_dump(mode="json"))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # sums of several threads differ with their number
    try:
        with bar("training, pictures", count) as advance:
            source = LiteSource(encoder, pictures, count, seed)
            train(model, source, settings, out=out, resume=resume, tell=lambda step: advance(step.pictures))
    finally:
        torch.set_num_threads(threads)
    save_adapters(out, model.frozen(), card)
    checkpoint_of(out).unlink(missing_ok=True)
    return card


def card_of(encoder: Encoder, stages: Sequence[StageSpec], pictures: Pictures, *, seed: int, count: int) -> AdapterCard:
    """The card, without a time, so that the same training gives the same file."""
    origins = sorted(pictures.good)
    names = tuple(stage.name for stage in stages)
    return AdapterCard(
        encoder=encoder.name,
        weights_sha256=encoder.weights_sha256,
        input_size=encoder.input_size,
        stages=names,
        dim=DIM,
        learned_classes=True,
        trained_on=tuple(f"folder:{name}" if name in LICENSED else name for name in origins),
        pictures=tuple(sorted({fingerprint(file) for file in pictures.files})),
        protocol="lite",
        command=(
            f"calibrate lite-adapters --data ../shared/data --origins {','.join(origins)} --stages {','.join(names)} "
            f"--pictures {count} --seed {seed}"
        ),
        seed=seed,
        epochs=1,
        notes="data and licences, figures, and where not to trust it: LITE_ADAPTERS.md",
        created="",
    )
