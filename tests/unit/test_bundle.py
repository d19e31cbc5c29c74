"""Bundles: read back as written, refused when anything about them is not as calibration left it."""

import json
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge.errors import EdgeError
from edge.verdict import Scale
from edge.vision.bundle import Arrays, categories, load_bundle, promote, save_bundle
from edge.vision.manifest import FORMAT, Calibration, Manifest, Reference, check_category
from tests.patch_encoder import grey_part

PICTURES = [grey_part(1), grey_part(2, size=(48, 80))]


def manifest(category: str = "pcb", *, threshold: float | None = 0.7) -> Manifest:
    return Manifest(
        category=category,
        encoder="patches",
        weights_sha256="a" * 64,
        input_size=64,
        references=(Reference(file="01.png", source="one.jpg"), Reference(file="02.png", source="two.jpg")),
        threshold=threshold,
        scale=Scale(0.1, 0.7, 1.4),
        calibration=Calibration(
            grade="first",
            method="by hand",
            loo_scores=(0.7, 0.6),
            tokens={"s8": 5},
            created="2026-11-21T00:00:00+00:00",
            controls={"exposure": 0.01},
        ),
    )


def bank(seed: int = 0) -> Arrays:
    rng = np.random.default_rng(seed)
    return {"s8": rng.random((2, 5, 4), np.float32), "s16": rng.random((2, 3, 4), np.float32)}


def test_a_bundle_is_read_back_as_written(tmp_path: Path) -> None:
    folder = save_bundle(tmp_path, manifest(), PICTURES, bank=bank())
    loaded = load_bundle(tmp_path, "pcb")
    assert loaded.manifest.model_copy(update={"files": {}}) == manifest()
    assert loaded.version == 1
    assert folder == tmp_path / "pcb" / "1"
    assert loaded.sha256 == sha256((folder / "bundle.json").read_bytes()).hexdigest()
    assert set(loaded.bank) == {"s8", "s16"}
    for name, vectors in bank().items():
        assert loaded.bank[name].dtype == np.float32
        assert np.array_equal(loaded.bank[name], vectors)


def test_reference_pictures_are_kept_without_loss(tmp_path: Path) -> None:
    folder = save_bundle(tmp_path, manifest(), PICTURES, bank=bank())
    for reference, pixels in zip(manifest().references, PICTURES, strict=True):
        kept = cv2.imread(str(folder / "references" / reference.file))
        assert kept is not None
        assert np.array_equal(cv2.cvtColor(kept, cv2.COLOR_BGR2RGB), pixels)


def test_every_file_is_hashed_in_the_manifest(tmp_path: Path) -> None:
    folder = save_bundle(tmp_path, manifest(), PICTURES, bank=bank())
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert there == {*load_bundle(tmp_path, "pcb").manifest.files, "bundle.json", "bundle.sha256"}


@pytest.mark.parametrize(
    "name", ["bundle.json", "bundle.sha256", "bank.safetensors", "references/01.png", "references/02.png"]
)
@pytest.mark.parametrize("place", [0.0, 0.2, 0.6])
def test_a_changed_byte_is_refused(tmp_path: Path, name: str, place: float) -> None:
    path = save_bundle(tmp_path, manifest(), PICTURES, bank=bank()) / name
    content = bytearray(path.read_bytes())
    content[int(len(content) * place)] ^= 1
    path.write_bytes(content)
    with pytest.raises(EdgeError, match="sha256 differs"):
        load_bundle(tmp_path, "pcb")


@pytest.mark.parametrize("name", ["bundle.json", "bundle.sha256", "bank.safetensors", "references/01.png"])
def test_a_missing_file_is_refused_by_name(tmp_path: Path, name: str) -> None:
    (save_bundle(tmp_path, manifest(), PICTURES, bank=bank()) / name).unlink()
    with pytest.raises(EdgeError, match=name):
        load_bundle(tmp_path, "pcb")


def rewrite(folder: Path, changes: dict[str, object], *, without: frozenset[str] = frozenset()) -> None:
    """Change bundle.json as another release might have written it, with a fitting hash."""
    content = json.loads((folder / "bundle.json").read_bytes()) | changes
    content = {key: value for key, value in content.items() if key not in without}
    described = json.dumps(content).encode()
    (folder / "bundle.json").write_bytes(described)
    (folder / "bundle.sha256").write_text(f"{sha256(described).hexdigest()}  bundle.json\n")


def test_a_newer_format_is_refused_before_its_content_is_looked_at(tmp_path: Path) -> None:
    rewrite(save_bundle(tmp_path, manifest(), PICTURES, bank=bank()), {"format": FORMAT + 1, "unheard of": 1})
    with pytest.raises(EdgeError, match=rf"format {FORMAT + 1}; this release reads up to {FORMAT}"):
        load_bundle(tmp_path, "pcb")


