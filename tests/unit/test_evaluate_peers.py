"""Peers beside ours: the same references and pictures go out, and what comes back is measured by the same metrics."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from calibration.datasets import Dataset, open_dataset, read_mask, references
from calibration.evaluation.peer_columns import with_peers
from calibration.evaluation.prepare import Options, Prepared, prepare_with
from calibration.evaluation.run import run_category
from calibration.evaluation.session import Session, open_session
from calibration.evaluation.tables import MEAN
from edge.errors import EdgeError
from tests.patch_encoder import PatchEncoder
from tests.tiny_dataset import tiny_dataset

SIDE = 32

PEER = """
import csv, json, os, pathlib, sys
job = json.load(open(sys.argv[2]))
with open(os.path.join(os.path.dirname(__file__), "jobs"), "a") as jobs:
    jobs.write(json.dumps(job) + chr(10))
writer = csv.writer(sys.stdout)
writer.writerow(["peer", "input_size", "image", "score", "ms"])
for peer in job["peers"]:
    for number, image in enumerate(job["samples"]):
        broken = peer["name"] == "padim" and len(job["references"]) == 1
        writer.writerow([peer["name"], peer["input_size"], image, "nan" if broken else number % 5 + 0.25, 40.0])
        if job["maps"]:
            import numpy
            folder = pathlib.Path(job["maps"]) / f"{peer['name']}-{peer['input_size']}"
            folder.mkdir(exist_ok=True)
            rows = numpy.linspace(0, 1 + number, 32, dtype="float32")
            numpy.save(folder / f"{number:05}.npy", numpy.outer(rows, rows[::-1]))
"""


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """An interpreter that answers as the runner would, without anomalib."""
    file = tmp_path / "python"
    file.write_text(f"#!{sys.executable}\n{PEER}")
    file.chmod(0o755)
    return file


def prepared_for(tmp_path: Path, *, reads: bool = False, **said: Any) -> Prepared:
    root = tmp_path / "metal_nut"
    if not root.is_dir():
        tiny_dataset(root, good=4, bad=4, unmasked=1, size=48)
    options = Options(dataset="folder", root=root, **{"shots": (1, 2), "seeds": 2} | said)
    return prepare_with(options, open_dataset("folder", root), PatchEncoder(input_size=SIDE, reads=reads))


def run(prepared: Prepared) -> Session:
    session = open_session(prepared, command="calibrate evaluate ...")
    for category in session.remaining():
        record, measured = run_category(prepared, category, done=lambda _: None)
        session.keep(category, with_peers(prepared, category, record), measured)
    return session


def test_peers_get_the_references_and_pictures_of_each_column(tmp_path: Path, python: Path) -> None:
    prepared = prepared_for(tmp_path, peers="patchcore,padim@64", peers_python=python)
    run(prepared)
    jobs = [json.loads(line) for line in (tmp_path / "jobs").read_text().splitlines()]
    (category,) = prepared.dataset.categories
    for job, (shots, seed) in zip(jobs, ((1, 0), (1, 1), (2, 0), (2, 1)), strict=True):
        assert job["references"] == [str(file) for file in references(category, shots=shots, seed=seed)]
        assert job["samples"] == [str(sample.file) for sample in category.test]
        assert (job["seed"], job["object_name"], job["backbone"]) == (seed, "metal nut", "hub")
        assert not Path(job["maps"]).exists(), "the maps are gone once they are counted"


def test_their_metrics_are_taken_as_ours_are(tmp_path: Path, python: Path) -> None:
    prepared = prepared_for(tmp_path, peers="patchcore@32", peers_python=python)
    cells = run(prepared).cells()
    test = prepared.dataset.categories[0].test
    labels, scores = [sample.defect for sample in test], [number % 5 for number in range(len(test))]
    rows = [np.linspace(0, 1 + number, 32, dtype=np.float32) for number in range(len(test))]
    known = [number for number, sample in enumerate(test) if sample.pixels_known]
    maps = np.stack([np.outer(rows[number], rows[number][::-1]) for number in known]).ravel()
    masks = np.stack([read_mask(test[number], size=(SIDE, SIDE)) for number in known]).ravel()
    found = {
        metric: cells["patchcore@32", 2, MEAN, metric].mean for metric in ("image_auroc", "pixel_auroc", "pixel_ap")
    }
    assert found["image_auroc"] == pytest.approx(roc_auc_score(labels, scores))
    assert found["pixel_auroc"] == pytest.approx(roc_auc_score(masks, maps), abs=2e-4)
    assert found["pixel_ap"] == pytest.approx(average_precision_score(masks, maps), abs=2e-4)
    assert ("ours", 2, MEAN, "image_auroc") in cells


def test_scores_that_are_no_numbers_leave_a_gap_and_are_told(tmp_path: Path, python: Path) -> None:
    prepared = prepared_for(tmp_path, peers="padim@32", peers_python=python, report=tmp_path / "report")
    session = run(prepared)
    cells = session.cells()
    assert cells["padim@32", 1, MEAN, "image_auroc"].mean is None
    assert cells["padim@32", 2, MEAN, "image_auroc"].mean is not None
    assert session.remarks() == ["padim@32 gave scores that are no finite numbers with 1 shot."]
    text = (tmp_path / "report/report.md").read_text()
    assert "## Side by side" in text and "| 1 | padim@32 | - |" in text
    assert "ms a picture: padim@32" in text and "| 40.0 |" in text
    assert "## 1 shot, padim@32" not in text and "## 2 shots, padim@32" in text


def test_a_mean_is_set_beside_the_papers_once_all_categories_are_finished(tmp_path: Path, python: Path) -> None:
    prepared = prepared_for(tmp_path, peers="patchcore@32", peers_python=python, shots=(1,), seeds=1)
    (parts,) = prepared.dataset.categories
    both = Dataset("visa", "visa", (replace(parts, name="candle"), replace(parts, name="capsules")))
    session = open_session(prepare_with(prepared.options, both, prepared.encoder), command="")
    means = []
    for category in both.categories:
        record, measured = run_category(session.prepared, category, done=lambda _: None)
        session.keep(category, with_peers(session.prepared, category, record), measured)
        means.append(session.cells()["patchcore@32", 1, MEAN, "image_auroc"])
    assert [one.reported and one.reported.table for one in means] == [None, "APRIL-GAN, Table 4"]
    assert means[1].mean is not None
    assert means[1].difference == pytest.approx(100 * means[1].mean - 79.9)


def test_peers_are_kept_with_a_category_and_are_part_of_the_settings(tmp_path: Path, python: Path) -> None:
    said: dict[str, Any] = {"peers_python": python, "report": tmp_path / "report"}
    first = run(prepared_for(tmp_path, peers="patchcore", **said))
    again = open_session(prepared_for(tmp_path, peers="patchcore", **said), command="")
    assert again.remaining() == [] and again.cells() == first.cells()
    with pytest.raises(EdgeError, match="holds results with peers"):
        open_session(prepared_for(tmp_path, peers="winclip", **said), command="")


def test_what_peers_lack_is_said_before_anything_is_run(tmp_path: Path, python: Path) -> None:
    with pytest.raises(EdgeError, match=r"--peers-python FILE must be the interpreter .*pip install"):
        prepared_for(tmp_path, peers="patchcore")
    with pytest.raises(EdgeError, match="unknown peer 'spade'"):
        prepared_for(tmp_path, peers="spade", peers_python=python)
    with pytest.raises(EdgeError, match="with references only"):
        prepared_for(tmp_path, peers="winclip", peers_python=python, shots=(0,), recipe="text", reads=True)
