"""The command `calibrate`, by its entry point and through its own pure parts."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from calibration.cli import main
from calibration.teach_cli import category_of, source_of
from calibration.teach_show import next_command
from edge.errors import EdgeError
from edge.line.camera_spec import parse_camera
from edge.line.demo import demo_boards
from edge.settings import Settings
from edge.vision.bundle import load_bundle
from tests.here import Ended, run_here
from tests.patch_encoder import grey_part


def calibrate(*options: str) -> Ended:
    return run_here(main, *options)


@pytest.fixture
def good_parts(tmp_path: Path) -> Path:
    folder = tmp_path / "good"
    folder.mkdir()
    for number in range(5):
        assert cv2.imwrite(str(folder / f"{number}.png"), grey_part(number))
    (folder / "0-broken.png").write_bytes(b"no picture")
    return folder


def test_a_folder_of_good_parts_becomes_a_bundle(tmp_path: Path, good_parts: Path) -> None:
    data = tmp_path / "station"
    run = calibrate("--category", "part", "--images", str(good_parts), "--data", str(data), "--input-size", "64")
    assert run.returncode == 0, run.stderr
    assert "refused 0-broken.png: not readable as a picture" in run.stdout
    assert "taken   3.png: 4 of 4" in run.stdout
    assert "up to 52.7% of good parts" in run.stdout
    assert f"edge run --camera SPEC=part --data {data} --input-size 64" in run.stdout
    assert load_bundle(data / "bundles", "part").manifest.threshold is not None


def test_json_is_one_object_on_stdout(tmp_path: Path) -> None:
    """A process, since nothing else may write there either."""
    words = ["--json", "--category", "pcb", "--camera", "demo:pcb", "--refs", "1", "--input-size", "64"]
    command = [sys.executable, "-m", "calibration.cli", *words, "--data", str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    said = json.loads(run.stdout)
    assert said["references"] == ["demo:pcb#1"]
    assert (said["threshold"], said["grade"], said["promise"]) == (None, "no promise", None)
    assert Path(said["bundle"]) == tmp_path / "bundles" / "pcb" / "1"
    assert "taken" in run.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--category", "pcb"], "exactly one of --camera, --images and --frames"),
        (["--category", "pcb", "--camera", "demo:pcb", "--images", "."], "exactly one of --camera, --images and"),
        (["--camera", "demo:pcb"], "which kind of part"),
        (["--category", "p/c", "--camera", "demo:pcb"], "category 'p/c'"),
        (
            ["--category", "pcb", "--camera", "demo:pcb", "--encoder", "ViT-B-32:openai"],
            "edge models add ViT-B-32:openai",
        ),
        (["--category", "pcb", "--images", "/nowhere"], "/nowhere"),
        (["--category", "pcb", "--camera", "demo:pcb", "--empty", "5"], "taken of a live camera"),
        (["--category", "pcb", "--camera", "demo:pcb", "--input-size", "100"], "input size 100 is no"),
    ],
)
def test_a_mistake_is_one_message_and_exit_code_2(tmp_path: Path, options: list[str], message: str) -> None:
    run = calibrate(*options, "--data", str(tmp_path))
    assert run.returncode == 2
    assert run.stderr.startswith("error: ")
    assert message in run.stderr
    assert "Traceback" not in run.stderr
    assert list(tmp_path.iterdir()) == []


def test_area_alignment_and_empty_view_are_said_and_kept(tmp_path: Path) -> None:
    good, empty = tmp_path / "good", tmp_path / "empty"
    board = next(iter(demo_boards())).pixels
    for number, folder in enumerate([good, good, good, empty, empty]):
        folder.mkdir(exist_ok=True)
        shown = board if folder is good else np.full_like(board, 90)
        noise = np.random.default_rng(number).normal(0, 3, shown.shape)
        cv2.imwrite(str(folder / f"{number}.png"), np.clip(shown + noise, 0, 255))
    (tmp_path / "area.json").write_text("[[[0, 0], [0.75, 0], [0.75, 1], [0, 1]]]")
    run = calibrate(
        "--category", "board", "--images", str(good), "--refs", "3", "--data", str(tmp_path), "--input-size", "64",
        "--area", str(tmp_path / "area.json"), "--align", "--align-tolerance", "0.2", "20", "0.05",
        "--empty", str(empty),
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert "Area      75% of the picture counts" in run.stdout
    assert "allowed: 20% of the width, 20 degrees, 5%" in run.stdout
    assert "Empty     2 pictures" in run.stdout
    made = load_bundle(tmp_path / "bundles", "board").manifest
    assert made.area and made.align and made.empty
    assert {"area.png", "empty.safetensors", "empty/01.png", "empty/02.png"} <= set(made.files)


def test_too_few_pictures_leave_no_bundle(tmp_path: Path, good_parts: Path) -> None:
    data = tmp_path / "station"
    run = calibrate("--category", "part", "--images", str(good_parts), "--refs", "9", "--data", str(data))
    assert run.returncode == 2
    assert "5 of 9 references, 1 candidates refused" in run.stderr
    assert not data.exists()


def test_help_does_not_wait_for_torch() -> None:
    script = "import sys, calibration.cli; sys.exit(bool({'torch', 'timm', 'cv2'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
    run = calibrate("--help")
    assert run.returncode == 0
    assert "--refs" in run.stdout


def test_the_camera_may_name_the_category() -> None:
    source = source_of("demo:pcb=board", None, None, Settings())
    assert (source.category, source.camera, source.refs) == ("board", "demo:pcb", 4)
    assert category_of(None, source.category) == category_of("board", source.category) == "board"
    with pytest.raises(EdgeError, match=r"--category tile, but the camera's is board"):
        category_of("tile", source.category)


def test_a_folder_called_like_a_device_is_still_a_folder(good_parts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good_parts.rename(good_parts.parent / "0")
    monkeypatch.chdir(good_parts.parent)
    assert source_of(None, Path("0"), None, Settings()).open().source == str(good_parts.parent / "0")


def test_the_next_command_repeats_what_is_not_default_and_no_password(tmp_path: Path) -> None:
    assert next_command(Settings(), "demo:pcb", "pcb") == "edge run --camera demo:pcb=pcb"
    settings = Settings(data=tmp_path / "my data", input_size=512)
    spec = parse_camera("rtsp://user:secret@host/a")
    command = next_command(settings, spec.redacted, "pcb")
    assert "secret" not in command
    assert command.endswith(f"--data '{tmp_path}/my data' --input-size 512")
