"""`calibrate` in this process, with bad input: each has a stated handling, and the bundle in use stays as it is."""

import json
from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from calibration.cli import app
from edge.errors import EdgeError
from edge.frame import Pixels
from edge.vision.bundle import load_bundle
from edge.vision.bundle_history import read_history
from edge.vision.bundle_promotion import in_use
from tests.patch_encoder import grey_part


def part(number: int, *, spot: bool = False) -> Pixels:
    """A grey part with detail of some pixels."""
    return np.asarray(cv2.resize(grey_part(number, spot=spot), (128, 128), interpolation=cv2.INTER_LINEAR), np.uint8)


def folder_of(folder: Path, **pictures: Pixels) -> Path:
    folder.mkdir()
    for name, pixels in pictures.items():
        assert cv2.imwrite(str(folder / f"{name}.png"), pixels[..., ::-1] if pixels.ndim == 3 else pixels)
    return folder


def calibrate(data: Path, images: Path, *options: str) -> Result:
    words = ["--category", "part", "--images", str(images), "--data", str(data), "--input-size", "64"]
    return CliRunner().invoke(app, [*words, "--device", "cpu", *options])


def content_of(data: Path) -> dict[str, str]:
    files = sorted(file for file in (data / "bundles").rglob("*") if file.is_file())
    return {str(file): sha256(file.read_bytes()).hexdigest() for file in files}


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a bundle in use."""
    folder = tmp_path_factory.mktemp("station")
    taught = calibrate(folder / "data", folder_of(folder / "good", a=part(1), b=part(2)), "--refs", "2")
    assert taught.exit_code == 0, taught.output
    return folder / "data"


def test_pictures_of_every_kind_become_references_of_one_bundle(tmp_path: Path) -> None:
    folder = folder_of(
        tmp_path / "in",
        a=part(1), b_grey=part(2)[..., 0], c_deep=part(3)[..., 0].astype(np.uint16) << 8,
        d_small=cv2.resize(part(4), (90, 70)),
    )  # fmt: skip
    Image.fromarray(np.dstack([part(5), np.full((128, 128), 9, np.uint8)])).save(folder / "e_alpha.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.rot90(part(6))).save(folder / "f_turned.png", exif=exif)
    (folder / "g_broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    (folder / "notes.txt").write_text("not looked at")
    result = calibrate(tmp_path / "data", folder, "--refs", "6", "--json")
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    assert said["references"] == ["a.png", "b_grey.png", "c_deep.png", "d_small.png", "e_alpha.png", "f_turned.png"]
    made = load_bundle(tmp_path / "data" / "bundles", "part")
    kept = cv2.imread(str(made.folder / "references" / "06.png"))
    assert np.array_equal(kept[..., ::-1], part(6)), "upright"


@pytest.mark.parametrize(
    ("pictures", "options", "said"),
    [
        ({}, [], "no pictures in this folder"),
        ({"a": part(1)}, [], "1 of 4 references, 0 candidates refused, and there are no more pictures"),
        ({"a": part(1), "b": part(2) // 16}, ["--refs", "2"], "1 of 2 references, 1 candidates refused"),
        ({"a": part(1), "b": part(2)[:31]}, ["--refs", "2"], "1 of 2 references, 1 candidates refused"),
        ({"a": part(1), "b": part(1)}, ["--refs", "2"], "1 of 2 references, 1 candidates refused"),
        ({"a": part(1), "b": part(2)}, ["--refs", "2", "--bank-budget", "5kB"], "--bank-budget 5 kB leaves"),
        ({"a": part(1), "b": part(2)}, ["--refs", "2", "--bank-budget", "5 apples"], "is no size"),
    ],
    ids=["empty", "one picture", "too dark", "too small", "one part twice", "budget too small", "no budget"],
)  # fmt: skip
def test_what_cannot_be_calibrated_is_said_and_leaves_the_bundle_in_use(
    tmp_path: Path, station: Path, pictures: dict[str, Pixels], options: list[str], said: str
) -> None:
    before = content_of(station)
    result = calibrate(station, folder_of(tmp_path / "in", **pictures), *options)
    assert isinstance(result.exception, EdgeError)
    assert said in str(result.exception)
    assert content_of(station) == before


def test_a_defect_among_the_references_is_named_and_dropped_if_asked(tmp_path: Path) -> None:
    pictures = {f"{number}": part(number, spot=number == 2) for number in range(7)}
    folder = folder_of(tmp_path / "in", **pictures)
    named = calibrate(tmp_path / "named", folder, "--refs", "6")
    assert "suspect 2.png: unlike the others: score" in named.output
    dropped = calibrate(tmp_path / "dropped", folder, "--refs", "6", "--drop-suspects", "--json")
    assert dropped.exit_code == 0, dropped.output
    said = json.loads(dropped.stdout)
    assert said["references"] == ["0.png", "1.png", "3.png", "4.png", "5.png", "6.png"]
    assert (said["suspects"], [each["source"] for each in said["refused"]]) == ([], ["2.png"])


def test_a_calibration_that_would_pass_most_known_defects_is_not_put_into_use_unless_somebody_says_why(
    tmp_path: Path,
) -> None:
    """Good and bad were swapped, as a newcomer does."""
    images = folder_of(tmp_path / "in", a=part(1), b=part(2))
    spotted = folder_of(tmp_path / "spotted", **{f"s{number}": part(number, spot=True) for number in (11, 12, 13)})
    plain = folder_of(tmp_path / "plain", **{f"p{number}": part(number) for number in (21, 22)})
    data = tmp_path / "data"
    refused = calibrate(data, images, "--refs", "2", "--good", str(spotted), "--bad", str(plain))
    assert isinstance(refused.exception, EdgeError)
    assert "2 of its 2 known defects would be ok." in str(refused.exception)
    assert "were the folders of --good and --bad swapped?" in str(refused.exception)
    assert "calibrate promote part@1 --force REASON" in str(refused.exception)
    assert in_use(data / "bundles", "part") is None
    again = CliRunner().invoke(app, ["promote", "part@1", "--data", str(data)])
    assert isinstance(again.exception, EdgeError)
    forced = CliRunner().invoke(app, ["promote", "part@1", "--data", str(data), "--force", "to show it"])
    assert forced.exit_code == 0, forced.output
    (promotion,) = read_history(data / "bundles" / "part")
    assert promotion.reason is not None and promotion.reason.startswith("to show it (forced: 2 of its 2")
