"""`calibrate adapters` as a person meets it: options, output, a kill in the middle."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from calibration.adapters.cli import adapters, bytes_of
from calibration.adapters.training import checkpoint_of, log_of
from edge.errors import EdgeError
from edge.vision.adapters import fingerprint, load_adapters
from edge.vision.encoder import open_encoder
from tests.tiny_dataset import tiny_dataset

app = typer.Typer()
app.command()(adapters)
PROGRAM = "import typer; from calibration.adapters.cli import adapters; typer.run(adapters)"


def options(folder: Path, out: Path, *, epochs: int = 2, batch: int = 4) -> list[str]:
    words = ["--dataset", "folder", "--root", str(folder), "--encoder", "lite", "--input-size", "64", "--dim", "8"]
    words += ["--cache", str(out.parent / "cache")]
    return [*words, "--epochs", str(epochs), "--batch", str(batch), "--device", "cpu", "--out", str(out)]


def run(*words: str) -> Result:
    return CliRunner().invoke(app, words)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_dataset(tmp_path_factory.mktemp("data") / "part", unmasked=1)


def test_the_file_holds_adapters_that_fit_and_say_what_they_saw(folder: Path, tmp_path: Path) -> None:
    result = run(*options(folder, tmp_path / "a"), "--seed", "3", "--json")
    assert result.exit_code == 0, result.output
    adapters_, card = load_adapters(tmp_path / "a", device="cpu")
    card.check_fits(open_encoder("lite", input_size=64, device="cpu"))
    assert json.loads(result.stdout)["card"] == card.model_dump(mode="json")
    assert (card.trained_on, card.protocol, card.seed, card.epochs) == (("folder:part",), "paper (changed)", 3, 2)
    assert adapters_.classes is not None and card.learned_classes
    test = sorted((folder / "test").rglob("*.png"))
    assert card.seen(test) == [file for file in test if file.name != "05.png"]  # it has no mask
    assert not card.seen(sorted((folder / "normal").iterdir()))
    assert fingerprint(test[0]) in card.pictures
    assert "1 defective pictures have no mask" in result.stderr
    assert "--mosaic 0.2" in card.command and str(tmp_path) not in card.command
    assert not checkpoint_of(tmp_path / "a").exists()
    assert len(log_of(tmp_path / "a").read_text().splitlines()) == 2 * 3  # 9 pictures in batches of 4
    assert list((tmp_path / "cache").iterdir())


def test_a_killed_process_resumes_to_the_same_file(folder: Path, tmp_path: Path) -> None:
    words = [*options(folder, tmp_path / "killed", epochs=3, batch=2), "--checkpoint-s", "0"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *words], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 120
    while not checkpoint_of(tmp_path / "killed").exists() and time.monotonic() < deadline:
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (tmp_path / "killed").exists()
    refused = run(*words)
    assert isinstance(refused.exception, EdgeError) and "--resume" in str(refused.exception)
    assert run(*words, "--resume").exit_code == 0
    assert run(*options(folder, tmp_path / "whole", epochs=3, batch=2)).exit_code == 0
    assert (tmp_path / "killed").read_bytes() == (tmp_path / "whole").read_bytes()
    assert log_of(tmp_path / "killed").read_bytes() == log_of(tmp_path / "whole").read_bytes()
    assert not checkpoint_of(tmp_path / "killed").exists()


PROMPTS = """
normal = ["{}"]
abnormal = ["broken {}"]
templates = ["a photo of a {}."]
"""


def test_an_encoder_with_a_text_tower_is_trained_towards_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, random_models: Callable[[str], Path]
) -> None:
    for name in ("bolt", "nut"):
        tiny_dataset(tmp_path / "parts" / name, good=1, bad=2)
    (tmp_path / "few.toml").write_text(PROMPTS)
    monkeypatch.setenv("EDGE_MODELS", str(random_models("ViT-S-32-alt")))
    words = ["--dataset", "folder", "--root", str(tmp_path / "parts"), "--encoder", "ViT-S-32-alt:random"]
    words += ["--prompts", str(tmp_path / "few.toml"), "--protocol", "release"]
    words += ["--epochs", "2", "--batch", "3", "--device", "cpu"]
    result = run(*words, "--out", str(tmp_path / "a"), "--cache", str(tmp_path / "cache"))
    assert result.exit_code == 0, (result.output, result.exception)
    adapters_, card = load_adapters(tmp_path / "a", device="cpu")
    assert card.encoder == "ViT-S-32-alt:random"
    assert adapters_.classes is None and not card.learned_classes
    assert card.trained_on == ("folder:bolt", "folder:nut")
    assert {len(bias) for bias in adapters_.biases.values()} == {256}  # its text tower's
    assert "--mosaic 0.0" in card.command and "--dim" not in card.command


def test_what_cannot_be_is_said_before_anything_is_read(folder: Path, tmp_path: Path) -> None:
    missing = run(*options(tmp_path / "nowhere", tmp_path / "a"))
    assert isinstance(missing.exception, EdgeError) and "nowhere" in str(missing.exception)
    unknown = run(*options(folder, tmp_path / "a"), "--categories", "bolt")
    assert isinstance(unknown.exception, EdgeError) and "bolt" in str(unknown.exception)
    assert run(*options(folder, tmp_path / "a"), "--protocol", "mine").exit_code == 2


def test_sizes_are_read_with_units_of_a_thousand() -> None:
    assert [bytes_of(text) for text in ("8GB", "500 mb", "1.5K", "0", "12")] == [8 * 10**9, 5 * 10**8, 1500, 0, 12]
    for text in ("", "GB", "many", "-1", "1XB", "nan"):
        with pytest.raises(EdgeError, match="cache-budget"):
            bytes_of(text)
