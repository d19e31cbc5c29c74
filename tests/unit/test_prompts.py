import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from typer import Typer
from typer.testing import CliRunner

from calibration.prompts_cli import prompts
from edge.errors import EdgeError
from edge.vision.prompts import DEFAULT_FILE, PromptEnsemble, class_embeddings, pair_embeddings, spoken_name
from tests.equations import mean_of_sentences

DIM = 24


class Tower:
    """Implements TextTower: for each sentence a vector of its own, of unit length; keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def embed(self, sentences: Sequence[str]) -> Tensor:
        self.asked += sentences
        vectors = torch.from_numpy(np.stack([vector_of(sentence) for sentence in sentences])).float()
        return torch.nn.functional.normalize(vectors, dim=-1)


def vector_of(sentence: str) -> np.ndarray:
    seed = int.from_bytes(hashlib.sha256(sentence.encode()).digest()[:8])
    return np.random.default_rng(seed).normal(0.3, 1, DIM)


def write(folder: Path, text: str) -> Path:
    path = folder / "prompts.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_shipped_ensemble_has_the_papers_numbers_and_nothing_twice() -> None:
    ensemble = PromptEnsemble.read()
    assert (len(ensemble.normal), len(ensemble.abnormal), len(ensemble.templates)) == (7, 5, 35)
    normal, abnormal = ensemble.sentences("cable")
    assert (len(set(normal)), len(set(abnormal))) == (7 * 35, 5 * 35)
    assert not set(normal) & set(abnormal)
    assert "a photo of a flawless cable." in normal
    assert "this is one cable with damage in the scene." in abnormal
    assert not any("weird" in template for template in ensemble.templates)  # the paper screened that one out


def test_every_state_is_said_in_every_template() -> None:
    ensemble = PromptEnsemble(normal=("{}", "good {}"), abnormal=("bad {}",), templates=("a {}.", "one {} here"))
    assert ensemble.sentences("metal_nut") == (
        ["a metal nut.", "one metal nut here", "a good metal nut.", "one good metal nut here"],
        ["a bad metal nut.", "one bad metal nut here"],
    )


def test_class_vectors_are_the_slow_means_of_the_sentences() -> None:
    tower, ensemble = Tower(), PromptEnsemble.read()
    vectors = class_embeddings(tower, ensemble, "pipe_fryum")
    assert vectors.shape == (2, DIM)
    assert vectors.dtype == torch.float32
    said = [
        [
            template.replace("{}", state.replace("{}", "pipe fryum"))
            for state in states
            for template in ensemble.templates
        ]
        for states in (ensemble.normal, ensemble.abnormal)
    ]
    assert sorted(tower.asked) == sorted(said[0] + said[1])
    slow = np.stack([mean_of_sentences(vector_of(sentence) for sentence in sentences) for sentences in said])
    np.testing.assert_allclose(vectors.numpy(), slow, rtol=1e-4, atol=1e-5)


def test_a_pair_says_the_second_papers_two_prompts() -> None:
    tower = Tower()
    vectors = pair_embeddings(tower)
    assert tower.asked == ["a photo of a object", "a photo of a damaged object"]
    slow = np.stack([mean_of_sentences([vector_of(sentence)]) for sentence in tower.asked])
    np.testing.assert_allclose(vectors.numpy(), slow, rtol=1e-4, atol=1e-5)


def test_a_pair_takes_other_words_and_a_known_object() -> None:
    tower = Tower()
    pair_embeddings(tower, normal="a flawless", abnormal="an anomalous", object_name="metal_nut")
    assert tower.asked == ["a photo of a flawless metal nut", "a photo of an anomalous metal nut"]


@given(st.text(max_size=20))
def test_a_name_is_spoken_with_single_spaces_or_refused(name: str) -> None:
    try:
        spoken = spoken_name(name)
    except EdgeError as error:
        assert repr(name) in str(error)
        assert set(name) & {"{", "}"} or not name.replace("_", " ").split()
    else:
        assert spoken.split(" ") == name.replace("_", " ").split()
        assert "{}" not in "".join(PromptEnsemble.read().sentences(name)[0])


def test_an_engineers_own_file_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, 'normal = ["clean {}"]\nabnormal = ["scratched {}", "{} mit Riß"]\ntemplates = ["{}"]\n')
    assert PromptEnsemble.read(path).sentences("lid") == (["clean lid"], ["scratched lid", "lid mit Riß"])


GOOD = {"normal": '["{}"]', "abnormal": '["bad {}"]', "templates": '["a {}."]'}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"normal": '["{}", "flawless"]'}, "normal.1 'flawless' must hold {} once"),
        ({"templates": '["a {} of {}"]'}, "templates.0 'a {} of {}' must hold {} once"),
        ({"abnormal": "[]"}, "abnormal is empty"),
        ({"abnormal": None}, "abnormal is missing"),
        ({"weird": '["{}"]'}, "weird is not known; there is: normal, abnormal, templates"),
        ({"normal": '"{}"'}, "normal"),
        ({"normal": "[3]"}, "normal.0"),
        ({"normal": '["{}"'}, "no TOML"),
    ],
)
def test_a_file_with_a_fault_is_refused_by_name(tmp_path: Path, changed: dict[str, str | None], said: str) -> None:
    lines = {**GOOD, **changed}
    path = write(tmp_path, "\n".join(f"{key} = {value}" for key, value in lines.items() if value is not None))
    with pytest.raises(EdgeError) as caught:
        PromptEnsemble.read(path)
    assert str(caught.value).startswith(f"prompts {path}: {said}")
    assert str(DEFAULT_FILE) in str(caught.value)


def test_a_missing_or_binary_file_is_refused_by_name(tmp_path: Path) -> None:
    absent = tmp_path / "absent.toml"
    with pytest.raises(EdgeError, match=r"absent\.toml: cannot be read"):
        PromptEnsemble.read(absent)
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(EdgeError, match=r"binary\.toml: cannot be read"):
        PromptEnsemble.read(binary)


@pytest.fixture
def command() -> Typer:
    app = Typer()
    app.command()(prompts)
    return app


def test_what_the_command_prints_is_a_file_to_start_from(tmp_path: Path, command: Typer) -> None:
    shown = CliRunner().invoke(command, [])
    assert PromptEnsemble.read(write(tmp_path, shown.stdout)) == PromptEnsemble.read()
    as_json = CliRunner().invoke(command, ["--json"])
    assert PromptEnsemble.model_validate_json(as_json.stdout) == PromptEnsemble.read()


def test_the_command_shows_an_own_files_sentences_about_a_part(tmp_path: Path, command: Typer) -> None:
    path = write(tmp_path, "\n".join(f"{key} = {value}" for key, value in GOOD.items()))
    shown = CliRunner().invoke(command, ["--prompts", str(path), "--object", "metal_nut"])
    assert shown.stdout.splitlines() == ["normal   a metal nut.", "abnormal a bad metal nut."]
    as_json = CliRunner().invoke(command, ["--prompts", str(path), "--object", "metal_nut", "--json"])
    assert json.loads(as_json.stdout) == {"normal": ["a metal nut."], "abnormal": ["a bad metal nut."]}
    broken = CliRunner().invoke(command, ["--prompts", str(write(tmp_path, "normal = 3"))])
    assert isinstance(broken.exception, EdgeError)
