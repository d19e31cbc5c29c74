"""The picture of the second paper's section 4.5: how the network's layers part texts by state instead of by domain."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits
from torch import Tensor

from edge.errors import EdgeError
from edge.vision.random_words import RandomWordNet

NORMAL = re.compile(r"\bnormal", re.IGNORECASE)
DAMAGE = re.compile(r"\bdamag", re.IGNORECASE)
COLOURS = {"normal": "tab:blue", "anomalous": "tab:red"}
MARKERS = {"prompt": "o", "sentence": "^"}
PERPLEXITY = 30
LEAST_POINTS = 4


@dataclass(frozen=True, slots=True)
class Captions:
    """Natural sentences that say `normal...` or `damag...`; left_out: lines that say neither or both."""

    normal: list[str]
    anomalous: list[str]
    left_out: int


def read_captions(path: Path) -> Captions:
    """Sentences of a text file, one a line, or of a COCO caption file (.json), as section 4.5 takes them.

    Raises EdgeError for a file that cannot be read, or without a sentence of either kind.
    """
    try:
        text = path.read_text(encoding="utf-8")
        lines = text.splitlines()
        if path.suffix == ".json":
            lines = [str(each["caption"]) for each in json.loads(text)["annotations"]]
    except (OSError, UnicodeDecodeError, ValueError, KeyError, TypeError) as error:
        raise EdgeError(f"captions {path}: cannot be read ({error!r}). Give one sentence a line.") from error
    said = [line.strip() for line in lines if line.strip()]
    normal = [line for line in said if NORMAL.search(line) and not DAMAGE.search(line)]
    anomalous = [line for line in said if DAMAGE.search(line) and not NORMAL.search(line)]
    if not normal or not anomalous:
        raise EdgeError(
            f"captions {path}: of {len(said)} sentences {len(normal)} say normal and {len(anomalous)} damage. "
            "The picture needs some of each."
        )
    return Captions(normal, anomalous, len(said) - len(normal) - len(anomalous))


def layer_views(net: RandomWordNet, groups: Mapping[str, Tensor]) -> dict[str, NDArray[np.float32]]:
    """By panel, the vectors of all groups one after another: `CLIP`, then `layer 1`, `layer 2`, `layer 3`.

    groups: by name, [n, D] of unit length, on the CPU
    """
    together = torch.cat(list(groups.values())).float()
    with torch.inference_mode():
        layers = net.layers(together)
    named = {"CLIP": together} | {f"layer {number}": layer for number, layer in enumerate(layers, 1)}
    return {name: np.asarray(vectors.numpy(), np.float32) for name, vectors in named.items()}


def flattened(vectors: NDArray[np.float32], *, seed: int) -> NDArray[np.float32]:
    """t-SNE: [n, D] -> [n, 2]; the same seed gives the same picture. Raises EdgeError for fewer than 4 points.

    On one thread: several wait for each other in each of its 1000 steps, beside other work 200 times as long.
    """
    if len(vectors) < LEAST_POINTS:
        raise EdgeError(f"t-SNE of {len(vectors)} points says nothing. Give more --prompts.")
    perplexity = min(PERPLEXITY, (len(vectors) - 1) / 3)
    with threadpool_limits(1):
        points = TSNE(n_components=2, perplexity=perplexity, init="pca", random_state=seed).fit_transform(vectors)
    return np.asarray(points, np.float32)


def draw(path: Path, panels: Mapping[str, NDArray[np.float32]], groups: Sequence[tuple[str, int]]) -> None:
    """Write the panels side by side, as .png, .svg or .pdf.

    panels: by title, [n, 2]
    groups: (name, number of points) in the order of the points; a name such as `normal prompt` is colour and marker
    """
    figure = Figure(figsize=(4 * len(panels), 4.4), layout="constrained")
    for axes, (title, points) in zip(np.ravel(figure.subplots(1, len(panels))), panels.items(), strict=True):
        start = 0
        for name, count in groups:
            state, kind = name.split()
            part = points[start : start + count]
            start += count
            axes.scatter(part[:, 0], part[:, 1], s=8, c=COLOURS[state], marker=MARKERS[kind], alpha=0.6, label=name)
        axes.set(title=title, xticks=[], yticks=[])
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=len(groups))
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
