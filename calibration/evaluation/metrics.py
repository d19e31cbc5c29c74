"""How well scores tell defects from good parts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score

from edge.errors import EdgeError


@dataclass(frozen=True, slots=True)
class ImageMetrics:
    """Image-level metrics, each 0..1; None where undefined.

    auroc:  area under the receiver operating characteristic; needs a defect and a good part
    ap:     average precision, the step sum without interpolation; needs a defect
    f1_max: F1 score at the threshold that makes it largest; needs a defect
    """

    auroc: float | None
    ap: float | None
    f1_max: float | None


def image_metrics(
    labels: Sequence[bool] | NDArray[np.bool_], scores: Sequence[float] | NDArray[np.floating]
) -> ImageMetrics:
    """Image-level metrics as scikit-learn computes them; equal scores are one threshold.

    labels: [n], True for a defect
    scores: [n], higher is more anomalous
    Without a defect all are None; without a good part AP and F1-max are 1, as they hold for any score.
    Raises EdgeError for a score that is not finite, ValueError for lengths that differ.
    """
    truth, values = np.asarray(labels, np.bool_), np.asarray(scores, np.float64)
    if truth.shape != values.shape or truth.ndim != 1:
        raise ValueError(f"labels {truth.shape} and scores {values.shape} must be lists of one length")
    if not np.isfinite(values).all():
        raise EdgeError("an image score is not a finite number. Use --precision fp32, or other weights.")
    if not truth.any():
        return ImageMetrics(None, None, None)
    precision, recall, _ = precision_recall_curve(truth, values)
    return ImageMetrics(
        auroc=None if truth.all() else float(roc_auc_score(truth, values)),
        ap=float(average_precision_score(truth, values)),
        f1_max=max(harmonic_mean(p, r) or 0.0 for p, r in zip(precision.tolist(), recall.tolist(), strict=True)),
    )


def harmonic_mean(first: float | None, second: float | None) -> float | None:
    """Harmonic mean of two numbers from 0 to 1: 0 if either is 0, None if either is None."""
    if first is None or second is None:
        return None
    return 2 * first * second / (first + second) if first * second else 0.0


def vand_harmonic(image_f1_max: float | None, pixel_f1_max: float | None) -> float | None:
    """VAND 2023's summary of one category: the harmonic mean of its image and pixel F1-max (first paper, section 3).

    The challenge ranks by the arithmetic mean of this over all categories. None where either is undefined.
    """
    return harmonic_mean(image_f1_max, pixel_f1_max)
