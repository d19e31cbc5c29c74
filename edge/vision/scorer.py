"""Pictures in, verdicts out: one forward pass for a batch, then each category's own heads and threshold."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from edge.frame import Pixels
from edge.settings import Settings
from edge.verdict import Outcome, Reason, Verdict, not_inspected
from edge.vision.bundle import Bundle
from edge.vision.bundle_name import NamedBundle
from edge.vision.drift import Standard
from edge.vision.encoder import configured_encoder
from edge.vision.features import Encoder, Features
from edge.vision.heads import Heads, Scored, run_heads
from edge.vision.in_use import BundlesInUse
from edge.vision.judge import PictureScores, judge, judge_uncalibrated
from edge.vision.looks import Looked, Looks, Prepared
from edge.vision.scene import PLAIN, Scene, Sight
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

    def standard(self, bundle: str) -> Standard | None:
        """What the bundle in use with this content hash holds as normal; None if there is none."""
        return self._bundles.standard(bundle)

    def bundles(self) -> list[NamedBundle]:
        """The bundles that judge now or from the next call of `score` on."""
        return self._bundles.named()

    def use(self, bundle: Bundle) -> None:
        """Judge the bundle's category by it from now on, whether it is promoted or not. Raises EdgeError as `load`."""
        self._bundles.use(bundle)

    def score(self, pictures: Sequence[Pixels], categories: Sequence[str | None]) -> list[Verdict]:
        """One verdict a picture, in order.

        pictures:   [H, W, 3] uint8 RGB each, of any sizes
        categories: what each shows, each loaded before (KeyError otherwise); None is `unsure: uncalibrated`
        """
        self._bundles.adopt()
        verdicts = [Verdict(Outcome.UNSURE, Reason.UNCALIBRATED) for _ in pictures]
        sights: dict[int, Sight] = {}
        for index, (pixels, category) in enumerate(zip(pictures, categories, strict=True)):
            if category is not None or self._uncalibrated is not None:
                sight = self._scene(category).see(pixels)
                if sight.reason is None or self._scene(category).presence is not None:
                    sights[index] = sight
                else:
                    verdicts[index] = self._uninspected(sight.reason, category)
        for index, verdict in self._judged(sights, categories):
            verdicts[index] = verdict
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

    def _scene(self, category: str | None) -> Scene:
        return PLAIN if category is None else self._bundles[category].scene

    def _judged(self, sights: Mapping[int, Sight], categories: Sequence[str | None]) -> Iterator[tuple[int, Verdict]]:
        """The verdict on each sight, by its place in the batch: encoded together, then each category by its heads."""
        if not sights:
            return
        run = list(sights)
        shown = [categories[index] for index in run]
        looked = self.encode(self.prepare([sight.pixels for sight in sights.values()], shown))
        for category in dict.fromkeys(shown):
            rows = [row for row, own in enumerate(shown) if own == category]
            together = [sights[run[row]] for row in rows]
            for row, verdict in zip(rows, self._judge_category(category, together, *looked.select(rows)), strict=True):
                yield run[row], verdict

    def _judge_category(
        self, category: str | None, sights: Sequence[Sight], features: Features, part: Features | None
    ) -> Iterator[Verdict]:
        """The verdict on each of one category's sights, given both looks at them."""
        scene, heads = self._scene(category), self._heads(category)
        counting = scene.counting(sights, self._encoder.device)
        scored = run_heads(features, heads, side=self._encoder.input_size, part=part, counting=counting)
        reasons = scene.reasons(features, sights)
        for one, sight, reason in zip(_by_picture(scored), sights, reasons, strict=True):
            if reason is not None:
                yield self._uninspected(reason, category)
            else:
                placed = replace(one, anomaly_map=scene.map_back(one.anomaly_map, sight))
                yield self._judge(placed, category, shape=sight.shape)

    def _uninspected(self, reason: Reason, category: str | None) -> Verdict:
        """The outcome of a frame that the category's bundle did not judge."""
        assert category is not None
        return replace(not_inspected(reason), category=category, bundle=self._bundles[category].bundle.sha256)

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
