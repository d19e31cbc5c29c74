"""`edge bench`: how much of the bare encoder's speed is left when a line runs on it, measured in one run."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from sqlalchemy import select
from sqlalchemy.orm import Session

from edge.errors import EdgeError
from edge.frame import Pixels
from edge.ledger.record import Inspection, open_engine
from edge.line.camera import open_camera
from edge.line.camera_spec import CameraSpec
from edge.line.picture import read_picture
from edge.process import PARENT, peak_mb
from edge.settings import Settings
from edge.vision.bundle import load_bundle, save_bundle
from edge.vision.bundle_promotion import promote
from edge.vision.encoder import configured_encoder
from edge.vision.scorer import VisionScorer

CATEGORY = "bench"
ROUNDS = 5
FLAGGED_SHARE = 0.1
CAMERA_FPS = 10.0
WARM_UP_BATCHES = 3


@dataclass(frozen=True, slots=True)
class LineFigures:
    """One pass of frames through real capture and worker processes; latency is from capture to acknowledged commit."""

    frames_per_s: float
    latency_p50_ms: float
    latency_p95_ms: float
    latency_p99_ms: float
    flagged: int
    not_inspected: int


@dataclass(frozen=True, slots=True)
class BenchResult:
    """What was measured. Rates are medians of rounds in which the three kinds of measurement take turns.

    encoder: bare forward passes on prepared tensors;  scoring: pictures in, verdicts out, in one process
    line:    capture, worker and record, as fast as the source gives;  camera: the same at 10 frames/s, dropping
    """

    device: str
    encoder_name: str
    input_size: int
    batch_size: int
    references: int
    picture: str
    frames: int
    encoder_images_per_s: float
    scoring_images_per_s: float
    line: LineFigures
    camera: LineFigures
    worker_peak_mb: float
    capture_peak_mb: float
    scoring_of_encoder: float
    line_of_scoring: float


def measure(settings: Settings, spec: CameraSpec, *, frames: int, refs: int) -> BenchResult:
    """Calibrate on the camera's first pictures, then measure on `frames` of its pictures, a tenth of them flagged."""
    with tempfile.TemporaryDirectory(prefix="edge-bench-") as folder:
        settings = settings.model_copy(update={"data": Path(folder) / "data"})
        _calibrate(settings, spec, refs)
        pictures = _pictures(spec, frames)
        encoder = configured_encoder(settings)
        scorer = VisionScorer(encoder, settings.bundles)
        _flag_a_tenth(settings, scorer, pictures)
        parts = _write_pictures(Path(folder) / "parts", pictures)
        bare: list[float] = []
        scoring: list[float] = []
        lines: list[LineFigures] = []
        with _worker(settings) as worker:
            for number in range(ROUNDS):
                rates = _encoder_and_scoring(encoder.device, scorer, pictures, settings.batch_size)
                bare.append(rates[0])
                scoring.append(rates[1])
                lines.append(_line(settings, parts, run=f"round-{number}")[0])
            slow, capture_peak_mb = _line(settings, parts, run="camera", fps=CAMERA_FPS)
            worker_peak_mb = peak_mb(worker.pid)
        height, width = pictures[0].shape[:2]
        return BenchResult(
            device=_device_name(encoder.device),
            encoder_name=encoder.name,
            input_size=encoder.input_size,
            batch_size=settings.batch_size,
            references=refs,
            picture=f"{width}x{height}",
            frames=len(pictures),
            encoder_images_per_s=statistics.median(bare),
            scoring_images_per_s=statistics.median(scoring),
            line=sorted(lines, key=lambda line: line.frames_per_s)[ROUNDS // 2],
            camera=slow,
            worker_peak_mb=worker_peak_mb,
            capture_peak_mb=capture_peak_mb,
            scoring_of_encoder=statistics.median(s / b for s, b in zip(scoring, bare, strict=True)),
            line_of_scoring=statistics.median(line.frames_per_s / s for line, s in zip(lines, scoring, strict=True)),
        )


def _calibrate(settings: Settings, spec: CameraSpec, refs: int) -> None:
    arguments = ["--category", CATEGORY, "--refs", str(refs), "--camera", spec.address]
    _python(settings, ["-m", "calibration.cli", *arguments], stdout=subprocess.DEVNULL)


def _pictures(spec: CameraSpec, count: int) -> list[Pixels]:
    """So many pictures of the camera, from its start again where it has fewer."""
    pictures: list[Pixels] = []
    while len(pictures) < count:
        before = len(pictures)
        camera = open_camera(spec, fps=1e6, once=True)
        while len(pictures) < count and (shot := camera.read()):
            if shot.pixels is not None:
                pictures.append(shot.pixels)
        camera.close()
        if len(pictures) == before:
            raise EdgeError(f"camera {spec.redacted} gave no readable picture to measure with.")
    return pictures


def _flag_a_tenth(settings: Settings, scorer: VisionScorer, pictures: Sequence[Pixels]) -> None:
    """Promote a bundle whose threshold lets a tenth of these very pictures be flagged and stored."""
    scorer.load(CATEGORY)
    scores = [scorer.score([pixels], [CATEGORY])[0].score for pixels in pictures]
    threshold = float(np.quantile([score for score in scores if score is not None], 1 - FLAGGED_SHARE))
    bundle = load_bundle(settings.bundles, CATEGORY)
    folder = settings.bundles / CATEGORY / str(bundle.version) / "references"
    references = [read_picture(folder / reference.file) for reference in bundle.manifest.references]
    made = bundle.manifest
    scale = made.scale and replace(made.scale, mark=threshold)
    stricter = made.model_copy(update={"threshold": threshold, "scale": scale})
    flagging = save_bundle(
        settings.bundles,
        stricter,
        references,
        bank=bundle.bank,
        neighbours=bundle.neighbours,
        embeddings=bundle.embeddings,
    )
    promote(settings.bundles, CATEGORY, int(flagging.name))
    scorer.load(CATEGORY)


def _write_pictures(folder: Path, pictures: Sequence[Pixels]) -> Path:
    folder.mkdir()
    for number, pixels in enumerate(pictures):
        cv2.imwrite(
            str(folder / f"{number:06d}.jpg"), cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 95]
        )
    return folder


