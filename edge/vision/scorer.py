"""Pictures in, verdicts out: one forward pass for a batch, then each category's own heads and threshold."""

from collections.abc import Sequence
from pathlib import Path

import torch

from edge.frame import Pixels
from edge.settings import Settings
from edge.verdict import Outcome, Reason, Verdict
from edge.vision.encoder import configured_encoder
from edge.vision.features import Encoder
from edge.vision.heads import Heads, Scored, run_heads
from edge.vision.in_use import BundlesInUse
from edge.vision.judge import PictureScores, judge, judge_uncalibrated
from edge.vision.looks import Looked, Looks, Prepared
from edge.vision.uncalibrated import Uncalibrated, open_uncalibrated


class VisionScorer:
    """Judges pictures with one encoder and the bundles in `bundles_dir`. While one thread scores, others may load.

    uncalibrated: judges pictures of no category, whose outcome is `unsure` whatever it says; None: they are not run
    """

    def __init__(self, encoder: Encoder, bundles_dir: Path, *, uncalibrated: Uncalibrated | None = None) -> None:
        self._encoder = encoder
        self._looks = Looks(encoder)
        self._bundles = BundlesInUse(encoder, bundles_dir)
        self._uncalibrated = uncalibrated

    def load(self, category: str) -> None:
        """Load, or load again, the category's bundle in use and move its heads to the encoder's device.

        Raises EdgeError if there is none, it was changed, or it was made with another encoder or input size.
        """
        self._bundles.load(category)

    def refresh(self) -> None:
        """Read what was promoted since; the next call of `score` judges by it. What cannot be used is logged once."""
        self._bundles.refresh()

    def score(self, pictures: Sequence[Pixels], categories: Sequence[str | None]) -> list[Verdict]:
        """One verdict a picture, in order.

        pictures:   [H, W, 3] uint8 RGB each, of any sizes
        categories: what each shows, each loaded before (KeyError otherwise); None is `unsure: uncalibrated`
        """
        self._bundles.adopt()
        verdicts = [Verdict(Outcome.UNSURE, Reason.UNCALIBRATED) for _ in pictures]
        run = [index for index, category in enumerate(categories) if category is not None or self._uncalibrated]
        if not run:
            return verdicts
        looked = self.encode(self.prepare([pictures[index] for index in run], [categories[index] for index in run]))
        for category in dict.fromkeys(categories[index] for index in run):
            rows = [row for row, index in enumerate(run) if categories[index] == category]
            features, part = looked.select(rows)
            scored = run_heads(features, self._heads(category), side=self._encoder.input_size, part=part)
            for row, one in zip(rows, _by_picture(scored), strict=True):
                verdicts[run[row]] = self._judge(one, category, shape=pictures[run[row]].shape)
        return verdicts

    def prepare(self, pictures: Sequence[Pixels], categories: Sequence[str | None]) -> Prepared:
        """The pictures as the encoder takes them, with the boxes of the categories that have a closer look."""
        return self._looks.prepare(pictures, [self._heads(category).box for category in categories])

    def encode(self, batch: Prepared) -> Looked:
        """The forward passes that scoring a batch needs, without the heads."""
        return self._looks.encode(batch)

    def _heads(self, category: str | None) -> Heads:
        if category is not None:
            return self._bundles[category].heads
        assert self._uncalibrated is not None
        return self._uncalibrated.heads

    def _judge(self, one: PictureScores, category: str | None, *, shape: tuple[int, ...]) -> Verdict:
        if category is not None:
            bundle = self._bundles[category].bundle
            return judge(one, bundle.manifest, bundle_sha256=bundle.sha256, shape=shape)
        assert self._uncalibrated is not None
        return judge_uncalibrated(one, self._uncalibrated.scale, recipe=self._uncalibrated.heads.recipe.name)


def open_scorer(settings: Settings) -> VisionScorer:
    """The scorer that the settings describe; it has no bundle loaded yet.

    Raises EdgeError as open_encoder and open_uncalibrated do.
    """
    encoder = configured_encoder(settings)
    uncalibrated = open_uncalibrated(encoder, adapters=settings.adapters, random_words=settings.random_words)
    return VisionScorer(encoder, settings.bundles, uncalibrated=uncalibrated)


def _by_picture(scored: Scored) -> list[PictureScores]:
    """The scores and maps of each picture, on the CPU: one trip for all numbers, one for the maps."""
    names = list(scored.head_scores)
    numbers = torch.stack([scored.score, *scored.head_scores.values()], dim=1).cpu().tolist()
    maps = None if scored.map is None else scored.map.float().cpu().numpy()
    distances = None if scored.per_reference is None else scored.per_reference.tolist()
    return [
        PictureScores(
            score,
            dict(zip(names, own, strict=True)),
            None if maps is None else maps[row],
            () if distances is None else distances[row],
        )
        for row, (score, *own) in enumerate(numbers)
    ]
