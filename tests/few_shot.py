"""Four good parts in, judgements out, on real pictures; as a command it prints README's table.

`python -m tests.few_shot ../shared/data/circuitboard ...`: for each folder (normal/, test/good/, test/defect/) image
AUROC / false-reject rate / miss rate of the encoder `lite` at 320 px, for the first four references and for six draws.
"""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from calibration.ingredients import gather_ingredients
from calibration.references.collect import Taken
from edge.frame import Pixels
from edge.line.picture import read_picture
from edge.verdict import Outcome, Verdict
from edge.vision.encoder import open_encoder
from edge.vision.features import Encoder
from edge.vision.recipe import parse_recipe
from edge.vision.scorer import VisionScorer
from tests.in_use import build_in_use

REFERENCES = 4
DRAWS = 6
BATCH = 4


def calibrated(
    encoder: Encoder, references: Sequence[Taken], folder: Path, *, recipe: str = "neighbourhood"
) -> VisionScorer:
    """A scorer taught by calibration's own code, as category `part`."""
    ingredients = gather_ingredients(encoder, parse_recipe(recipe))
    build_in_use(encoder, references, category="part", bundles_dir=folder, ingredients=ingredients)
    scorer = VisionScorer(encoder, folder)
    scorer.load("part")
    return scorer


def judge(scorer: VisionScorer, pictures: Sequence[Pixels]) -> list[Verdict]:
    """Verdicts on pictures of `part`."""
    batches = [pictures[start : start + BATCH] for start in range(0, len(pictures), BATCH)]
    return [verdict for batch in batches for verdict in scorer.score(batch, ["part"] * len(batch))]


def auroc(good: Sequence[Verdict], bad: Sequence[Verdict]) -> float:
    """Image AUROC of the scores."""
    scores = [verdict.score for verdict in (*good, *bad)]
    return float(roc_auc_score([0] * len(good) + [1] * len(bad), scores))


def main() -> None:
    """Print the table."""
    encoder = open_encoder("lite", input_size=320, device="cpu")
    titles = ["pictures (good + bad)", "first 4", *(f"draw {seed}" for seed in range(DRAWS)), "mean AUROC"]
    sys.stdout.write(f"| {' | '.join(titles)} |\n|{'---|' * len(titles)}\n")
    for name in sys.argv[1:]:
        sys.stdout.write(f"| {' | '.join(row(encoder, Path(name)))} |\n")


def row(encoder: Encoder, folder: Path) -> list[str]:
    """One folder's line of the table."""
    normal = sorted((folder / "normal").iterdir())
    good, bad = (
        [read_picture(file) for file in sorted((folder / "test" / kind).iterdir())] for kind in ("good", "defect")
    )
    drawn = [np.random.default_rng(seed).choice(len(normal), REFERENCES, replace=False) for seed in range(DRAWS)]
    cells, aurocs = [], []
    for indices in [range(REFERENCES), *drawn]:
        with tempfile.TemporaryDirectory() as bundles:
            references = [Taken(read_picture(normal[i]), normal[i].name) for i in sorted(indices)]
            scorer = calibrated(encoder, references, Path(bundles))
        on_good, on_bad = judge(scorer, good), judge(scorer, bad)
        rejected = np.mean([verdict.outcome is not Outcome.OK for verdict in on_good])
        missed = np.mean([verdict.outcome is Outcome.OK for verdict in on_bad])
        aurocs.append(auroc(on_good, on_bad))
        cells.append(f"{aurocs[-1]:.3f} / {rejected:.2f} / {missed:.2f}")
    return [f"{folder.name} ({len(good)} + {len(bad)})", *cells, f"{np.mean(aurocs):.3f}"]


if __name__ == "__main__":
    main()
