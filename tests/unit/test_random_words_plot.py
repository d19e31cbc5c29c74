"""The t-SNE picture of section 4.5."""

from pathlib import Path

import numpy as np
import pytest

from calibration.random_words.plot import draw, flattened, layer_views, read_captions
from calibration.random_words.training import train
from edge.errors import EdgeError
from edge.line.picture import read_picture
from edge.vision.net_card import Training
from tests.hashed_words import DIM, two_clouds

SAYS = "A normal day.\n\nA train that was Damaged by fire\nA cat\nan abnormal dog\nnormal tracks, damaged train\n"


def test_captions_are_sorted_by_what_they_say(tmp_path: Path) -> None:
    (tmp_path / "captions.txt").write_text(SAYS)
    captions = read_captions(tmp_path / "captions.txt")
    assert captions.normal == ["A normal day."]
    assert captions.anomalous == ["A train that was Damaged by fire"]
    assert captions.left_out == 3


def test_cocos_own_file_is_read(tmp_path: Path) -> None:
    said = '{"annotations": [{"caption": "a normal bus"}, {"caption": "some damage\\n"}]}'
    (tmp_path / "captions.json").write_text(said)
    assert read_captions(tmp_path / "captions.json").anomalous == ["some damage"]


@pytest.mark.parametrize(("name", "said"), [("a.txt", "a cat\n"), ("a.json", "[]"), ("b.txt", None)])
def test_captions_that_are_of_no_use_are_refused(tmp_path: Path, name: str, said: str | None) -> None:
    if said is not None:
        (tmp_path / name).write_text(said)
    with pytest.raises(EdgeError, match=name):
        read_captions(tmp_path / name)


def test_there_is_a_view_of_the_embedding_and_of_each_hidden_layer() -> None:
    normal, anomalous = two_clouds(120)
    net = train(normal, anomalous, Training(widths=(16, 12, 8), batch=16, lr=1e-2), seed=0)
    views = layer_views(net, {"normal prompt": normal, "anomalous prompt": anomalous})
    assert [(name, each.shape) for name, each in views.items()] == [
        ("CLIP", (240, DIM)),
        ("layer 1", (240, 16)),
        ("layer 2", (240, 12)),
        ("layer 3", (240, 8)),
    ]
    between, within = (_distances(views[name]) for name in ("CLIP", "layer 3"))
    assert within > between  # the states lie further apart, by their own spread, than before


def _distances(vectors: np.ndarray) -> float:
    """Distance of both states' means over their mean deviation."""
    normal, anomalous = vectors[:120], vectors[120:]
    spread = float(np.mean([normal.std(axis=0).mean(), anomalous.std(axis=0).mean()]))
    return float(np.linalg.norm(normal.mean(axis=0) - anomalous.mean(axis=0))) / spread


def test_points_of_one_seed_are_the_same_and_few_enough_are_refused() -> None:
    vectors = two_clouds(20)[0].numpy()
    first = flattened(vectors, seed=1)
    assert first.shape == (20, 2)
    np.testing.assert_array_equal(first, flattened(vectors, seed=1))
    with pytest.raises(EdgeError, match="3 points"):
        flattened(vectors[:3], seed=1)


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_the_picture_has_a_colour_for_each_state(tmp_path: Path, suffix: str) -> None:
    points = np.random.default_rng(0).normal(size=(12, 2)).astype(np.float32)
    groups = [(f"{state} {kind}", 3) for kind in ("prompt", "sentence") for state in ("normal", "anomalous")]
    path = tmp_path / "out" / f"picture{suffix}"
    draw(path, {"CLIP": points, "layer 1": points}, groups)
    if suffix == ".svg":
        assert {"#1f77b4", "#d62728"} <= {f"#{part[:6]}" for part in path.read_text().split("#")}
        return
    pixels = read_picture(path).astype(int)
    assert pixels.shape[1] > pixels.shape[0]
    assert (pixels[..., 2] > pixels[..., 0] + 60).any()
    assert (pixels[..., 0] > pixels[..., 2] + 60).any()
