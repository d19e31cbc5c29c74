"""References of another shape than the others are named, since all are squashed to one square."""

import pytest

from calibration.references.sizes import odd_sizes
from edge.vision.manifest import Reference


def named(*sizes: tuple[int, int] | None) -> list[str]:
    references = [Reference(file=f"{n}.png", source=f"{n}.png", size=size) for n, size in enumerate(sizes)]
    return [sentence.split()[1] for sentence in odd_sizes(references)]


@pytest.mark.parametrize("odd", [(2000, 300), (1300, 1000), (400, 400)])
def test_another_aspect_or_size_is_named(odd: tuple[int, int]) -> None:
    assert named((1000, 1000), odd, (1000, 1000), (1000, 1000)) == ["1.png"]


def test_of_two_that_differ_both_are_named() -> None:
    assert named((2000, 300), (1000, 1000)) == ["0.png", "1.png"]


def test_what_is_cut_a_little_otherwise_or_has_no_size_is_not() -> None:
    assert named((1000, 1000), (1010, 1000), (900, 900), None) == []
    assert named((1000, 600)) == []
