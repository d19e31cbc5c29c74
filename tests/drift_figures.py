"""How soon drift is noticed on real pictures, and how often without any: `python -m tests.drift_figures FOLDER ...`.

For each data set and number of references (the first by name), with `lite`: alarms on LINE_PARTS unaltered good test
pictures drawn at random, LINES times over; parts until the alarm when the same pictures get darker, blurred or shifted,
at once and little by little; and the same of shifted ones with --align.
"""

import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median

import cv2
import numpy as np
import typer

from calibration.references.collect import Taken
from calibration.scene.options import SceneOptions
from calibration.scene.teach import see_references, teach_scene
from edge.alarm import State
from edge.errors import EdgeError
from edge.frame import Pixels
from edge.line.picture import read_picture
from edge.line.sources import pictures_in
from edge.settings import Settings
from edge.verdict import Reason
from edge.vision.bundle import load_bundle
from edge.vision.drift import UNPLACED, Standard, Watch, look, standard_of
from edge.vision.encoder import configured_encoder
from edge.vision.registration import Tolerance
from edge.vision.scorer import VisionScorer
from tests.in_use import build_in_use

LINE_PARTS = 1000
LINES = 10
GOOD = 40
LONGEST = 250
ORDERS = 3
Alter = Callable[[Pixels, float], Pixels]


def darker(pixels: Pixels, share: float) -> Pixels:
    return cv2.convertScaleAbs(pixels, alpha=1 - share)


def blurred(pixels: Pixels, sigma: float) -> Pixels:
    """sigma in pixels of a picture 320 wide."""
    return cv2.GaussianBlur(pixels, (0, 0), max(0.01, sigma * pixels.shape[1] / 320))


def shifted(pixels: Pixels, share: float) -> Pixels:
    move = np.array([[1, 0, share * pixels.shape[1]], [0, 1, 0]], np.float64)
    return cv2.warpAffine(pixels, move, (pixels.shape[1], pixels.shape[0]), borderMode=cv2.BORDER_REPLICATE)


STEPS: Mapping[str, tuple[Alter, Sequence[float]]] = {
    "darker by": (darker, (0.1, 0.2, 0.4)),
    "blurred by": (blurred, (0.5, 1.0, 2.0)),
    "shifted by": (shifted, (0.02, 0.05, 0.15)),
}
RAMPS: Mapping[str, tuple[Alter, float]] = {  # a part
    "darker by 0.2 % a part": (darker, 0.002),
    "blurred by 0.01 px a part": (blurred, 0.01),
    "shifted by 0.05 % a part": (shifted, 0.0005),
}


def main(folders: Sequence[str]) -> None:
    encoder = configured_encoder(Settings())
    for folder in map(Path, folders):
        files = pictures_in(folder / "normal")
        good = [read_picture(file) for file in pictures_in(folder / "test" / "good")[:GOOD]]
        for refs in (4, 16):
            taken = [Taken(read_picture(file), file.name) for file in files[:refs]]
            with tempfile.TemporaryDirectory() as bundles:
                try:
                    build_in_use(encoder, taken, category="part", bundles_dir=Path(bundles))
                except EdgeError as error:
                    typer.echo(f"\n{folder.name}, {refs} references: refused: {error}")
                    continue
                scorer = VisionScorer(encoder, Path(bundles))
                scorer.load("part")
                standard = standard_of(load_bundle(Path(bundles), "part"))
            typer.echo(
                f"\n{folder.name}, {refs} references; not watched: {', '.join(standard.normal.unwatched) or 'nothing'}"
            )
            scores = [scorer.score([pixels], ["part"])[0].score for pixels in good]
            false_alarms(standard, good, scores)
            delays(standard, good)
            knocked(taken, good)


def false_alarms(standard: Standard, good: Sequence[Pixels], scores: Sequence[float | None]) -> None:
    seen = [look(pixels, standard) | {"score": score or 0.0} for pixels, score in zip(good, scores, strict=True)]
    alarms: Counter[str] = Counter()
    for line in range(LINES):
        watch = Watch(standard.normal.bands)
        for number in np.random.default_rng(line).integers(0, len(seen), LINE_PARTS):
            alarms.update(name for name, state in watch.see(seen[number]).items() if state is State.RAISED)
    typer.echo(f"  alarms in {LINES} lines of {LINE_PARTS} unaltered good parts: {dict(alarms) or 'none'}")


def delays(standard: Standard, good: Sequence[Pixels]) -> None:
    for words, (alter, amounts) in STEPS.items():
        for amount in amounts:
            typer.echo(f"  {words} {amount}: {_delay(standard, good, lambda _, a=alter, v=amount: (a, v))}")
    for words, (alter, each) in RAMPS.items():
        typer.echo(f"  {words}: {_delay(standard, good, lambda number, a=alter, v=each: (a, v * number))}")


def knocked(taken: Sequence[Taken], good: Sequence[Pixels]) -> None:
    """With --align: how many parts are not found where they may lie, and when that is an alarm."""
    try:
        scene = teach_scene(taken, SceneOptions(align=Tolerance()))
        see_references(scene, taken)
    except EdgeError as error:
        typer.echo(f"  --align: refused: {error}")
        return
    for amount in (0.0, *STEPS["shifted by"][1]):
        lost = [scene.see(shifted(pixels, amount)).reason is Reason.POSE for pixels in good]
        watch, rng = Watch({"unplaced": UNPLACED}), np.random.default_rng(0)
        alarms = [bool(watch.see({"unplaced": float(lost[rng.integers(len(lost))])})) for _ in range(LONGEST)]
        when = f"alarm after {alarms.index(True) + 1}" if any(alarms) else f"no alarm in {LONGEST}"
        typer.echo(f"  --align, shifted by {amount}: {sum(lost)} of {len(lost)} are `pose`, {when}")


def _delay(standard: Standard, good: Sequence[Pixels], altered: Callable[[int], tuple[Alter, float]]) -> str:
    """By measure, the part at which its first alarm came: the median over the orders, and in how many it came."""
    first: dict[str, list[int]] = {}
    for order in range(ORDERS):
        watch, rng = Watch(standard.normal.bands), np.random.default_rng(order)
        mine: dict[str, int] = {}
        for number in range(1, LONGEST + 1):
            alter, amount = altered(number)
            changes = watch.see(look(alter(good[rng.integers(len(good))], amount), standard))
            mine |= {name: number for name, state in changes.items() if state is State.RAISED and name not in mine}
            if mine and number > 2 * max(mine.values()):
                break
        for name, number in mine.items():
            first.setdefault(name, []).append(number)
    found = [f"{name} after {median(parts):.0f} ({len(parts)} of {ORDERS})" for name, parts in first.items()]
    return ", ".join(found) or f"no alarm in {LONGEST}"


if __name__ == "__main__":
    main(sys.argv[1:])
