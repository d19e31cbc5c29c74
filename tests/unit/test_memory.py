"""Too little memory for a batch: it is halved until it fits, and what fits into none is refused by itself."""

import subprocess
import sys
from collections.abc import Callable, Sequence

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from edge.vision.memory import in_halves, is_out_of_memory


def doubled_where(fits: Callable[[Sequence[int]], bool], error: Exception) -> Callable[[Sequence[int]], list[int]]:
    def work(items: Sequence[int]) -> list[int]:
        if not fits(items):
            raise error
        return [2 * item for item in items]

    return work


@given(st.lists(st.integers(0, 100)), st.integers(1, 8))
def test_whatever_fits_every_item_gets_its_own_result_in_order(items: list[int], most: int) -> None:
    assert in_halves(items, doubled_where(lambda some: len(some) <= most, MemoryError()), lambda _: -1) == [
        2 * item for item in items
    ]


def test_the_one_item_that_never_fits_is_refused_and_its_neighbours_are_not() -> None:
    work = doubled_where(lambda some: 5 not in some, torch.OutOfMemoryError("CUDA out of memory"))
    assert in_halves(range(8), work, lambda item: -item) == [0, 2, 4, 6, 8, -5, 12, 14]


def test_another_error_is_nobodys_want_of_memory() -> None:
    with pytest.raises(RuntimeError, match="shape"):
        in_halves([1, 2], doubled_where(lambda _: False, RuntimeError("shape mismatch")), lambda _: -1)


def test_what_numpy_torch_and_opencv_really_raise_is_recognised() -> None:
    """In a process of its own, which may have no more than it has and a little."""
    script = """
import resource, cv2, numpy as np, torch
from edge.vision.memory import is_out_of_memory
picture = np.zeros((4000, 4000, 3), np.uint8)
now = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (now + (16 << 20), -1))
for take in (lambda: np.ones(1 << 30), lambda: torch.zeros(1 << 30), lambda: cv2.resize(picture, (30000, 30000))):
    try:
        take()
    except Exception as error:
        assert is_out_of_memory(error), repr(error)
    else:
        raise AssertionError("it fitted")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


def test_no_other_error_of_opencv_counts() -> None:
    with pytest.raises(cv2.error) as error:
        cv2.resize(np.zeros((0, 0, 3), np.uint8), (1, 1))
    assert not is_out_of_memory(error.value)
