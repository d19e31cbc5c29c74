"""A registered picture seen as the reference is, and an anomaly map laid back over the picture as it was taken."""

import numpy as np
from numpy.typing import NDArray

from edge.frame import Pixels
from edge.line.opencv import cv2
from edge.verdict import AnomalyMap
from edge.vision.counting import SIDE
from edge.vision.registration import Matrix, Pose, between

FINER = 2
"""Cells that a map has after its way back for each that it had, along a side: so each finds a cell that shows it."""


def aligned(pixels: Pixels, pose: Pose, reference: Pixels) -> Pixels:
    """[H, W, 3] uint8 RGB -> a picture of the reference's size, as the reference sees it.

    Beyond its edge the reference itself is seen, which no good part's surroundings stand out against; `seen_plane` says
    where that is, since nothing counts there.
    """
    size = reference.shape[1], reference.shape[0]
    warped = cv2.warpAffine(
        pixels, pose.matrix, size, dst=reference.copy(), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_TRANSPARENT
    )
    return np.asarray(warped, np.uint8)


def seen_plane(shape: tuple[int, ...], pose: Pose, reference: tuple[int, ...]) -> NDArray[np.float32]:
    """[SIDE, SIDE]: 1 where the aligned picture shows what the picture of `shape` (H, W, ...) showed, else 0;
    reference: the aligned picture's shape."""
    small = (SIDE, SIDE)
    matrix = between(reference, small) @ _square(pose.matrix) @ between(small, shape)
    ones = np.ones(small, np.uint8)
    warped = cv2.warpAffine(ones, matrix[:2], small, flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT)
    return np.asarray(warped, np.float32)


def laid_back(anomaly_map: AnomalyMap, shape: tuple[int, ...], pose: Pose, reference: tuple[int, ...]) -> AnomalyMap:
    """The map [h, w] of a picture aligned to one of shape `reference`, as [2h, 2w] over the picture of `shape`.

    Each cell takes the nearest value, so that none is changed; 0 where the aligned picture did not reach.
    """
    rows, columns = FINER * anomaly_map.shape[0], FINER * anomaly_map.shape[1]
    forward = _square(pose.matrix) @ between((rows, columns), shape)
    matrix = between(reference, anomaly_map.shape) @ forward
    back = cv2.warpAffine(
        anomaly_map,
        matrix[:2],
        (columns, rows),
        flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
    )
    return np.asarray(back, np.float32)


def _square(matrix: Matrix) -> Matrix:
    return np.vstack([matrix, [0, 0, 1]])
