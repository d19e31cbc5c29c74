"""The few-shot table beside PatchCore's: the same encoder, references, pictures, threads and run.

`python -m tests.few_shot_peers PEERS_PYTHON FIRST END FOLDER...`: image AUROC, mean over the draws FIRST..END-1 of four
references, of the recipes few-shot (equation 4) and neighbourhood, and of anomalib's PatchCore at 320 and 512 px;
median ms an image, one picture at a time on one thread, and the ratio to PatchCore at its better size.
"""

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor

from calibration.bank.coreset import tokens_to_keep
from calibration.evaluation.peers import Job, Peer, run_peers
from calibration.ingredients import gather_ingredients
from calibration.reference_heads import heads_of, look_at
from edge.frame import Pixels
from edge.line.picture import read_picture
from edge.vision.encoder import open_encoder
from edge.vision.features import Encoder
from edge.vision.heads import run_heads
from edge.vision.looks import Looks
from edge.vision.recipe import NAMED

REFERENCES = 4
RECIPES = ("few-shot", "neighbourhood")
SIZES = (320, 512)
Score = Callable[[Pixels], Tensor]


def taught(encoder: Encoder, references: Sequence[Pixels], recipe: str) -> Score:
    """The score as the line gives it."""
    ingredients = gather_ingredients(encoder, NAMED[recipe])
    seen = look_at(encoder, references, closer=recipe == "neighbourhood")
    heads, looks = heads_of(seen, ingredients, keep=tokens_to_keep(encoder.input_size)), Looks(encoder)

    def score(pixels: Pixels) -> Tensor:
        whole, part = looks.encode(looks.prepare([pixels], [heads.box])).select([0])
        return run_heads(whole, heads, side=encoder.input_size, part=part).score

    return score


def timed(score: Score, pictures: Sequence[Pixels]) -> tuple[list[float], float]:
    """Scores and median ms, after one picture that does not count."""
    score(pictures[0])
    scores, times = [], []
    for pixels in pictures:
        start = time.perf_counter()
        scores.append(float(score(pixels)))
        times.append((time.perf_counter() - start) * 1000)
    return scores, float(np.median(times))


def row(python: Path, draws: range, folder: Path) -> str:
    normal = sorted((folder / "normal").iterdir())
    good, bad = (sorted((folder / "test" / kind).iterdir()) for kind in ("good", "defect"))
    files, labels = good + bad, [0] * len(good) + [1] * len(bad)
    pictures = [read_picture(file) for file in files]
    encoder = open_encoder("lite", input_size=SIZES[0], device="cpu")
    names = [*RECIPES, *(f"patchcore {size}" for size in SIZES)]
    aurocs: dict[str, list[float]] = {name: [] for name in names}
    ms: dict[str, list[float]] = {name: [] for name in names}
    for seed in draws:
        drawn = sorted(np.random.default_rng(seed).choice(len(normal), REFERENCES, replace=False))
        references = [read_picture(normal[i]) for i in drawn]
        results = {recipe: timed(taught(encoder, references, recipe), pictures) for recipe in RECIPES}
        job = Job(
            peers=tuple(Peer("patchcore", size) for size in SIZES),
            references=tuple(str(normal[i]) for i in drawn),
            samples=tuple(map(str, files)),
            object_name=folder.name,
            backbone="lite",
            seed=seed,
        )
        theirs = run_peers(python, job)
        for size in SIZES:
            own = [one for one in theirs if one.input_size == size]
            results[f"patchcore {size}"] = [one.score for one in own], float(np.median([one.ms for one in own]))
        for name, (scores, median_ms) in results.items():
            aurocs[name].append(float(roc_auc_score(labels, scores)))
            ms[name].append(median_ms)
        sys.stderr.write(f"{folder.name} draw {seed}: { {name: round(aurocs[name][-1], 4) for name in names} }\n")
    better = max(names[2:], key=lambda name: np.mean(aurocs[name]))
    cells = [f"{np.mean(aurocs[name]):.3f} ({np.median(ms[name]):.0f} ms)" for name in names]
    ratio = np.median(ms["neighbourhood"]) / np.median(ms[better])
    return f"| {folder.name} | {' | '.join(cells)} | {better.split()[1]} px | {ratio:.2f} |"


def main() -> None:
    torch.set_num_threads(1)
    python, first, end, *folders = sys.argv[1:]
    sys.stdout.write("| set | few-shot | neighbourhood | PatchCore 320 | PatchCore 512 | better | time ratio |\n")
    sys.stdout.write("|---|---|---|---|---|---|---|\n")
    with torch.inference_mode():
        for name in folders:
            sys.stdout.write(row(Path(python), range(int(first), int(end)), Path(name)) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
