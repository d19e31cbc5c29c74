"""Many large things one at a time: a sequence that holds none of them."""

from collections.abc import Callable, Sequence
from typing import TypeVar, overload

T = TypeVar("T")


class Lazily(Sequence[T]):
    """A sequence of `count` items, each made anew whenever it is asked for."""

    def __init__(self, count: int, make: Callable[[int], T]) -> None:
        self._rows = range(count)
        self._make = make

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> "Lazily[T]": ...
    def __getitem__(self, index: int | slice) -> "T | Lazily[T]":
        if isinstance(index, int):
            return self._make(self._rows[index])
        rows = self._rows[index]
        return Lazily(len(rows), lambda row: self._make(rows[row]))
