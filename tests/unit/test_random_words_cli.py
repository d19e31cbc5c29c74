"""`calibrate random-words`, its study and its picture, on a real open_clip model with seeded weights."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from calibration.random_words.cli import parse_widths, plan_of, random_words
from calibration.random_words.plot_cli import random_words_plot
from calibration.random_words.study_cli import random_words_study
from edge.errors import EdgeError
from edge.vision.random_words import load_net
from tests.tiny_dataset import tiny_dataset

NAME = "ViT-S-32-alt"
ENCODER = f"{NAME}:random"
FEW = ["--pairs", "20", "--unseen", "4"]

app = typer.Typer()
app.command("random-words")(random_words)
app.command("random-words-study")(random_words_study)
app.command("random-words-plot")(random_words_plot)


@pytest.fixture(scope="module")
def station(random_models: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for the cache, and the environment that names the store of weights."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EDGE_MODELS", str(random_models(NAME)))
        yield tmp_path_factory.mktemp("station")


def calibrate(station: Path, *words: str) -> str:
    """What the command prints on stdout; the cache lies in the station."""
    result = CliRunner().invoke(app, [*words, "--cache", str(station / "cache")], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_same_options_give_the_same_file_and_another_seed_another(station: Path, tmp_path: Path) -> None:
    for name, seed in (("first", 0), ("again", 0), ("other", 1)):
        options = ["--encoder", ENCODER, *FEW, "--seed", str(seed), "--prompt-seed", "0", "--out", str(tmp_path / name)]
        said = json.loads(calibrate(station, "random-words", *options, "--json"))
        assert 0 <= said["marks"]["held_out_accuracy"] <= 1
    assert (tmp_path / "first").read_bytes() == (tmp_path / "again").read_bytes() != (tmp_path / "other").read_bytes()
    _, card = load_net(tmp_path / "other", device="cpu")
    assert (card.encoder, card.dim, card.seed, card.prompts.seed) == (ENCODER, 256, 1, 0)
    assert (card.prompts.pairs, card.hyperparameters) == (20, "unvalidated")
    assert "--seed 1 --prompt-seed 0" in card.command


def test_the_command_in_the_card_makes_the_file_again(station: Path, tmp_path: Path) -> None:
    import shlex

    options = ["--encoder", ENCODER, *FEW, "--words", "good-broken", "--widths", "9,8,7", "--dropout", "0.3"]
    calibrate(station, "random-words", *options, "--out", str(tmp_path / "first"))
    command = load_net(tmp_path / "first", device="cpu")[1].command
    calibrate(station, *shlex.split(command)[1:], "--unseen", "4", "--out", str(tmp_path / "again"))
    assert (tmp_path / "first").read_bytes() == (tmp_path / "again").read_bytes()


def test_the_study_looks_at_pictures_but_seeded_weights_validate_nothing(station: Path, tmp_path: Path) -> None:
    root = tiny_dataset(tmp_path / "spot")
    study = tmp_path / "study.json"
    options = ["--encoder", ENCODER, *FEW, "--seeds", "2", "--shared-prompts", "--no-crops", "--out", str(study)]
    printed = calibrate(station, "random-words-study", *options, "--dataset", "folder", "--root", str(root))
    assert "| lr | 0.0001 |" in printed
    assert study.with_suffix(".md").read_text() in printed
    made = json.loads(study.read_text())
    assert (made["criterion"], made["chosen"]["factor"]) == ("image_auroc", "default")
    assert (made["dataset"], made["published"]) == ("folder:spot", False)
    calibrate(station, "random-words", "--encoder", ENCODER, *FEW, "--study", str(study), "--out", str(tmp_path / "n"))
    assert load_net(tmp_path / "n", device="cpu")[1].hyperparameters == "unvalidated"


def test_the_picture_is_drawn(station: Path, tmp_path: Path) -> None:
    calibrate(station, "random-words", "--encoder", ENCODER, *FEW, "--out", str(tmp_path / "net"))
    picture, captions = tmp_path / "picture.png", tmp_path / "captions.txt"
    captions.write_text("a normal street\na normal day\na damaged car\na cat\n")
    options = ["--prompts", "4", "--captions", str(captions), "--out", str(picture)]
    said = calibrate(station, "random-words-plot", str(tmp_path / "net"), *options)
    assert "4 normal prompts" in said
    assert "2 normal sentences, 1 anomalous sentences; 1 captions left out" in said
    assert picture.read_bytes()[:4] == b"\x89PNG"


def test_words_are_named_one_way_only() -> None:
    numbers = {"pairs": 1, "lengths": (5, 10), "seed": 0}
    plan = plan_of("good-broken", None, None, **numbers)  # type: ignore[arg-type]
    assert (plan.normal, plan.anomaly) == ("a good", "a broken")
    for words, normal in (("good-broken", "a"), ("good-bad", None)):
        with pytest.raises(EdgeError, match="--words"):
            plan_of(words, normal, None, **numbers)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["512,256", "a,b,c", "1,2,3,4", ""])
def test_widths_are_three_numbers(text: str) -> None:
    with pytest.raises(EdgeError, match="three numbers"):
        parse_widths(text)
