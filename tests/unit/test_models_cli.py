"""`edge models`: what it shows and stores."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import safetensors.torch
from typer.testing import CliRunner, Result

from edge.errors import EdgeError
from edge.models_cli import app
from tests.clip_weights import random_weights

NAME = "ViT-S-32-alt"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    weights = tmp_path_factory.mktemp("source") / "mine.safetensors"
    safetensors.torch.save_file(random_weights(NAME), weights)
    yield weights
    weights.unlink()


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "models"
    monkeypatch.setenv("EDGE_MODELS", str(folder))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def run(*words: str) -> Result:
    result = CliRunner().invoke(app, words)
    if isinstance(result.exception, EdgeError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result


def test_an_empty_store_names_the_papers_encoders_and_how_to_get_them(models: Path) -> None:
    output = run("list").stdout
    assert f"the store {models} is empty" in output
    assert "edge models fetch ViT-L-14-336:openai" in output
    assert "edge models fetch ViT-B-16-plus-240:laion400m_e31" in output


def test_what_is_added_is_listed_and_checked(models: Path, file: Path) -> None:
    added = json.loads(run("add", f"{NAME}:mine", str(file), "--activation", "quick_gelu", "--json").stdout)
    assert (added["name"], added["tag"], added["activation"]) == (NAME, "mine", "quick_gelu")
    listed = json.loads(run("list", "--json").stdout)
    assert listed["stored"] == [added]
    assert "ViT-L-14-336:openai" in listed["defaults"]
    assert f"{NAME}:mine" in run("list").stdout
    assert "every file is as it was stored" in run("list", "--check").stdout
    with (models / NAME / "mine.safetensors").open("ab") as content:
        content.write(b"\0")
    with pytest.raises(EdgeError, match="not as they were stored"):
        run("list", "--check")


def test_adding_says_how_to_use_it(models: Path, file: Path) -> None:
    output = run("add", f"{NAME}:mine", str(file), "--activation", "gelu").stdout
    assert f"Use it: --encoder {NAME}:mine" in output


def test_the_published_tags_of_an_architecture_are_listed(models: Path) -> None:
    listed = json.loads(run("list", "RN50", "--json").stdout)
    assert [row["encoder"] for row in listed["tags"]] == ["RN50:openai", "RN50:yfcc15m", "RN50:cc12m"]
    assert {row["activation"] for row in listed["tags"]} == {"quick_gelu"}
    assert listed["text"]
    assert "https://huggingface.co/timm/resnet50_clip.openai" in run("list", "RN50").stdout
    assert "no text tower here" in run("list", "ViT-B-16-SigLIP").stdout


def test_an_unknown_architecture_is_refused_with_what_looks_like_it(models: Path) -> None:
    with pytest.raises(EdgeError, match="ViT-L-14-336"):
        run("list", "ViT-L-14-366")
