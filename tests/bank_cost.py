"""What references cost: build time, match time, size and memory, from one to a thousand, as a table and a chart.

`python -m tests.bank_cost ../shared/data/magnetic_tile --out chart.png`: for each number of references a process of its
own calibrates with the encoder `lite` at 320 px and judges pictures that are no references. References beyond the
pictures in FOLDER/normal are made from them: flipped, and with other noise. They cost what real ones cost, and teach
less.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from calibration.bank.budget import parse_budget, size_text
from calibration.bank.whole_bank import auroc
from calibration.references.collect import Taken
from edge.frame import Pixels
from edge.line.opencv import cv2
from edge.line.picture import read_picture
from edge.process import tune_for_scoring
from edge.vision.encoder import open_encoder
from edge.vision.scorer import VisionScorer
from tests.in_use import build_in_use

JUDGED = 20
NOISE = 3.0


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one calibration. auroc: on JUDGED good and JUDGED bad pictures; match_ms: a picture, encoder included."""

    references: int
    budget: str | None
    build_s: float
    match_ms: float
    bank_bytes: int
    bundle_bytes: int
    peak_memory_bytes: int
    auroc: float


def references(folder: Path, count: int, shelf: Path) -> Iterator[Taken]:
    """So many references, those beyond the folder's own made by flips and noise; beyond memory's reach, on disk."""
    files = sorted((folder / "normal").iterdir())
    for number in range(count):
        pixels = read_picture(files[number % len(files)])
        path = shelf / f"{number:05}.png"
        cv2.imwrite(str(path), cv2.cvtColor(_varied(pixels, number // len(files), number), cv2.COLOR_RGB2BGR))
        yield Taken(path, path.name)


def _varied(pixels: Pixels, round_: int, seed: int) -> Pixels:
    if round_ == 0:
        return pixels
    flipped = cv2.flip(pixels, (1, 0, -1)[round_ % 3])
    noise = np.random.default_rng(seed).normal(0, NOISE, pixels.shape)
    return np.clip(flipped + noise, 0, 255).astype(np.uint8)


def measure(folder: Path, count: int, budget: str | None) -> Cost:
    """Calibrate and judge in this process."""
    encoder = open_encoder("lite", input_size=320, device="cpu")
    with tempfile.TemporaryDirectory() as temporary:
        shelf = Path(temporary) / "shelf"
        shelf.mkdir()
        taken = list(references(folder, count, shelf))
        start = time.perf_counter()
        limit = None if budget is None else parse_budget(budget)
        built = build_in_use(encoder, taken, category="part", bundles_dir=Path(temporary), budget_bytes=limit)
        build_s = time.perf_counter() - start
        scorer = VisionScorer(encoder, Path(temporary))
        scorer.load("part")
        scores, seconds = [], 0.0
        for kind in ("good", "defect"):
            files = sorted((folder / "test" / kind).iterdir())
            pictures = [read_picture(file) for file in files[:: max(1, len(files) // JUDGED)][:JUDGED]]
            start = time.perf_counter()
            scores.append([scorer.score([one], ["part"])[0].score or 0.0 for one in pictures])
            seconds += time.perf_counter() - start
        files = [file for file in built.folder.rglob("*") if file.is_file()]
        return Cost(
            count,
            budget,
            build_s,
            1000 * seconds / sum(map(len, scores)),
            (built.folder / "neighbours.safetensors").stat().st_size,
            sum(file.stat().st_size for file in files),
            1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
            auroc(*scores),
        )


def table(costs: list[Cost]) -> str:
    """A Markdown table."""
    lines = [
        "| references | budget | build | match | bank | memory at most | image AUROC |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {one.references} | {one.budget or 'none'} | {one.build_s:.0f} s | {one.match_ms:.0f} ms "
        f"| {size_text(one.bank_bytes)} | {size_text(one.peak_memory_bytes)} | {one.auroc:.3f} |"
        for one in costs
    ]
    return "\n".join(lines)


def chart(costs: list[Cost], out: Path) -> None:
    """Three curves over the number of references, one line a budget."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 3, figsize=(12, 3.6), layout="constrained")
    for axis, (what, title) in zip(
        axes, (("build_s", "build, s"), ("match_ms", "match, ms a picture"), ("bank_bytes", "bank, MB")), strict=True
    ):
        for budget in dict.fromkeys(one.budget for one in costs):
            own = [one for one in costs if one.budget == budget]
            scale = 1e-6 if what == "bank_bytes" else 1.0
            values = [scale * getattr(one, what) for one in own]
            axis.plot([one.references for one in own], values, "o-", label=f"budget {budget or 'none'}")
        axis.set(xscale="log", yscale="log", xlabel="references", title=title)
        axis.grid(alpha=0.3)
    axes[0].legend()
    figure.savefig(out, dpi=110)


def main(
    folder: Path,
    counts: Annotated[str, typer.Option(help="Numbers of references.")] = "1,4,16,64,256,1000",
    budget: Annotated[str, typer.Option(help="For every number of them.")] = "64MB",
    whole_up_to: Annotated[int, typer.Option(help="Up to so many also without a budget.")] = 256,
    out: Annotated[Path | None, typer.Option(help="Where the chart goes, a PNG.")] = None,
    as_json: Annotated[bool, typer.Option("--json")] = False,
    one: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:
    """Measure what references cost."""
    if one:
        tune_for_scoring()
        typer.echo(json.dumps(asdict(measure(folder, int(counts), budget or None))))
        return
    wanted = [int(count) for count in counts.split(",")]
    runs = [(count, "") for count in wanted if count <= whole_up_to] + [(count, budget) for count in wanted]
    costs = []
    for count, limit in runs:
        command = [
            sys.executable,
            "-m",
            "tests.bank_cost",
            str(folder),
            "--one",
            f"--counts={count}",
            f"--budget={limit}",
        ]
        said = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
        costs.append(Cost(**json.loads(said)))
    typer.echo(json.dumps([asdict(each) for each in costs], indent=1) if as_json else table(costs))
    if out is not None:
        chart(costs, out)


if __name__ == "__main__":
    typer.run(main)
