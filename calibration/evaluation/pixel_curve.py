"""Pixel metrics from how many pixels lie at each value of the anomaly maps."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import auc

from calibration.evaluation.pixel_tally import Tally

FPR_LIMIT = 0.3
"""Share of normal pixels above the threshold up to which PRO is integrated."""


@dataclass(frozen=True, slots=True, eq=False)
class PixelCurve:
    """What lies at or above each value that occurs, values falling.

    values:   [n] float64, strictly falling
    normal:   [n] float64, normal pixels at or above the value
    abnormal: [n] float64, defective pixels at or above the value
    overlap:  [n] float64, each region's share at or above the value, summed over all regions
    regions:  number of regions, which are the connected defective areas of all masks
    """

    values: NDArray[np.float64]
    normal: NDArray[np.float64]
    abnormal: NDArray[np.float64]
    overlap: NDArray[np.float64]
    regions: int

    @property
    def has_normal(self) -> bool:
        """Whether there is a normal pixel."""
        return bool(self.normal.size and self.normal[-1])

    @property
    def has_abnormal(self) -> bool:
        """Whether there is a defective pixel."""
        return bool(self.abnormal.size and self.abnormal[-1])


def pixel_curve(counted: Tally, *, regions: int) -> PixelCurve:
    """A tally as a curve; its rows: normal pixels, defective pixels, and the latters' shares of their regions."""
    normal, abnormal, overlap = np.cumsum(counted.amounts[:, ::-1], axis=1)
    return PixelCurve(counted.values[::-1].astype(np.float64), normal, abnormal, overlap, regions)


def auroc(curve: PixelCurve) -> float | None:
    """Area under the ROC curve with a straight line across ties, 0..1; None without both kinds of pixel."""
    if not (curve.has_normal and curve.has_abnormal):
        return None
    normal, abnormal = from_zero(curve.normal), from_zero(curve.abnormal)
    return float(auc(normal / normal[-1], abnormal / abnormal[-1]))


def average_precision(curve: PixelCurve) -> float | None:
    """Sum over thresholds of the rise in recall times the precision, 0..1; None without a defective pixel."""
    if not curve.has_abnormal:
        return None
    precision = curve.abnormal / (curve.abnormal + curve.normal)
    rise = np.diff(from_zero(curve.abnormal)) / curve.abnormal[-1]
    return float(precision @ rise)


def f1_max(curve: PixelCurve) -> float | None:
    """F1 score at the threshold that makes it largest, 0..1; None without a defective pixel."""
    if not curve.has_abnormal:
        return None
    return float((2 * curve.abnormal / (curve.abnormal + curve.normal + curve.abnormal[-1])).max())


def pro(curve: PixelCurve, *, thresholds: int = 200) -> float | None:
    """Per-region overlap as APRIL-GAN's reference implementation computes it, 0..1.

    At thresholds evenly spaced from the smallest value on, short of the largest, a pixel strictly above counts. Points
    whose share of normal pixels above is below 0.3 are kept, their shares stretched to 0..1 (the least to 0, the most
    to 1, nothing interpolated), and the area under the mean overlap of all regions is taken.
    None without both kinds of pixel, or if the points kept are not at least two different shares.
    """
    if not (curve.has_normal and curve.has_abnormal):
        return None
    at = np.linspace(curve.values[-1], curve.values[0], thresholds, endpoint=False)
    above = np.searchsorted(-curve.values, -at, side="left")
    share = from_zero(curve.normal)[above] / curve.normal[-1]
    overlap = from_zero(curve.overlap)[above] / curve.regions
    kept = share < FPR_LIMIT
    if not kept.any() or np.ptp(share[kept]) == 0:
        return None
    share, overlap = share[kept], overlap[kept]
    return float(auc((share - share.min()) / np.ptp(share), overlap))


def pro_exact(curve: PixelCurve) -> float | None:
    """Per-region overlap as MVTec AD's authors define it, 0..1, with every value a threshold.

    Area under the mean overlap of all regions over the share of normal pixels from 0 to 0.3, interpolated at 0.3 and
    divided by 0.3. None without both kinds of pixel.
    """
    if not (curve.has_normal and curve.has_abnormal):
        return None
    share = from_zero(curve.normal) / curve.normal[-1]
    overlap = from_zero(curve.overlap) / curve.regions
    inside = share <= FPR_LIMIT
    last = float(np.interp(FPR_LIMIT, share, overlap))
    area = auc(np.append(share[inside], FPR_LIMIT), np.append(overlap[inside], last))
    return float(area) / FPR_LIMIT


def from_zero(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """The counts with a 0 before them: nothing lies above a threshold that is above all values."""
    return np.concatenate(([0.0], counts))
