"""Test pictures and masks from disk, read while the pictures before them are in use."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from calibration.datasets import Sample, read_mask
from edge.frame import Pixels
from edge.line.picture import read_picture

Mask = NDArray[np.bool_]
"""[h, w], True where defective."""


def read_ahead(
    samples: Sequence[Sample], batch: int, *, side: int | None
) -> Iterator[tuple[Sequence[Sample], list[Pixels], list[Mask | None]]]:
    """Test pictures in batches with their masks, the next batch being read while one is in use.

    side: pixels a side of the masks; None: no masks are read
    A mask is None where the pixels' labels are unknown. Raises EdgeError naming a picture or mask that is unreadable.
    """

    def read(sample: Sample) -> tuple[Pixels, Mask | None]:
        wanted = side is not None and sample.pixels_known
        return read_picture(sample.file), read_mask(sample, size=(side, side)) if wanted and side else None

    chunks = [samples[start : start + batch] for start in range(0, len(samples), batch)]
    with ThreadPoolExecutor(max_workers=4) as pool:
        coming = [pool.submit(read, sample) for sample in chunks[0]] if chunks else []
        for number, chunk in enumerate(chunks):
            ready = [future.result() for future in coming]
            coming = [pool.submit(read, sample) for sample in chunks[number + 1]] if number + 1 < len(chunks) else []
            yield chunk, [pixels for pixels, _ in ready], [mask for _, mask in ready]
