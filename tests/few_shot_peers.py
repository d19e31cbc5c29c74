"""The few-shot table beside PatchCore's: the same encoder, references, pictures, threads and run.

`python -m tests.few_shot_peers PEERS_PYTHON FIRST END FOLDER...`: image AUROC, mean over the draws FIRST..END-1 of four
references, of equation 4, of the two looks (edge.vision.closer_look), and of anomalib's PatchCore at 320 and 512 px;
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

from calibration.build import memory_bank
from calibration.coreset import keep_farthest_apart, tokens_to_keep
from calibration.evaluation.peers import Job, Peer, run_peers
from edge.frame import Pixels
from edge.line.picture import read_picture
from edge.vision.closer_look import part_side, two_look_score
from edge.vision.encoder import open_encoder
from edge.vision.features import Encoder
from edge.vision.few_shot import few_shot_map
from edge.vision.neighbourhood import joined_tokens, neighbour_distances, top_mean
from edge.vision.part_crop import cut, find_part

REFERENCES, TOKENS = 4, 256
SIZES = (320, 512)
Score = Callable[[Pixels], Tensor]


def equation_4(encoder: Encoder, references: Sequence[Pixels]) -> Score:
    features = [encoder.encode(encoder.prepare([pixels])) for pixels in references]
    bank = memory_bank(features, keep=tokens_to_keep(encoder.input_size))
    return lambda pixels: few_shot_map(encoder.encode(encoder.prepare([pixels])), bank).map.amax()


def one_look(encoder: Encoder, references: Sequence[Pixels]) -> Score:
    """Pixels -> map [1, h, w]."""

    def tokens(pixels: Pixels) -> tuple[Tensor, tuple[int, int]]:
        return joined_tokens(encoder.encode(encoder.prepare([pixels])))

    bank = keep_farthest_apart(torch.cat([tokens(pixels)[0] for pixels in references]), TOKENS)

    def look(pixels: Pixels) -> Tensor:
        own, grid = tokens(pixels)
        return neighbour_distances(own, bank).amin(dim=1).reshape(1, *grid)

    return look


def two_looks(encoder: Encoder, closer: Encoder, references: Sequence[Pixels]) -> Score:
    box = find_part(references)
    whole = one_look(encoder, references)
    if box is None:
        return lambda pixels: top_mean(whole(pixels))
    part = one_look(closer, [cut(pixels, box) for pixels in references])
    return lambda pixels: two_look_score(whole(pixels), part(cut(pixels, box)), box)


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
    closer = open_encoder("lite", input_size=part_side(SIZES[0]), device="cpu")
    names = ["equation 4", "two looks", *(f"patchcore {size}" for size in SIZES)]
    aurocs: dict[str, list[float]] = {name: [] for name in names}
    ms: dict[str, list[float]] = {name: [] for name in names}
    for seed in draws:
        drawn = sorted(np.random.default_rng(seed).choice(len(normal), REFERENCES, replace=False))
        references = [read_picture(normal[i]) for i in drawn]
        ours = (equation_4(encoder, references), two_looks(encoder, closer, references))
        results = {name: timed(score, pictures) for name, score in zip(names[:2], ours, strict=True)}
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
    ratio = np.median(ms["two looks"]) / np.median(ms[better])
    return f"| {folder.name} | {' | '.join(cells)} | {better.split()[1]} px | {ratio:.2f} |"


def main() -> None:
    torch.set_num_threads(1)
    python, first, end, *folders = sys.argv[1:]
    sys.stdout.write("| set | equation 4 | two looks | PatchCore 320 | PatchCore 512 | its better | time ratio |\n")
    sys.stdout.write("|---|---|---|---|---|---|---|\n")
    with torch.inference_mode():
        for name in folders:
            sys.stdout.write(row(Path(python), range(int(first), int(end)), Path(name)) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
