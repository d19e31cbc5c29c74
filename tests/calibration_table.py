"""What calibration is worth on real pictures, beside anomalib's PatchCore with its own threshold.

`python -m tests.calibration_table PEERS_PYTHON FOLDER...`: for each folder, 1, 2, 4, 8 and 16 references and 5 seeds,
the encoder `lite` at 320 px for both. Half of the test pictures, drawn by the seed and with their labels, is what
anomalib sets PatchCore's threshold by (F1-adaptive, its default); all rates are counted on the other half. Ours sees no
test picture: its threshold comes from the references alone (estimate), and again from up to 40 other pictures of
normal/. Image AUROC and PRO are taken over all test pictures (at most 40 of a kind, drawn once).
"""

import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_curve, roc_auc_score

from calibration.bank.coreset import tokens_to_keep
from calibration.datasets import Sample, read_mask
from calibration.evaluation.encoder_pass import at_input_size
from calibration.evaluation.peers import Job, Peer, run_peers
from calibration.evaluation.pixel_metrics import PixelCounts
from calibration.ingredients import default_recipe, gather_ingredients
from calibration.leave_one_out import leave_one_out
from calibration.promise.threshold import Wish, set_threshold
from calibration.reference_heads import heads_of, look_at
from edge.line.picture import read_picture
from edge.vision.encoder import open_encoder
from edge.vision.features import Encoder
from edge.vision.heads import run_heads
from edge.vision.looks import Looks

REFERENCES = (1, 2, 4, 8, 16)
SEEDS = range(5)
GOOD_PARTS = 40
MOST_A_KIND = 40
SIDE = 320

Row = dict[str, float | None]


class Set:
    """A folder's pictures: names by kind, and the masks of its defects where there are any."""

    def __init__(self, folder: Path) -> None:
        self.name = folder.name
        self.normal = sorted((folder / "normal").iterdir())
        drawn = np.random.default_rng(0)
        self.files: list[Path] = []
        labels = []
        for label, kind in enumerate(("good", "defect")):
            files = sorted((folder / "test" / kind).iterdir())
            rows = sorted(drawn.permutation(len(files))[:MOST_A_KIND])
            self.files += [files[row] for row in rows]
            labels += [label] * len(rows)
        self.labels = np.array(labels)
        self.masks = folder / "masks"

    def pro(self, maps: Sequence[NDArray[np.float32]]) -> float | None:
        """PRO over the good pictures and the defects that have a mask."""
        counts = PixelCounts()
        for file, label, anomaly_map in zip(self.files, self.labels, maps, strict=True):
            mask = self.masks / f"{file.stem}.png"
            if not label:
                counts.add(anomaly_map.copy(), np.zeros((SIDE, SIDE), bool))
            elif mask.is_file():
                counts.add(
                    anomaly_map.copy(), read_mask(Sample(file, self.name, True, mask, "defect"), size=(SIDE, SIDE))
                )
        return counts.metrics().pro if self.masks.is_dir() else None


def ours(encoder: Encoder, data: Set, references: Sequence[Path], good: Sequence[Path], held: NDArray[np.bool_]) -> Row:
    """Our scores and both of our thresholds."""
    looks = look_at(encoder, [read_picture(file) for file in references], closer=True)
    heads = heads_of(
        looks, gather_ingredients(encoder, default_recipe(encoder)), keep=tokens_to_keep(encoder.input_size)
    )
    left_out = leave_one_out(looks, heads, side=encoder.input_size)
    heads, line = replace(heads, peak_scale=left_out.peak_scale), Looks(encoder)

    def score(file: Path) -> tuple[float, NDArray[np.float32]]:
        whole, part = line.encode(line.prepare([read_picture(file)], [heads.box])).select([0])
        scored = run_heads(whole, heads, side=SIDE, part=part)
        assert scored.map is not None
        return float(scored.score), np.asarray(at_input_size(scored.map, SIDE)[0].numpy(), np.float32)

    scores, maps = zip(*map(score, data.files), strict=True)
    found: Row = {"auroc": float(roc_auc_score(data.labels, scores)), "pro": data.pro(maps)}
    for name, threshold in (
        ("estimate", set_threshold([], left_out.scores, Wish())),
        ("good", set_threshold([score(file)[0] for file in good], left_out.scores, Wish())),
    ):
        if threshold.value is not None and threshold.promise is not None and (name != "good" or good):
            found |= rates(name, np.array(scores), data.labels, threshold.value, held)
            found |= {f"{name}_bound": threshold.promise.rate_bound, f"{name}_parts": float(threshold.promise.parts)}
    return found


