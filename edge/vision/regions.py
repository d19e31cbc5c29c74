"""From an anomaly map to the areas that a person should look at."""

import numpy as np

from edge.line.opencv import cv2
from edge.verdict import AnomalyMap, Region

MOST_REGIONS = 32


def find_regions(anomaly_map: AnomalyMap, threshold: float, *, width: int, height: int) -> tuple[Region, ...]:
    """Connected areas (8 neighbours) of the map strictly above the threshold, largest peak first, at most 32.

    anomaly_map: [h, w] float32, finite; covers the whole picture of `width` x `height` pixels
    There is a region if and only if the map's maximum is above the threshold.
    """
    above = anomaly_map > np.float64(threshold)  # float64: a Python float would be rounded to the map's float32
    if not above.any():
        return ()
    count, labels, stats, _ = cv2.connectedComponentsWithStats(above.astype(np.uint8), connectivity=8)
    peaks = np.full(count, -np.inf)
    np.maximum.at(peaks, np.asarray(labels, np.intp), anomaly_map)
    order = sorted(range(1, count), key=lambda label: -peaks[label])[:MOST_REGIONS]
    rows, columns = anomaly_map.shape
    regions = []
    for label in order:
        left, top, wide, high, cells = (int(value) for value in stats[label])
        regions.append(
            Region(
                x0=left * width // columns,
                y0=top * height // rows,
                x1=-(-(left + wide) * width // columns),
                y1=-(-(top + high) * height // rows),
                area=cells / (rows * columns),
                peak=float(peaks[label]),
            )
        )
    return tuple(regions)