def _encoder_and_scoring(
    device: torch.device, scorer: VisionScorer, pictures: Sequence[Pixels], batch_size: int
) -> tuple[float, float]:
    """Images/s of the bare forward passes and of scoring, batch by batch in turns: both see the same machine."""
    bare_s: list[float] = []
    scoring_s: list[float] = []
    batches = [pictures[start : start + batch_size] for start in range(0, len(pictures) - batch_size + 1, batch_size)]
    for batch in [*batches[:WARM_UP_BATCHES], *batches]:
        prepared = scorer.prepare(batch, [CATEGORY] * len(batch))
        with _timed(bare_s, device), torch.inference_mode():
            scorer.encode(prepared)
        with _timed(scoring_s, device):
            scorer.score(batch, [CATEGORY] * len(batch))
    bare, scoring = (statistics.median(seconds[WARM_UP_BATCHES:]) for seconds in (bare_s, scoring_s))
    return batch_size / bare, batch_size / scoring


@contextmanager
def _timed(seconds: list[float], device: torch.device) -> Iterator[None]:
    """Append how long the block took, to the end of what it gave the device."""
    began_s = time.perf_counter()
    yield
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    seconds.append(time.perf_counter() - began_s)


@contextmanager
def _worker(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """A real worker process, ready or not: a capture waits for it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "edge.cli", "worker"], env=_environment(settings), stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def _line(settings: Settings, parts: Path, *, run: str, fps: float | None = None) -> tuple[LineFigures, float]:
    """Send the folder once through a real capture process; also its peak memory in MB."""
    live = [] if fps is None else ["--fps", str(fps), "--overload", "drop-oldest"]
    arguments = ["--camera", str(parts), "--category", CATEGORY, "--run", run, "--once", "--json", *live]
    summary = json.loads(_python(settings, ["-m", "edge.cli", "capture", *arguments], stdout=subprocess.PIPE))
    rows = _rows(settings, run)
    committed_s = sorted(row.captured_ns / 1e9 + row.latency_ms / 1e3 for row in rows)
    settled = committed_s[len(committed_s) // 10 :]  # the first frames meet a cold worker
    figures = LineFigures(
        frames_per_s=(len(settled) - 1) / (settled[-1] - settled[0]),
        latency_p50_ms=summary["latency_p50_ms"],
        latency_p95_ms=summary["latency_p95_ms"],
        latency_p99_ms=summary["latency_p99_ms"],
        flagged=sum(row.picture_path is not None for row in rows),
        not_inspected=sum(row.outcome == "not_inspected" for row in rows),
    )
    return figures, summary["peak_mb"]


def _rows(settings: Settings, run: str) -> list[Inspection]:
    engine = open_engine(settings.database)
    with Session(engine) as session:
        rows = list(session.scalars(select(Inspection).where(Inspection.run.has(name=run))))
    engine.dispose()
    return rows


def _python(settings: Settings, arguments: Sequence[str], *, stdout: int) -> str:
    """Run one of our programs; what it printed. Raises EdgeError if it failed."""
    done = subprocess.run(
        [sys.executable, *arguments], env=_environment(settings), stdout=stdout, stderr=subprocess.PIPE, text=True
    )
    if done.returncode != 0:
        raise EdgeError(f"`{' '.join(arguments)}` ended with exit code {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def _environment(settings: Settings) -> dict[str, str]:
    return {**os.environ, **settings.child_environment(), PARENT: str(os.getpid())}


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    name = models[0].partition(":")[2].strip() if models else "CPU"
    return f"{name}, {len(os.sched_getaffinity(0))} cores, {torch.get_num_threads()} threads"