def patchcore(python: Path, data: Set, references: Sequence[Path], held: NDArray[np.bool_], *, seed: int) -> Row:
    """PatchCore's scores, and the threshold that anomalib would take from the labelled half."""
    with tempfile.TemporaryDirectory() as maps:
        job = Job(
            peers=(Peer("patchcore", SIDE),),
            references=tuple(map(str, references)),
            samples=tuple(map(str, data.files)),
            object_name=data.name,
            backbone="lite",
            threads=torch.get_num_threads(),
            seed=seed,
            maps=maps if data.masks.is_dir() else "",
        )
        scores = np.array([one.score for one in run_peers(python, job)])
        saved = sorted(Path(maps).glob("*/*.npy"))
        pro = data.pro([np.load(file, allow_pickle=False) for file in saved]) if saved else None
    threshold = f1_adaptive(scores[~held], data.labels[~held])
    auroc = float(roc_auc_score(data.labels, scores))
    return {"auroc": auroc, "pro": pro, **rates("f1", scores, data.labels, threshold, held, at_is_defect=True)}


def f1_adaptive(scores: NDArray[np.float64], labels: NDArray[np.int_]) -> float:
    """anomalib's F1AdaptiveThreshold: the threshold of the largest F1; a score at or above it is a defect."""
    precision, recall, thresholds = precision_recall_curve(labels, scores)
    f1 = 2 * precision * recall / (precision + recall + 1e-10)
    return float(thresholds[min(int(np.argmax(f1)), len(thresholds) - 1)])


def rates(
    name: str,
    scores: NDArray[np.float64],
    labels: NDArray[np.int_],
    threshold: float,
    held: NDArray[np.bool_],
    *,
    at_is_defect: bool = False,
) -> Row:
    """False-reject and miss rate on the held-out half."""
    flagged = scores >= threshold if at_is_defect else scores > threshold
    return {
        f"{name}_reject": float(flagged[held & (labels == 0)].mean()),
        f"{name}_miss": float((~flagged[held & (labels == 1)]).mean()),
    }


def half(labels: NDArray[np.int_], *, seed: int) -> NDArray[np.bool_]:
    """Which test pictures are held out: half of each kind."""
    held = np.zeros(len(labels), bool)
    for label in (0, 1):
        rows = np.random.default_rng(seed).permutation(np.flatnonzero(labels == label))
        held[rows[len(rows) // 2 :]] = True
    return held


def line(name: str, references: int, own: Sequence[Row], theirs: Sequence[Row]) -> str:
    """A line of the table, means over the seeds."""
    cells = [f"{mean(own, 'auroc')} / {mean(theirs, 'auroc')}", f"{mean(own, 'pro')} / {mean(theirs, 'pro')}"]
    for kind in ("estimate", "good"):
        bound, parts = mean(own, f"{kind}_bound", digits=2), mean(own, f"{kind}_parts", digits=0)
        rejects, misses = (mean(own, f"{kind}_{rate}", digits=2) for rate in ("reject", "miss"))
        cells.append("-" if bound == "-" else f"{rejects} (≤ {bound}, n {parts}) / {misses}")
    cells.append(f"{mean(theirs, 'f1_reject', digits=2)} / {mean(theirs, 'f1_miss', digits=2)}")
    return f"| {name} | {references} | {' | '.join(cells)} |"


def mean(rows: Sequence[Row], key: str, *, digits: int = 3) -> str:
    """The mean of what is known, or a dash."""
    known = [value for row in rows if (value := row.get(key)) is not None]
    return f"{np.mean(known):.{digits}f}".lstrip("0") if known and digits else f"{np.mean(known):.0f}" if known else "-"


def main() -> None:
    """Print the table, and each run as JSON on stderr."""
    python, *folders = map(Path, sys.argv[1:])
    encoder = open_encoder("lite", input_size=SIDE, device="cpu")
    titles = ("set", "references", "image AUROC, ours / PatchCore", "PRO, ours / PatchCore")
    rates_of = ("estimate", "good parts outside the bank", "PatchCore's F1-adaptive")
    heads = (*titles, *(f"rejects / misses, {each}" for each in rates_of))
    sys.stdout.write(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}\n")
    for data in map(Set, folders):
        for references in REFERENCES:
            own, theirs = [], []
            for seed in SEEDS:
                order = np.random.default_rng(seed).permutation(len(data.normal))
                chosen, other = ([data.normal[i] for i in sorted(rows)] for rows in np.split(order, [references]))
                held = half(data.labels, seed=seed)
                own.append(ours(encoder, data, chosen, other[:GOOD_PARTS], held))
                theirs.append(patchcore(python, data, chosen, held, seed=seed))
                said = {"set": data.name, "references": references, "seed": seed, "ours": own[-1], "peer": theirs[-1]}
                sys.stderr.write(json.dumps(said) + "\n")
            sys.stdout.write(line(data.name, references, own, theirs) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
