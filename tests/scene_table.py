"""The tables in calibration/SCENE.md: python -m tests.scene_table align|empty FOLDER ...

FOLDER holds normal/, test/good/ and test/defect/. Not a test: it takes minutes, and real pictures.
"""

import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from sklearn.metrics import roc_auc_score

from calibration.find_part import box_of, foreground
from calibration.references.collect import Taken
from calibration.scene.options import SceneOptions
from calibration.scene.teach import see_references, teach_empty, teach_scene
from edge.errors import EdgeError
from edge.frame import Pixels
from edge.line.opencv import cv2
from edge.line.picture import read_picture
from edge.line.sources import pictures_in
from edge.vision.encoder import open_encoder
from edge.vision.features import Encoder
from edge.vision.presence import coarse_tokens, unlike_empty
from edge.vision.registration import Registration, Tolerance, Unregistered
from edge.vision.scene import PLAIN
from edge.vision.scorer import VisionScorer
from tests.in_use import build_in_use

say = Console(soft_wrap=True, highlight=False, markup=False).print
REFERENCES = 4
LIGHTS = (0.9, 1.0, 1.1)


def read(folder: Path, kind: str) -> list[Pixels]:
    return [read_picture(file) for file in pictures_in(folder / kind)]


def a_move(rng: np.random.Generator, pixels: Pixels, *, degrees: float, share: float) -> np.ndarray:
    """[2, 3]: a random turn, a scale of 1 -+ 0.07, a shift of up to `share` of the width each way."""
    height, width = pixels.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), rng.uniform(-degrees, degrees), rng.uniform(0.93, 1.07))
    matrix[:, 2] += rng.uniform(-share, share, 2) * width
    return np.asarray(matrix)


def moved(pixels: Pixels, matrix: np.ndarray) -> Pixels:
    size = pixels.shape[1], pixels.shape[0]
    return np.asarray(cv2.warpAffine(pixels, matrix, size, borderMode=cv2.BORDER_REFLECT), np.uint8)


def accuracy(pictures: Sequence[Pixels], reference: Pixels) -> list[float]:
    """How far apart, in pixels at the part's corners, a picture is placed as it is and moved."""
    rng, registration = np.random.default_rng(3), Registration(reference, Tolerance())
    box = box_of(foreground(reference))
    assert box is not None
    corners = np.array([[x, y, 1] for x in (box.left, box.right) for y in (box.top, box.bottom)])
    corners = corners * (reference.shape[1], reference.shape[0], 1)
    errors = []
    for pixels in pictures:
        matrix = a_move(rng, pixels, degrees=12, share=0.05)
        try:
            still = registration.register(pixels).matrix
            again = registration.register(moved(pixels, matrix)).matrix @ np.vstack([matrix, [0, 0, 1]])
        except Unregistered:
            continue
        errors.append(float(np.linalg.norm((again - still) @ corners.T, axis=0).max()))
    return errors


def align_table(encoder: Encoder, folder: Path) -> None:
    normal, good, bad = read(folder, "normal"), read(folder, "test/good"), read(folder, "test/defect")
    for name, pictures in (("the reference", normal[:1] * 40), ("others", [*normal[1:], *good, *bad])):
        errors = accuracy(pictures, normal[0])
        spread = np.quantile(errors, [0.5, 0.95, 1]).round(2)
        say(f"{folder.name}, {name}: {spread} px (median, 95 %, most), {len(errors)} of {len(pictures)} registered")
    scene = teach_scene([Taken(normal[0], "first")], SceneOptions(align=Tolerance()))
    began_s = time.process_time()
    for pixels in normal:
        scene.see(pixels)
    say(f"{1e3 * (time.process_time() - began_s) / len(normal):.0f} ms of processor time a picture")
    rng = np.random.default_rng(0)
    bad = bad[::2]
    apart = [[moved(one, a_move(rng, one, degrees=10, share=0.07)) for one in group] for group in (good, bad)]
    lying = {"as they lie": (good, bad), "moved": (apart[0], apart[1])}
    for options in (SceneOptions(), SceneOptions(align=Tolerance())):
        for name, (ok, defect) in lying.items():
            say("aligned" if options.align else "plain", name, accuracy_of(encoder, normal, options, ok, defect))


