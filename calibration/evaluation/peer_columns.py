"""anomalib's methods on the very references and test pictures of an evaluation, measured by the same metrics."""

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from statistics import fmean

import numpy as np
import torch

from calibration.datasets import Category, Sample, read_mask
from calibration.evaluation.columns import Setting
from calibration.evaluation.encoder_pass import at_input_size
from calibration.evaluation.metrics import image_metrics, vand_harmonic
from calibration.evaluation.peers import Job, Peer, PeerScore, run_peers
from calibration.evaluation.pixel_metrics import PixelCounts
from calibration.evaluation.prepare import Prepared
from calibration.evaluation.results import CategoryRecord, RunRecord
from edge.vision.uncalibrated import UNKNOWN_OBJECT


def with_peers(prepared: Prepared, category: Category, record: CategoryRecord) -> CategoryRecord:
    """A category's record with every peer's columns, one for each of ours that has references.

    Shows progress on stderr; raises EdgeError as run_peers.
    """
    runs: list[RunRecord] = []
    seconds: dict[str, list[float]] = {}
    for setting in prepared.columns:
        if not setting.shots:
            continue
        with tempfile.TemporaryDirectory(prefix="peer-maps-") as maps:
            job = _job(prepared, category, setting, maps)
            assert prepared.options.peers_python is not None
            scores = run_peers(prepared.options.peers_python, job)
            runs += [
                _measured(peer, setting, category, own, maps=Path(maps), side=prepared.encoder.input_size)
                for peer, own in zip(job.peers, _by_peer(scores, len(category.test)), strict=True)
            ]
        for one in scores:
            seconds.setdefault(label(Peer(one.peer, one.input_size)), []).append(one.ms / 1000)
    mean_s = {name: round(fmean(times) * len(category.test), 3) for name, times in seconds.items()}
    return record.model_copy(update={"runs": (*record.runs, *runs), "seconds": {**record.seconds, **mean_s}})


def label(peer: Peer) -> str:
    """What a peer is called in tables: `patchcore@320`."""
    return f"{peer.name}@{peer.input_size}"


def _job(prepared: Prepared, category: Category, setting: Setting, maps: str) -> Job:
    encoder = prepared.encoder
    return Job(
        peers=prepared.peers,
        references=tuple(str(file) for file in prepared.draws[category.name][setting]),
        samples=tuple(str(sample.file) for sample in category.test),
        object_name=category.name.replace("_", " ") if prepared.known_object else UNKNOWN_OBJECT,
        backbone="lite" if encoder.name == "lite" else "hub",
        device=encoder.device.type,
        threads=torch.get_num_threads(),
        seed=setting.seed,
        maps=maps if any(sample.mask is not None for sample in category.test) else "",
    )


def _by_peer(scores: Sequence[PeerScore], pictures: int) -> Iterable[Sequence[PeerScore]]:
    """One peer's scores after another's, each in the order of the pictures."""
    return (scores[start : start + pictures] for start in range(0, len(scores), pictures))


def _measured(
    peer: Peer, setting: Setting, category: Category, scores: Sequence[PeerScore], *, maps: Path, side: int
) -> RunRecord:
    """One column of a peer: image metrics of its scores, pixel metrics of its maps at our input size.

    None of them if a score is no finite number, as PaDiM's with one reference, which has no covariance.
    """
    if not all(isfinite(one.score) for one in scores):
        return RunRecord(method=label(peer), shots=setting.shots, seed=setting.seed, values={})
    image = image_metrics([sample.defect for sample in category.test], [one.score for one in scores])
    values: dict[str, float | None] = {f"image_{name}": value for name, value in asdict(image).items()}
    folder = maps / f"{peer.name}-{peer.input_size}"
    if folder.is_dir():
        pixel = _count(category.test, folder, side).metrics()
        values |= {f"pixel_{name}": value for name, value in asdict(pixel).items()}
        values["harmonic_mean"] = vand_harmonic(image.f1_max, pixel.f1_max)
    return RunRecord(method=label(peer), shots=setting.shots, seed=setting.seed, values=values)


def _count(samples: Sequence[Sample], folder: Path, side: int) -> PixelCounts:
    counts = PixelCounts()
    for number, sample in enumerate(samples):
        if sample.pixels_known:
            one = torch.from_numpy(np.load(folder / f"{number:05}.npy", allow_pickle=False))
            counts.add(at_input_size(one[None], side)[0].numpy(), read_mask(sample, size=(side, side)))
    return counts
