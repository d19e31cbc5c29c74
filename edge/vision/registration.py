"""Where a part lies compared with the first reference: translation, rotation and scale, by features and optical flow.

SIFT features (Lowe 2004) that match find the part anywhere; Lucas and Kanade's optical flow from the reference's
corners then places it to a fraction of a pixel. Both take the similarity that most points agree on (RANSAC), so that a
defect, or a background that stays where it is, does not pull it away.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.errors import EdgeError
from edge.frame import Pixels
from edge.line.opencv import cv2
from edge.vision.area import Mask, scaled

Matrix = NDArray[np.float64]
"""[2, 3]: maps pixel centres (x, y, 1) of one picture to (x, y) of another."""

SIDE = 500
"""Pixels along the longer side at which pictures are registered, whatever their own size."""

FEATURES = 1000
CORNERS = 400
CORNER_QUALITY = 0.01
CORNER_DISTANCE_PX = 5
LEAST_CORNERS = 40
"""Fewer in the first reference, and there is nothing to hold on to."""

DISTINCT = 0.8
"""Lowe's ratio: a match must be so much closer than the next best."""

LEAST_MATCHES = 12
"""Features that must agree on one place; measured in calibration/SCENE.md."""

LEAST_AGREEMENT = 0.25
"""Share of the reference's corners that must be found again where the part was placed."""

