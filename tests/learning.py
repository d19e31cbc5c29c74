"""What learning from false alarms does to later good and bad parts, on real pictures.

`python -m tests.learning ../shared/data/circuitboard ...`: for each folder (normal/, test/good/, test/defect/) and some
draws of four references, the other normal pictures pass the line, the first k that it flags are learned, and test/ is
judged: false-reject rate / miss rate. Three thresholds: the first bundle's, kept, as `calibrate learn` does; a new one
from the four references; a new one from all references alike. Encoder `lite`, 320 px; at most 60 pictures of a kind.
"""

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from calibration.references.collect import Taken
from edge.line.picture import read_picture
from edge.vision.bundle import load_bundle
from edge.vision.encoder import open_encoder
from edge.vision.features import Encoder, Features
from edge.vision.scorer import VisionScorer
from tests.in_use import build_in_use

REFERENCES = 4
DRAWS = 4
LEARNED = (0, 1, 2, 4)
THRESHOLDS = ("kept", "new, of the four", "new, of all")
MOST = 60


def main() -> None:
    """Print a table, a line a folder."""
    encoder = Remembering(open_encoder("lite", input_size=320, device="cpu"))
    titles = ["pictures (good + bad)", "flagged, a draw", "threshold", *(f"{count} learned" for count in LEARNED)]
    sys.stdout.write(f"| {' | '.join(titles)} |\n|{'---|' * len(titles)}\n")
    for name in sys.argv[1:]:
        for row in rows(encoder, Path(name)):
            sys.stdout.write(f"| {' | '.join(row)} |\n")
            sys.stdout.flush()


def rows(encoder: Encoder, folder: Path) -> list[list[str]]:
    """One folder's lines of the table, one a threshold: means over the draws."""
    normal, good, bad = (pictures(folder / kind) for kind in ("normal", "test/good", "test/defect"))
    flagged, rates = [], []
    for seed in range(DRAWS):
        order = np.random.default_rng(seed).permutation(len(normal))
        references = [normal[index] for index in order[:REFERENCES]]
        stream = [normal[index] for index in order[REFERENCES:]]
        (scores,), threshold = scored(encoder, references, [stream])
        alarms = [replace(part, learned=True) for part, score in zip(stream, scores, strict=True) if score > threshold]
        flagged.append(len(alarms))
        for count in LEARNED:
            rates.append(rates_of(encoder, [*references, *alarms[:count]], good, bad, kept=threshold))
    means = np.array(rates).reshape(DRAWS, len(LEARNED), len(THRESHOLDS), 2).mean(axis=0)
    what = [f"{folder.name} ({len(good)} + {len(bad)})", f"{np.mean(flagged):.1f} of {len(stream)}"]
    return [
        [*what, name, *(f"{rejected:.2f} / {missed:.2f}" for rejected, missed in means[:, number])]
        for number, name in enumerate(THRESHOLDS)
    ]


def rates_of(
    encoder: Encoder, references: Sequence[Taken], good: list[Taken], bad: list[Taken], *, kept: float
) -> list[float]:
    """False-reject rate and miss rate by each of THRESHOLDS; kept: the first bundle's."""
    scores, threshold = scored(encoder, references, [good, bad])
    alike = [replace(each, learned=False) for each in references]
    return [
        share
        for limit in (kept, threshold, scored(encoder, alike, [])[1])
        for share in (float(np.mean(scores[0] > limit)), float(np.mean(scores[1] <= limit)))
    ]


def scored(
    encoder: Encoder, references: Sequence[Taken], sets: Sequence[Sequence[Taken]]
) -> tuple[list[np.ndarray], float]:
    """The scores of each set by a bundle of these references, and its threshold."""
    with tempfile.TemporaryDirectory() as bundles:
        build_in_use(encoder, references, category="part", bundles_dir=Path(bundles))
        scorer = VisionScorer(encoder, Path(bundles))
        scorer.load("part")
        threshold = load_bundle(Path(bundles), "part").manifest.threshold
        assert threshold is not None
        verdicts = [[scorer.score([part.pixels], ["part"])[0] for part in parts] for parts in sets]
        return [np.array([verdict.score for verdict in each]) for each in verdicts], threshold


class Remembering:
    """Implements edge.vision.features.Encoder: another one, which sees each picture once."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._seen: dict[bytes, Features] = {}
        self._closer = self if encoder.closer() is encoder else None

    def __getattr__(self, name: str) -> object:
        return getattr(self._encoder, name)

    def encode(self, batch: Tensor) -> Features:
        key = sha256(batch.numpy().tobytes()).digest()
        if key not in self._seen:
            with torch.inference_mode():
                self._seen[key] = self._encoder.encode(batch)
        return self._seen[key]

    def closer(self) -> "Remembering":
        if self._closer is None:
            self._closer = Remembering(self._encoder.closer())
        return self._closer


def pictures(folder: Path) -> list[Taken]:
    """The folder's first pictures by name."""
    return [Taken(read_picture(file), file.name) for file in sorted(folder.iterdir())[:MOST]]


if __name__ == "__main__":
    main()
