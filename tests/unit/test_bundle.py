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
from edge.vision.bundle import load_bundle
from edge.vision.manifest import FORMAT, check_category
from tests.tiny_bundle import PICTURES, bank, manifest, saved


def test_a_bundle_is_read_back_as_written(tmp_path: Path) -> None:
    folder = saved(tmp_path)
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
    folder = saved(tmp_path)
    for reference, pixels in zip(manifest().references, PICTURES, strict=True):
        kept = cv2.imread(str(folder / "references" / reference.file))
        assert kept is not None
        assert np.array_equal(cv2.cvtColor(kept, cv2.COLOR_BGR2RGB), pixels)


def test_every_file_is_hashed_in_the_manifest(tmp_path: Path) -> None:
    folder = saved(tmp_path)
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert there == {*load_bundle(tmp_path, "pcb").manifest.files, "bundle.json", "bundle.sha256"}


@pytest.mark.parametrize(
    "name", ["bundle.json", "bundle.sha256", "bank.safetensors", "references/01.png", "references/02.png"]
)
@pytest.mark.parametrize("place", [0.0, 0.2, 0.6])
def test_a_changed_byte_is_refused(tmp_path: Path, name: str, place: float) -> None:
    path = saved(tmp_path) / name
    content = bytearray(path.read_bytes())
    content[int(len(content) * place)] ^= 1
    path.write_bytes(content)
    with pytest.raises(EdgeError, match="sha256 differs"):
        load_bundle(tmp_path, "pcb")


@pytest.mark.parametrize("name", ["bundle.json", "bundle.sha256", "bank.safetensors", "references/01.png"])
def test_a_missing_file_is_refused_by_name(tmp_path: Path, name: str) -> None:
    (saved(tmp_path) / name).unlink()
    with pytest.raises(EdgeError, match=name):
        load_bundle(tmp_path, "pcb")


def test_a_file_that_is_not_the_bundles_is_refused_by_name(tmp_path: Path) -> None:
    (saved(tmp_path) / "references" / "notes.txt").write_text("mine")
    with pytest.raises(EdgeError, match=r"pcb@1 .*references/notes.txt is not part of the bundle"):
        load_bundle(tmp_path, "pcb")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'{"format": "newest"}', b'{"format": 3}', b"\xff"])
def test_a_description_that_is_none_is_refused(tmp_path: Path, content: bytes) -> None:
    folder = saved(tmp_path)
    (folder / "bundle.json").write_bytes(content)
    (folder / "bundle.sha256").write_text(f"{sha256(content).hexdigest()}  bundle.json\n")
    with pytest.raises(EdgeError, match=r"pcb@1 .*bundle.json does not hold what it should"):
        load_bundle(tmp_path, "pcb")


def test_a_bundle_in_another_categorys_folder_is_refused(tmp_path: Path) -> None:
    saved(tmp_path).parent.rename(tmp_path / "tile")
    with pytest.raises(EdgeError, match=r"tile@1 .* is a bundle of category pcb"):
        load_bundle(tmp_path, "tile")


def test_arrays_that_are_none_are_refused_though_their_hash_is_right(tmp_path: Path) -> None:
    folder = saved(tmp_path)
    files = {**load_bundle(tmp_path, "pcb").manifest.files, "bank.safetensors": sha256(b"no arrays").hexdigest()}
    (folder / "bank.safetensors").write_bytes(b"no arrays")
    rewrite(folder, {"files": files})
    with pytest.raises(EdgeError, match=r"bank\.safetensors holds no arrays"):
        load_bundle(tmp_path, "pcb")


def test_a_reference_outside_the_bundle_is_refused(tmp_path: Path) -> None:
    rewrite(saved(tmp_path), {"references": [{"file": "../../../etc/passwd", "source": "x"}]})
    with pytest.raises(EdgeError, match="passwd is missing"):
        load_bundle(tmp_path, "pcb")


def rewrite(folder: Path, changes: dict[str, object], *, without: frozenset[str] = frozenset()) -> None:
    """Change bundle.json as another release might have written it, with a fitting hash."""
    content = json.loads((folder / "bundle.json").read_bytes()) | changes
    content = {key: value for key, value in content.items() if key not in without}
    described = json.dumps(content).encode()
    (folder / "bundle.json").write_bytes(described)
    (folder / "bundle.sha256").write_text(f"{sha256(described).hexdigest()}  bundle.json\n")


def test_a_newer_format_is_refused_before_its_content_is_looked_at(tmp_path: Path) -> None:
    rewrite(saved(tmp_path), {"format": FORMAT + 1, "unheard of": 1})
    with pytest.raises(EdgeError, match=rf"format {FORMAT + 1}; this release reads up to {FORMAT}"):
        load_bundle(tmp_path, "pcb")


def test_a_manifest_with_an_unknown_key_is_refused(tmp_path: Path) -> None:
    rewrite(saved(tmp_path), {"unheard_of": 1})
    with pytest.raises(EdgeError, match="unheard_of"):
        load_bundle(tmp_path, "pcb")


def test_an_unknown_category_names_those_there_are_and_the_command(tmp_path: Path) -> None:
    saved(tmp_path, "pcb")
    saved(tmp_path, "cookie")
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
    saved(tmp_path)
    loaded = load_bundle(tmp_path, "pcb")
    same: dict[str, Any] = {
        "encoder": "patches", "weights_sha256": "a" * 64, "input_size": 64, "precision": "fp32"
    }  # fmt: skip
    loaded.check_fits(**same)
    with pytest.raises(EdgeError, match=both):
        loaded.check_fits(**(same | other))


def test_a_bundle_of_the_first_format_is_a_few_shot_bundle(tmp_path: Path) -> None:
    folder = saved(tmp_path)
    later = frozenset({"recipe", "object_name", "peak_scale", "head_limits", "precision", "part_box"})
    rewrite(folder, {"format": 1}, without=later)
    loaded = load_bundle(tmp_path, "pcb")
    assert (loaded.manifest.recipe, loaded.manifest.precision, loaded.embeddings) == ("few-shot", "fp32", {})


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