COARSE_PX, FINE_PX = 3.0, 1.0
"""Of SIDE, how far a point may lie from where the others put it."""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far from the first reference a part may lie.

    shift: of the picture's centre, as a share of the picture's width;  degrees: either way;  scale: as a share, 0.1
    allows 0.9 to 1.1
    """

    shift: float = 0.10
    degrees: float = 15.0
    scale: float = 0.10


class Unregistered(EdgeError):
    """A part was not found where it may lie; the message says why."""


@dataclass(frozen=True, slots=True, eq=False)
class Pose:
    """Where a part lies.

    matrix:    from the picture's pixels to the reference's
    shift:     how far the reference's centre moved, as a share of the reference's width
    degrees:   turn against the reference, counter-clockwise;  scale: size against the reference
    agreement: share of the reference's corners that were found again
    """

    matrix: Matrix
    shift: float
    degrees: float
    scale: float
    agreement: float


class Registration:
    """Registers pictures to one reference."""

    def __init__(self, reference: Pixels, tolerance: Tolerance, *, mask: Mask | None = None) -> None:
        """mask: what of the reference counts, of its size. Raises Unregistered if it shows too little to hold on to."""
        self.reference = reference
        self.tolerance = tolerance
        self._sift = cv2.SIFT.create(nfeatures=FEATURES)
        self._matcher = cv2.BFMatcher(cv2.NORM_L2)
        self._grey, self._to_small = _small(reference)
        high, wide = self._grey.shape
        counts = None if mask is None else scaled(mask, width=wide, height=high).astype(np.uint8)
        self._points, self._descriptors = self._features(self._grey, counts)
        corners = cv2.goodFeaturesToTrack(self._grey, CORNERS, CORNER_QUALITY, CORNER_DISTANCE_PX, mask=counts)
        self._corners = np.zeros((0, 1, 2), np.float32) if corners is None else corners
        if len(self._corners) < LEAST_CORNERS or len(self._points) < LEAST_CORNERS:
            raise Unregistered(
                f"it shows {len(self._points)} features and {len(self._corners)} corners, "
                f"at least {LEAST_CORNERS} of each are needed"
            )

    def register(self, pixels: Pixels) -> Pose:
        """Where the part in a picture, [H, W, 3] uint8 RGB, lies. Raises Unregistered, with the reason."""
        grey, to_small = _small(pixels)
        fine, agreement = self._refined(grey, self._found(grey))
        if agreement < LEAST_AGREEMENT:
            raise Unregistered(
                f"{agreement:.0%} of the first reference's corners are there, at least {LEAST_AGREEMENT:.0%} are needed"
            )
        high, wide = self._grey.shape
        centre = np.array([(wide - 1) / 2, (high - 1) / 2, 1.0])
        shift = float(np.linalg.norm(fine @ centre - centre[:2])) / wide
        scale, degrees = 1 / math.hypot(fine[0, 0], fine[1, 0]), math.degrees(math.atan2(fine[1, 0], fine[0, 0]))
        matrix = (np.linalg.inv(self._to_small) @ _square(fine) @ to_small)[:2]
        self._check(shift, degrees, scale)
        return Pose(matrix, shift, degrees, scale, agreement)

    def _check(self, shift: float, degrees: float, scale: float) -> None:
        allowed = self.tolerance
        if shift > allowed.shift:
            raise Unregistered(f"moved by {shift:.1%} of the width, at most {allowed.shift:.1%} is allowed")
        if abs(degrees) > allowed.degrees:
            raise Unregistered(f"turned by {degrees:.1f} degrees, at most {allowed.degrees:g} are allowed")
        if abs(scale - 1) > allowed.scale:
            raise Unregistered(f"its scale is {scale:.3f}, at most {allowed.scale:.1%} from 1 is allowed")

    def _features(
        self, grey: NDArray[np.uint8], mask: NDArray[np.uint8] | None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Where features are, [n, 2], and what they look like, [n, 128]."""
        keypoints, descriptors = self._sift.detectAndCompute(grey, mask)
        if descriptors is None:
            return np.zeros((0, 2), np.float32), np.zeros((0, 128), np.float32)
        return np.array([keypoint.pt for keypoint in keypoints], np.float32), np.asarray(descriptors, np.float32)

    def _found(self, grey: NDArray[np.uint8]) -> Matrix:
        """A small picture to the small reference, by features. Raises Unregistered if too few agree."""
        points, descriptors = self._features(grey, None)
        pairs = self._matcher.knnMatch(descriptors, self._descriptors, k=2) if len(points) else ()
        good = [best for best, next_best in pairs if best.distance < DISTINCT * next_best.distance]
        matrix, agreeing = None, 0
        if len(good) >= LEAST_MATCHES:
            own = points[[match.queryIdx for match in good]]
            matrix, agreeing = _similarity(own, self._points[[match.trainIdx for match in good]], COARSE_PX)
        if matrix is None or agreeing < LEAST_MATCHES:
            raise Unregistered(
                f"{agreeing} of its features agree with the first reference, at least {LEAST_MATCHES} are needed"
            )
        return matrix

    def _refined(self, grey: NDArray[np.uint8], found: Matrix) -> tuple[Matrix, float]:
        """`found` made exact by optical flow from the reference's corners, and the share of corners that agree."""
        size = self._grey.shape[1], self._grey.shape[0]
        placed = cv2.warpAffine(grey, found, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        empty = np.zeros_like(self._corners)
        moved, tracked, _ = cv2.calcOpticalFlowPyrLK(
            self._grey, placed, self._corners, empty, winSize=(15, 15), maxLevel=2
        )
        there = tracked[:, 0] == 1
        if there.sum() < LEAST_MATCHES:
            return found, 0.0
        rest, agreeing = _similarity(moved[there, 0], self._corners[there, 0], FINE_PX)
        return (found, 0.0) if rest is None else ((_square(rest) @ _square(found))[:2], agreeing / len(self._corners))


def _similarity(
    own: NDArray[np.float32], theirs: NDArray[np.float32], threshold_px: float
) -> tuple[Matrix | None, int]:
    """What takes [n, 2] points to others, and how many agree within the threshold; None if nothing does."""
    matrix, agreeing = cv2.estimateAffinePartial2D(
        own, theirs, method=cv2.RANSAC, ransacReprojThreshold=threshold_px, confidence=0.999, refineIters=20
    )
    return (None, 0) if matrix is None else (np.asarray(matrix, np.float64), int(agreeing.sum()))


def _small(pixels: Pixels) -> tuple[NDArray[np.uint8], Matrix]:
    """The picture in grey with SIDE pixels along its longer side, and [3, 3] from its pixels to those."""
    factor = SIDE / max(pixels.shape[:2])
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    high, wide = (max(1, round(factor * side)) for side in pixels.shape[:2])
    small = cv2.resize(grey, (wide, high), interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR)
    return np.asarray(small, np.uint8), between(pixels.shape[:2], (high, wide))


def between(shape: tuple[int, ...], other: tuple[int, ...]) -> Matrix:
    """[3, 3]: from the pixel (or cell) centres of one (H, W) to those of another that covers the same."""
    x, y = other[1] / shape[1], other[0] / shape[0]
    return np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1]])


def _square(matrix: Matrix) -> Matrix:
    """[2, 3] -> [3, 3]."""
    return np.vstack([matrix, [0, 0, 1]])