def test_a_manifest_with_an_unknown_key_is_refused(tmp_path: Path) -> None:
    rewrite(save_bundle(tmp_path, manifest(), PICTURES, bank=bank()), {"unheard_of": 1})
    with pytest.raises(EdgeError, match="unheard_of"):
        load_bundle(tmp_path, "pcb")


def test_an_unknown_category_names_those_there_are_and_the_command(tmp_path: Path) -> None:
    save_bundle(tmp_path, manifest("pcb"), PICTURES, bank=bank())
    save_bundle(tmp_path, manifest("cookie"), PICTURES, bank=bank())
    with pytest.raises(EdgeError, match=r"category tile .*There is: cookie, pcb\..*calibrate --category tile"):
        load_bundle(tmp_path, "tile")


def test_no_bundles_at_all_is_the_same_error(tmp_path: Path) -> None:
    with pytest.raises(EdgeError, match="There is: none"):
        load_bundle(tmp_path / "nowhere", "tile")


@pytest.mark.parametrize(
    ("other", "both"),
    [
        ({"encoder": "lite"}, r"encoder patches, but this run has lite"),
        ({"weights_sha256": "b" * 64}, rf"weights {'a' * 64}, but this run has {'b' * 64}"),
        ({"input_size": 320}, r"input size 64, but this run has 320"),
        ({"precision": "bf16"}, r"precision fp32, but this run has bf16"),
    ],
)
def test_another_encoder_is_refused_with_both_values(tmp_path: Path, other: dict[str, Any], both: str) -> None:
    save_bundle(tmp_path, manifest(), PICTURES, bank=bank())
    loaded = load_bundle(tmp_path, "pcb")
    same: dict[str, Any] = {
        "encoder": "patches", "weights_sha256": "a" * 64, "input_size": 64, "precision": "fp32"
    }  # fmt: skip
    loaded.check_fits(**same)
    with pytest.raises(EdgeError, match=both):
        loaded.check_fits(**(same | other))


def test_a_bundle_of_the_first_format_is_a_few_shot_bundle(tmp_path: Path) -> None:
    folder = save_bundle(tmp_path, manifest(), PICTURES, bank=bank())
    later = frozenset({"recipe", "object_name", "peak_scale", "head_limits", "precision", "part_box"})
    rewrite(folder, {"format": 1}, without=later)
    loaded = load_bundle(tmp_path, "pcb")
    assert (loaded.manifest.recipe, loaded.manifest.precision, loaded.embeddings) == ("few-shot", "fp32", {})


def test_a_new_bundle_is_the_next_version_and_the_old_one_stays(tmp_path: Path) -> None:
    first = save_bundle(tmp_path, manifest(threshold=0.1), PICTURES, bank=bank(1))
    second = save_bundle(tmp_path, manifest(threshold=0.2), PICTURES, bank=bank(2))
    assert (first.name, second.name) == ("1", "2")
    assert load_bundle(tmp_path, "pcb").manifest.threshold == 0.2
    promote(tmp_path, "pcb", 1)
    assert load_bundle(tmp_path, "pcb").manifest.threshold == 0.1
    assert save_bundle(tmp_path, manifest(), PICTURES, bank=bank()).name == "3"


def test_a_version_that_is_not_there_cannot_be_promoted(tmp_path: Path) -> None:
    save_bundle(tmp_path, manifest(), PICTURES, bank=bank())
    with pytest.raises(EdgeError, match=r"no version 7\. There is: 1"):
        promote(tmp_path, "pcb", 7)
    assert load_bundle(tmp_path, "pcb").version == 1


def test_a_damaged_pointer_is_refused(tmp_path: Path) -> None:
    save_bundle(tmp_path, manifest(), PICTURES, bank=bank())
    (tmp_path / "pcb" / "current").write_text("../other/1\n")
    with pytest.raises(EdgeError, match="which is no version"):
        load_bundle(tmp_path, "pcb")


def test_what_a_killed_calibration_left_behind_is_no_version(tmp_path: Path) -> None:
    half = tmp_path / "pcb" / ".new-abc" / "bundle"
    half.mkdir(parents=True)
    (half / "bundle.json").write_text("{")
    assert categories(tmp_path) == []
    assert save_bundle(tmp_path, manifest(), PICTURES, bank=bank()).name == "1"
    assert categories(tmp_path) == ["pcb"]


def test_a_bundle_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="zip"):
        save_bundle(tmp_path, manifest(), PICTURES[:1], bank=bank())
    assert list((tmp_path / "pcb").iterdir()) == []


@pytest.mark.parametrize("name", ["", "1pcb", "a/b", "..", "a b", "pcb\n", "ä"])
def test_impossible_category_names_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(EdgeError, match="category"):
        load_bundle(tmp_path, name)


@pytest.mark.parametrize("name", ["pcb", "A", "tile-2_b"])
def test_possible_category_names_are_kept(name: str) -> None:
    assert check_category(name) == name


def test_bundles_are_read_without_torch() -> None:
    script = "import sys, edge.vision.bundle; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