def accuracy_of(
    encoder: Encoder, normal: Sequence[Pixels], options: SceneOptions, good: Sequence[Pixels], bad: Sequence[Pixels]
) -> str:
    references = [Taken(pixels, str(n)) for n, pixels in enumerate(normal[:REFERENCES])]
    with tempfile.TemporaryDirectory() as folder:
        build_in_use(
            encoder, references, category="part", bundles_dir=Path(folder), scene=teach_scene(references, options)
        )
        scorer = VisionScorer(encoder, Path(folder))
        scorer.load("part")
        verdicts = [[scorer.score([pixels], ["part"])[0] for pixels in group] for group in (good, bad)]
    scored = [[one.score for one in group if one.score is not None] for group in verdicts]
    auroc = roc_auc_score([0] * len(scored[0]) + [1] * len(scored[1]), [*scored[0], *scored[1]])
    rejected = np.mean([one.outcome != "ok" for one in verdicts[0]])
    missed = np.mean([one.outcome == "ok" for one in verdicts[1]])
    pose = sum(one.reason == "pose" for group in verdicts for one in group)
    return f"AUROC {auroc:.3f}, false rejects {rejected:.2f}, misses {missed:.2f}, pose {pose}"


def emptied(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """The part painted out with the background's colours and grain; where there is none, a blurred grey picture."""
    height, width = pixels.shape[:2]
    shown = foreground(pixels).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(shown)
    if count < 2 or box_of(shown > 0) is None:
        blurred = cv2.GaussianBlur(pixels, (0, 0), min(height, width) / 4).astype(np.float32)
        return np.clip(0.6 * blurred + 20 + rng.normal(0, 4, (height, width, 1)), 0, 255).astype(np.uint8)
    part = (labels == 1 + np.argmax(stats[1:, cv2.CC_STAT_AREA])).astype(np.uint8)
    part = cv2.dilate(cv2.morphologyEx(part, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8)), np.ones((13, 13), np.uint8))
    small = cv2.resize(pixels, part.shape[::-1], interpolation=cv2.INTER_AREA)
    colours = cv2.GaussianBlur(cv2.inpaint(small, part, 5, cv2.INPAINT_TELEA), (0, 0), 3)
    strip = pixels[height - height // 6 :].astype(np.float32)
    grain = strip - cv2.GaussianBlur(strip, (0, 0), 8)
    grain = np.concatenate([grain, grain[::-1]] * 4)[:height]
    painted = cv2.resize(colours, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.float32) + grain
    share = cv2.GaussianBlur(cv2.resize(part * 255, (width, height)).astype(np.float32) / 255, (0, 0), 5)[..., None]
    return np.clip(pixels * (1 - share) + painted * share, 0, 255).astype(np.uint8)


def empty_table(encoder: Encoder, folder: Path) -> None:
    rng, normal = np.random.default_rng(0), read(folder, "normal")[: REFERENCES + 12]
    references = [Taken(pixels, f"good {n}") for n, pixels in enumerate(normal[:REFERENCES])]
    empties = [
        Taken(emptied(pixels, rng), f"empty {n}") for n, pixels in enumerate(normal[REFERENCES : REFERENCES + 4])
    ]
    sights = see_references(PLAIN, references)
    looks = [encoder.encode(encoder.prepare([sight.pixels])) for sight in sights]
    taught = teach_empty(encoder, PLAIN, sights, looks, empties)
    assert taught is not None
    presence = taught.presence
    others = [emptied(pixels, rng) for pixels in normal[REFERENCES + 4 :]]
    groups = {"empty": others, "good": read(folder, "test/good")[:10], "defect": read(folder, "test/defect")[:50]}
    for name, pictures in groups.items():
        relit = [np.asarray(cv2.convertScaleAbs(one, alpha=light), np.uint8) for one in pictures for light in LIGHTS]
        tokens = [coarse_tokens(encoder.encode(encoder.prepare([one]))) for one in relit]
        values = [float(unlike_empty(one, presence.bank)) / presence.limit for one in tokens]
        called = sum(value <= 1 for value in values)
        span = f"{min(values):.2f} to {max(values):.2f} limits"
        say(f"{folder.name}, {name}: no_part {called} of {len(values)}, {span}")


def main() -> None:
    encoder = open_encoder("lite", device="cpu")
    for folder in sys.argv[2:]:
        try:
            {"align": align_table, "empty": empty_table}[sys.argv[1]](encoder, Path(folder))
        except EdgeError as error:
            say(f"{folder}: {error}")


if __name__ == "__main__":
    main()
