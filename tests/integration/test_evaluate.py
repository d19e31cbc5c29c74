"""The command `calibrate evaluate` as a process of its own, with the embedded encoder."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from calibration.datasets import open_dataset, read_mask
from edge.line.opencv import cv2
from tests.patch_encoder import grey_part
from tests.tiny_dataset import tiny_dataset

SIDE = 64


def evaluate(*words: object) -> list[str]:
    return [sys.executable, "-m", "calibration.cli", "evaluate", *map(str, words), "--input-size", str(SIDE)]


def parts(root: Path, *, good: int, bad: int) -> Path:
    """Grey parts with red spots, and one defect that shows nothing."""
    tiny_dataset(root, good=good, bad=bad, size=48)
    cv2.imwrite(str(root / "test/defect/99.png"), grey_part(99, size=(48, 48)))
    mask = np.zeros((48, 48), np.uint8)
    mask[4:20, 4:20] = 255
    cv2.imwrite(str(root / "masks/99.png"), mask)
    return root


def test_the_table_is_what_scikit_learn_says_of_the_saved_scores_and_maps(tmp_path: Path) -> None:
    root = parts(tmp_path / "nut", good=4, bad=4)
    command = evaluate(
        "--dataset", "folder", "--root", root, "--shots", "1,2", "--seeds", "2", "--json",
        "--save-scores", tmp_path / "scores.csv", "--save-maps", tmp_path / "maps", "--report", tmp_path / "report",
    )  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    cells = {(one["shots"], one["category"], one["metric"]): one for one in told["table"]}
    with (tmp_path / "scores.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    test = open_dataset("folder", root).categories[0].test
    masks = np.stack([read_mask(sample, size=(SIDE, SIDE)) for sample in test]).ravel()
    for shots in (1, 2):
        image, pixel = [], []
        for seed in (0, 1):
            mine = [row for row in rows if (row["shots"], row["seed"]) == (str(shots), str(seed))]
            labels, scores = [int(row["label"]) for row in mine], [float(row["score"]) for row in mine]
            folder = tmp_path / "maps" / f"shots-{shots}_seed-{seed}"
            maps = np.stack([np.load(folder / Path(row["image"]).with_suffix(".npy")) for row in mine])
            assert maps.shape[1:] == (SIDE, SIDE) and maps.dtype == np.float32
            image.append((roc_auc_score(labels, scores), average_precision_score(labels, scores)))
            pixel.append((roc_auc_score(masks, maps.ravel()), average_precision_score(masks, maps.ravel())))
        for name, values, tolerance in (("image", image, 1e-9), ("pixel", pixel, 2e-4)):
            for metric, column in zip((f"{name}_auroc", f"{name}_ap"), np.transpose(values), strict=True):
                for category in ("nut", "mean"):
                    cell = cells[shots, category, metric]
                    assert cell["mean"] == pytest.approx(column.mean(), abs=tolerance)
                    assert cell["deviation"] == pytest.approx(column.std(ddof=1), abs=2 * tolerance)
    report = (tmp_path / "report/report.md").read_text()
    assert told["settings"]["weights_sha256"] in report and "calibrate evaluate --dataset folder" in report
    assert (tmp_path / "report/pictures/nut.png").is_file()


def test_ctrl_c_ends_it_with_130_says_what_is_complete_and_keeps_it(tmp_path: Path) -> None:
    parts(tmp_path / "parts/a", good=3, bad=2)
    parts(tmp_path / "parts/b", good=400, bad=200)
    command = evaluate(
        "--dataset", "folder", "--root", tmp_path / "parts", "--shots", "1,2", "--report", tmp_path / "report"
    )
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 90
        while not (tmp_path / "report/results.json").is_file():
            assert process.poll() is None and time.monotonic() < deadline, process.communicate()
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "Stopped. 1 of 2 categories are complete (a), kept in" in errors
    assert "Traceback" not in errors
    assert list(json.loads((tmp_path / "report/results.json").read_text())["categories"]) == ["a"]
