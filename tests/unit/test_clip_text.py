"""The text tower of open_clip encoders: the embeddings that open_clip gives, for any number of sentences."""

from collections.abc import Callable
from pathlib import Path

import open_clip
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from edge.vision.encoder import open_encoder
from edge.vision.features import TextTower
from edge.vision.store import find, weights_file

NAME = "ViT-S-32-alt"
SENTENCES = ["a photo of a bolt", "a damaged " + "very " * 40 + "old bolt", "x", "word " * 200]


@pytest.fixture(scope="module")
def models(random_models: Callable[[str], Path]) -> Path:
    return random_models(NAME)


@pytest.fixture(scope="module")
def tower(models: Path) -> TextTower:
    text = open_encoder(f"{NAME}:random", device="cpu", models=models).text
    assert text
    return text


@pytest.fixture(scope="module")
def expected(models: Path) -> Tensor:
    """The sentences as open_clip embeds them, with all 77 places."""
    record = find(models, NAME, "random")
    assert record
    model = open_clip.create_model(NAME, pretrained=str(weights_file(models, record))).eval()
    with torch.inference_mode():
        vectors: Tensor = model.encode_text(open_clip.get_tokenizer(NAME)(SENTENCES))
        return functional.normalize(vectors, dim=-1)


@pytest.mark.parametrize("rows", [[0, 1, 2, 3], [0], [2, 0], [1], [3]])
def test_sentences_of_any_length_have_open_clips_embedding(tower: TextTower, expected: Tensor, rows: list[int]) -> None:
    vectors = tower.embed([SENTENCES[row] for row in rows])
    assert vectors.dtype == torch.float32
    torch.testing.assert_close(vectors, expected[rows], atol=1e-5, rtol=1e-4)


def test_the_towers_weights_are_as_before_when_it_has_embedded(tower: TextTower, expected: Tensor) -> None:
    for _ in range(2):
        torch.testing.assert_close(tower.embed(["x"]), expected[2:3], atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(tower.embed([SENTENCES[3]]), expected[3:], atol=1e-5, rtol=1e-4)


def test_many_sentences_come_in_their_order(tower: TextTower) -> None:
    sentences = [f"part {number}" for number in range(150)]
    vectors = tower.embed(sentences)
    assert vectors.shape == (150, 256)
    for row in (0, 63, 64, 149):
        torch.testing.assert_close(vectors[row : row + 1], tower.embed([sentences[row]]), atol=1e-5, rtol=1e-4)
    assert len(vectors.unique(dim=0)) == 150
