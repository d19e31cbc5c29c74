"""The papers' equations written out slowly, one number after the other, in float64 and without torch.

Written from the papers and from the list of facts that their text leaves out, not from the code under test.
Vectors are one-dimensional float64 arrays; a picture's tokens are a list of them, row by row.
"""

import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
TEMPERATURE = 0.01


def dot(a: Vector, b: Vector) -> float:
    return float(np.dot(a, b))


def unit(a: Vector) -> Vector:
    return a / math.sqrt(dot(a, a))


def softmax(values: Sequence[float]) -> list[float]:
    highest = max(values)
    exponentials = [math.exp(value - highest) for value in values]
    return [each / sum(exponentials) for each in exponentials]


def sigmoid(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))


def mean_of_sentences(embeddings: Iterable[Vector]) -> Vector:
    """A row of F_t (APRIL-GAN 2.1): each sentence's embedding to unit length, their mean, unit length again."""
    units = [unit(embedding) for embedding in embeddings]
    return unit(np.array([sum(column) / len(units) for column in zip(*units, strict=True)]))


def probability_of_abnormal(image: Vector, normal: Vector, abnormal: Vector) -> float:
    """Equation 1, and the prompt-guided score of the second paper's section 3.1: softmax of cosine / temperature."""
    logits = [dot(unit(image), unit(text)) / TEMPERATURE for text in (normal, abnormal)]
    return softmax(logits)[1]


def adapted(token: Vector, weight: NDArray[np.float64], bias: Vector) -> Vector:
    """Equation 2: k F + b, one output after the other."""
    return np.array([dot(row, token) + float(b) for row, b in zip(weight, bias, strict=True)])


def token_logits(
    token: Vector, weight: NDArray[np.float64], bias: Vector, normal: Vector, abnormal: Vector
) -> tuple[float, float]:
    """What equation 3 takes the softmax of, at one token: cosine / temperature with both texts."""
    moved = unit(adapted(token, weight, bias))
    return dot(moved, unit(normal)) / TEMPERATURE, dot(moved, unit(abnormal)) / TEMPERATURE


def bilinear(at: Callable[[int, int], float], grid: tuple[int, int], side: int, y: int, x: int) -> float:
    """Pixel (y, x) of a grid enlarged to side x side, its corners on the corners of the grid."""
    across, down = x * (grid[1] - 1) / (side - 1), y * (grid[0] - 1) / (side - 1)
    top, left = min(int(down), grid[0] - 1), min(int(across), grid[1] - 1)
    bottom, right = min(top + 1, grid[0] - 1), min(left + 1, grid[1] - 1)
    dy, dx = down - top, across - left
    upper = (1 - dx) * at(top, left) + dx * at(top, right)
    lower = (1 - dx) * at(bottom, left) + dx * at(bottom, right)
    return (1 - dy) * upper + dy * lower


def bilinear_centres(
    at: Callable[[int, int], float], grid: tuple[int, int], size: tuple[int, int], i: int, j: int
) -> float:
    """Cell (i, j) of a grid enlarged to `size`, each old cell's centre staying where it is in the picture."""
    down = max(0.0, (i + 0.5) * grid[0] / size[0] - 0.5)
    across = max(0.0, (j + 0.5) * grid[1] / size[1] - 0.5)
    top, left = int(down), int(across)
    bottom, right = min(top + 1, grid[0] - 1), min(left + 1, grid[1] - 1)
    dy, dx = down - top, across - left
    upper = (1 - dx) * at(top, left) + dx * at(top, right)
    lower = (1 - dx) * at(bottom, left) + dx * at(bottom, right)
    return (1 - dy) * upper + dy * lower


def zero_shot_pixel(
    logits: Sequence[Callable[[int, int], tuple[float, float]]],
    grids: Sequence[tuple[int, int]],
    side: int,
    y: int,
    x: int,
) -> float:
    """Equation 3 at one pixel: logits are enlarged first, then comes the softmax, then the sum over the stages.

    logits: for each stage, what `token_logits` gives at row i and column j of its grid
    """
    total = 0.0
    for at, grid in zip(logits, grids, strict=True):
        normal = bilinear(lambda i, j, at=at: at(i, j)[0], grid, side, y, x)  # type: ignore[misc]
        abnormal = bilinear(lambda i, j, at=at: at(i, j)[1], grid, side, y, x)  # type: ignore[misc]
        total += softmax([normal, abnormal])[1]
    return total


def distance_to_bank(token: Vector, bank: Sequence[Vector]) -> float:
    """One stage's term of equation 4: the smallest 1 - cosine. The bank's vectors have unit length."""
    token = unit(token)
    smallest = math.inf
    for vector in bank:
        smallest = min(smallest, 1 - dot(token, vector))
    return smallest


def min_max(values: Sequence[float]) -> list[float]:
    return [(value - min(values)) / (max(values) - min(values)) for value in values]


def released_few_shot_scores(probabilities: Sequence[float], maxima: Sequence[float]) -> list[float]:
    """0.5 * (zero-shot probability + map maximum, min-maxed over the test pictures of the category)."""
    return [0.5 * (p + m) for p, m in zip(probabilities, min_max(maxima), strict=True)]


class Layer:
    """A linear layer; batch normalisation as it is after training and a ReLU follow where its numbers are given."""

    def __init__(
        self,
        weight: NDArray[np.float64],
        bias: Vector,
        *,
        gain: Vector | None = None,
        shift: Vector | None = None,
        mean: Vector | None = None,
        variance: Vector | None = None,
    ) -> None:
        self.weight, self.bias = weight, bias
        self.norm = None if gain is None else (gain, shift, mean, variance)

    def __call__(self, values: Vector) -> Vector:
        outputs = []
        for number, (row, b) in enumerate(zip(self.weight, self.bias, strict=True)):
            output = dot(row, values) + float(b)
            if self.norm is not None:
                gain, shift, mean, variance = (float(each[number]) for each in self.norm)  # type: ignore[index]
                output = (output - mean) / math.sqrt(variance + 1e-5) * gain + shift
                output = max(0.0, output)
            outputs.append(output)
        return np.array(outputs)


def random_word_probability(values: Vector, layers: Sequence[Layer]) -> float:
    """The second paper's section 3.3: sigmoid of the network of four linear layers."""
    assert len(layers) == 4
    for layer in layers:
        values = layer(values)
    (logit,) = values
    return sigmoid(float(logit))


def unlikeness_to_references(image: Vector, references: Sequence[Vector]) -> float:
    """The few-shot part of the second paper (4.2): half of 1 - cosine to the reference that is most alike."""
    most = -math.inf
    for reference in references:
        most = max(most, dot(unit(image), unit(reference)))
    return (1 - most) / 2
