"""The certificate's two plots, as SVG: where scores lie, and what so many parts can promise."""

import io

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter

from calibration.promise.bounds import rate_bound
from edge.vision.manifest import Manifest, Promise

COLOURS = {"references, left out": "#6b7785", "good parts": "#0072b2", "known defects": "#d55e00"}
"""Colours that colour-blind readers tell apart; each group also has its own row and marker."""

MARKERS = {"references, left out": "s", "good parts": "o", "known defects": "^"}
MOST_PARTS = 2000


def plot_scores(made: Manifest) -> str:
    """Each group's scores in a row of its own, with the thresholds."""
    said = made.calibration
    groups = {
        "references, left out": said.loo_scores,
        "good parts": [part.score for part in said.good],
        "known defects": [part.score for part in said.bad],
    }
    figure = Figure(figsize=(8, 2.6), layout="constrained")
    axes = figure.add_subplot()
    jitter = np.random.default_rng(0)
    for row, (name, scores) in enumerate(groups.items()):
        heights = -row + jitter.uniform(-0.28, 0.28, len(scores))
        axes.plot(scores, heights, MARKERS[name], color=COLOURS[name], alpha=0.7, markersize=5, linestyle="none")
    axes.set_yticks(range(0, -3, -1), [f"{name} ({len(scores)})" for name, scores in groups.items()])
    axes.set_ylim(-2.6, 0.6)
    axes.set_xlabel("anomaly score")
    _thresholds(axes, made)
    return _svg(figure)


def _thresholds(axes: Axes, made: Manifest) -> None:
    for value, label, style in ((made.threshold, "ok up to", "-"), (made.defect_threshold, "defect above", "--")):
        if value is not None:
            axes.axvline(value, color="black", linestyle=style, linewidth=1.2, label=f"{label} {value:.3f}")
    if made.threshold is not None:
        axes.legend(loc="upper right", fontsize=8)


def plot_bound(promise: Promise) -> str:
    """The 95 % bound of the highest of n good parts' scores, the target, and where this calibration stands."""
    figure = Figure(figsize=(8, 2.6), layout="constrained")
    axes = figure.add_subplot()
    numbers = np.unique(np.geomspace(1, max(MOST_PARTS, 2 * promise.parts), 200).astype(int))
    bounds = [100 * rate_bound(parts=int(n), rank=1) for n in numbers]
    axes.plot(numbers, bounds, color="#0072b2", label="highest score of n parts as threshold")
    target, own = f"target {100 * promise.target:.3g}%", f"this calibration {100 * promise.rate_bound:.3g}%"
    axes.axhline(100 * promise.target, color="black", linestyle="--", linewidth=1, label=target)
    axes.plot([promise.parts], [100 * promise.rate_bound], "o", color="#d55e00", label=own)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.yaxis.set_major_formatter(ScalarFormatter())
    axes.set_xlabel("good parts n")
    axes.set_ylabel("false rejects, % (95 % bound)")
    axes.legend(loc="lower left", fontsize=8)
    return _svg(figure)


def _svg(figure: Figure) -> str:
    """The figure as an <svg> element, the same bytes for the same content."""
    written = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "edge", "svg.fonttype": "none", "font.family": "sans-serif"}):
        figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
    svg = written.getvalue()
    return svg[svg.index("<svg") :]
