"""Too little memory for a batch, of the host or of the GPU: smaller batches, and at last one frame that is refused."""

import logging
import sys
from collections.abc import Callable, Sequence
from typing import TypeVar

import cv2

log = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R")


def in_halves(items: Sequence[T], work: Callable[[Sequence[T]], list[R]], refuse: Callable[[T], R]) -> list[R]:
    """What `work` makes of the items, one each and in order; where memory runs out, of each half by itself.

    refuse: what becomes of a single item for which there is too little memory
    """
    if not items:
        return []
    try:
        return work(items)
    except (MemoryError, RuntimeError, cv2.error) as error:
        if not is_out_of_memory(error):
            raise
        log.error("too little memory for a batch of %d: %s", len(items), error)
    _give_back()  # outside the handler, whose traceback held what the batch had taken
    if len(items) == 1:
        return [refuse(items[0])]
    half = len(items) // 2
    return in_halves(items[:half], work, refuse) + in_halves(items[half:], work, refuse)


def is_out_of_memory(error: Exception) -> bool:
    """Whether memory ran out: of Python, numpy and Pillow, of a CUDA device, of torch's own on a CPU, or of OpenCV."""
    if isinstance(error, cv2.error):
        return bool(error.code == cv2.Error.StsNoMem)
    if isinstance(error, RuntimeError):  # torch.OutOfMemoryError is one, too
        return type(error).__name__ == "OutOfMemoryError" or "DefaultCPUAllocator" in str(error)
    return isinstance(error, MemoryError)


def _give_back() -> None:
    """Let go of what torch keeps of a GPU's memory, if torch is in use at all: some scorers do without."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
