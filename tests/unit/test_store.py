"""The store of encoder weights: what enters it fits, what lies in it is checked, and it knows what weights need."""

import shutil
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import open_clip
import pytest
import safetensors.torch
import torch
from torch import Tensor

from edge.errors import EdgeError
from edge.vision.checksum import sha256_of
from edge.vision.clip_models import published, split_name
from edge.vision.fetch import fetch, how_to_get
from edge.vision.store import Record, add, check, entries, find, find_file, needs_of, weights_file
from tests.clip_weights import random_weights

NAME = "ViT-S-32-alt"
Weights = dict[str, Tensor]


@pytest.fixture(scope="module")
def weights() -> Weights:
    return random_weights(NAME)


@pytest.fixture(scope="module")
def source(weights: Weights, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A training checkpoint as open_clip writes it."""
    file = tmp_path_factory.mktemp("source") / "epoch_7.pt"
    torch.save({"epoch": 7, "state_dict": {f"module.{name}": tensor for name, tensor in weights.items()}}, file)
    yield file
    file.unlink()


@pytest.fixture(scope="module")
def stored(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Record]]:
    """A store with one entry, not to be changed."""
    models = tmp_path_factory.mktemp("models")
    yield models, add(models, f"{NAME}:mine.v1", source, activation="quick_gelu")
    shutil.rmtree(models)


def test_what_is_added_is_found_with_what_it_needs(stored: tuple[Path, Record], source: Path) -> None:
    models, record = stored
    assert entries(models) == [record]
    assert find(models, NAME, "MINE.V1") == record
    assert (record.encoder, record.activation) == (f"{NAME}:mine.v1", "quick_gelu")
    assert record.mean == open_clip.OPENAI_DATASET_MEAN
    assert (record.source, record.source_sha256) == ("epoch_7.pt", sha256_of(source))
    assert record.sha256 == sha256_of(weights_file(models, record))
    assert record.bytes == weights_file(models, record).stat().st_size
    assert sorted(file.name for file in (models / NAME).iterdir()) == ["mine.v1.json", "mine.v1.safetensors"]


def test_the_stored_tensors_are_the_published_ones(stored: tuple[Path, Record], weights: Weights) -> None:
    kept = safetensors.torch.load_file(weights_file(*stored))
    assert {name.removeprefix("module.") for name in kept} == set(weights)
    for name, tensor in weights.items():
        torch.testing.assert_close(kept[f"module.{name}"], tensor, check_dtype=False, rtol=0, atol=0)


def test_a_file_is_known_by_its_bytes_wherever_it_lies(
    stored: tuple[Path, Record], source: Path, tmp_path: Path
) -> None:
    models, record = stored
    moved = shutil.copy(source, tmp_path / "renamed.bin")
    assert find_file(models, NAME, moved) == record
    assert find_file(models, NAME, weights_file(models, record)) == record
    assert find_file(models, "ViT-S-32", moved) is None
    with moved.open("ab") as file:
        file.write(b"\0")
    assert find_file(models, NAME, moved) is None


def test_a_changed_or_missing_file_is_refused(stored: tuple[Path, Record], tmp_path: Path) -> None:
    models, record = stored
    copy = Path(shutil.copytree(models, tmp_path / "copy"))
    check(copy, record)
    file = weights_file(copy, record)
    with file.open("r+b") as content:
        content.seek(record.bytes // 2)
        content.write(bytes([content.read(1)[0] ^ 1]))
    with pytest.raises(EdgeError, match=r"not as they were stored.*edge models add ViT-S-32-alt:mine\.v1 FILE"):
        check(copy, record)
    file.unlink()
    with pytest.raises(EdgeError, match="gone from the store"):
        check(copy, record)


def test_a_record_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()
    (tmp_path / NAME / "mine.json").write_text('{"format": 2}')
    with pytest.raises(EdgeError, match=r"mine\.json is no record"):
        entries(tmp_path)


def without_projection(weights: Weights) -> Weights:
    return {name: tensor for name, tensor in weights.items() if name != "visual.proj"}


def with_more(weights: Weights) -> Weights:
    return {**weights, "visual.more": torch.zeros(1)}


def wider(weights: Weights) -> Weights:
    return {**weights, "visual.proj": torch.zeros(384, 257)}


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (without_projection, r"Missing key.*visual\.proj"),
        (with_more, r"Unexpected key.*visual\.more"),
        (wider, r"size mismatch for visual\.proj"),
    ],
)
def test_weights_of_another_architecture_do_not_enter(
    tmp_path: Path, weights: Weights, change: Callable[[Weights], Weights], what: str
) -> None:
    file = tmp_path / "other.safetensors"
    safetensors.torch.save_file(change(weights), file)
    with pytest.raises(EdgeError, match=rf"do not fit the architecture {NAME}: .*{what}"):
        add(tmp_path / "models", f"{NAME}:mine", file, activation="gelu")
    file.unlink()
    assert not [path for path in (tmp_path / "models").rglob("*") if path.is_file()]


def test_other_weights_do_not_take_a_tags_place_and_the_same_ones_may(
    stored: tuple[Path, Record], source: Path, tmp_path: Path
) -> None:
    models, record = stored
    other = tmp_path / "other.pt"
    torch.save({"visual.proj": torch.zeros(1)}, other)
    with pytest.raises(EdgeError, match=r"in the store already, made from epoch_7\.pt"):
        add(models, f"{NAME}:mine.v1", other, activation="quick_gelu")
    again = add(models, f"{NAME}:mine.v1", source, activation="quick_gelu")
    assert again.sha256 == record.sha256


def test_a_store_that_cannot_be_written_says_so(tmp_path: Path, source: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EdgeError, match=r"cannot be written.*EDGE_MODELS"):
        add(tmp_path / "file", f"{NAME}:mine", source, activation="gelu")


def test_every_openai_tag_needs_quick_gelu_and_both_defaults_what_they_were_trained_with() -> None:
    for name in open_clip.list_pretrained_models_by_tag("openai"):
        assert needs_of(name, "openai", None).activation == "quick_gelu"
    assert needs_of("ViT-B-16-plus-240", "laion400m_e31", None).activation == "gelu"


def test_the_mean_and_deviation_are_the_tags() -> None:
    assert needs_of("ViT-L-14", "laion2b_s32b_b82k", None).mean == (0.5, 0.5, 0.5)
    assert needs_of("ViT-B-16-SigLIP", "webli", None).std == (0.5, 0.5, 0.5)


@pytest.mark.parametrize(
    ("name", "tag", "stated", "what"),
    [
        ("ViT-L-14-336", "openai", "gelu", "needs the activation quick_gelu, not gelu"),
        ("ViT-B-16-plus-240", "laion400m_e31", "quick_gelu", "needs the activation gelu, not quick_gelu"),
        ("ViT-B-32-quickgelu", "mine", "gelu", "needs the activation gelu, not quick_gelu"),
        ("ViT-B-32", "mine", None, "--activation gelu or --activation quick_gelu"),
    ],
)
def test_an_activation_that_contradicts_or_is_missing_is_refused(name: str, tag: str, stated: str, what: str) -> None:
    with pytest.raises(EdgeError, match=what):
        needs_of(name, tag, stated)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("encoder", "what"),
    [("ViT-L-14-336", "NAME:TAG"), ("ViT-L-14:", "NAME:TAG"), ("ViT-L14-336:openai", "ViT-L-14-336")],
)
def test_an_impossible_encoder_is_refused_with_what_there_is(encoder: str, what: str) -> None:
    with pytest.raises(EdgeError, match=what):
        split_name(encoder)


@pytest.mark.parametrize("tag", ["a/b", "", ".hidden", "a b", "x" * 101])
def test_a_tag_that_is_no_file_name_is_refused(tmp_path: Path, tag: str) -> None:
    with pytest.raises(EdgeError):
        find(tmp_path, NAME, tag)


def test_published_archives_are_known_by_their_sha256() -> None:
    listed = published("ViT-L-14-336", "openai")
    assert listed
    assert listed.sha256 == "3035c92b350959924f9f00213499208652fc7ea050643e8b385c2dac08641f02"
    assert "https://huggingface.co/timm/vit_large_patch14_clip_336.openai" in listed.places


def test_two_tags_never_come_from_one_repository() -> None:
    """open_clip 3.3 lists the repository of laion400m_e31 for laion400m_e32, too."""
    first, second = (published("ViT-B-16-plus-240", f"laion400m_e{epoch}") for epoch in (31, 32))
    assert first
    assert second
    assert first.hub.endswith("laion400m_e31/")
    assert second.hub == ""
    assert "laion400m_e32" in second.file


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """All traffic goes to a port where nothing listens."""
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(urllib.request, "_opener", None)  # urlopen keeps the proxies that it found at its first call


def test_without_network_fetch_says_what_to_bring_from_where_and_what_to_run(tmp_path: Path, no_network: None) -> None:
    with pytest.raises(EdgeError) as caught:
        fetch(tmp_path, "ViT-L-14-336:openai")
    for part in (
        "ViT-L-14-336:openai cannot be fetched",
        "open_clip_model.safetensors",
        "1.71 GB",
        "https://huggingface.co/timm/vit_large_patch14_clip_336.openai",
        "ViT-L-14-336px.pt",
        "edge models add ViT-L-14-336:openai FILE",
    ):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("encoder", "what"),
    [("RN50:mine", "openai, yfcc15m, cc12m"), ("roberta-ViT-B-32:laion2b_s12b_b32k", "roberta-base")],
)
def test_what_cannot_be_fetched_is_refused_before_the_network_is_tried(tmp_path: Path, encoder: str, what: str) -> None:
    with pytest.raises(EdgeError, match=what):
        fetch(tmp_path, encoder)


def test_weights_of_ones_own_are_added_with_their_activation() -> None:
    assert "edge models add RN50:mine FILE --activation gelu|quick_gelu" in how_to_get("RN50", "mine")
