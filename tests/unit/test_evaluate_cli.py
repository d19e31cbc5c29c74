"""The options of `calibrate evaluate`."""

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from calibration.evaluation.cli import evaluate, numbers, words
from edge.errors import EdgeError
from tests.tiny_dataset import tiny_dataset

app = typer.Typer()
app.command()(evaluate)


def test_numbers_of_shots_are_read_and_anything_else_is_refused() -> None:
    assert numbers("0, 1,4,1") == (0, 1, 4)
    for wrong in ("", "1,", "-1", "few", "1.5"):
        with pytest.raises(EdgeError, match="give numbers with commas between"):
            numbers(wrong)


def test_words_are_split_at_commas() -> None:
    assert words(None) == words("") == ()
    assert words("bottle, metal_nut") == ("bottle", "metal_nut")


def test_help_says_what_is_measured_and_needs_no_network_of_any_kind() -> None:
    said = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"}).output
    for word in ("AUROC", "harmonic mean", "--save-scores", "--image-score", "min-max", "Ctrl-C"):
        assert word in said


def test_what_a_recipe_lacks_is_said_before_anything_is_run(tmp_path: Path) -> None:
    root = tiny_dataset(tmp_path / "nut", good=2, bad=2, size=32)
    said = ["--dataset", "folder", "--root", str(root), "--input-size", "64"]
    for more, message in (
        (["--shots", "0,1", "--recipe", "few-shot"], "few-shot needs reference pictures. Leave 0 out of --shots."),
        (["--shots", "1", "--recipe", "random-words"], "needs a network: give --random-words FILE"),
        (["--shots", "9"], "9 references asked for, 2 normal pictures there"),
        (["--shots", "1", "--image-score", "min-max"], "recipe neighbourhood lacks one of them"),
        (["--shots", "1", "--categories", "bolt"], "no category 'bolt' here, only nut"),
    ):
        result = CliRunner().invoke(app, [*said, *more])
        assert isinstance(result.exception, EdgeError)
        assert message in str(result.exception)


def test_the_table_goes_to_stdout_and_all_else_to_stderr(tmp_path: Path) -> None:
    root = tiny_dataset(tmp_path / "nut", good=2, bad=2, size=32)
    said = ["--dataset", "folder", "--root", str(root), "--input-size", "64", "--shots", "1", "--seeds", "1"]
    result = CliRunner().invoke(app, [*said, "--report", str(tmp_path / "report")])
    assert result.exit_code == 0
    assert "1 shot" in result.stdout and "pixel AUROC" in result.stdout and "nut" in result.stdout
    assert f"Report    {tmp_path / 'report' / 'report.md'}" in result.stderr
    again = CliRunner().invoke(app, [*said, "--report", str(tmp_path / "report")])
    assert "1 of 1 categories were finished by an earlier run." in again.stderr
    assert again.stdout == result.stdout
