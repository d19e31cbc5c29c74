"""What calibration made, as versioned folders that are refused if a byte has changed.

<bundles>/<category>/current          number of the version in use
<bundles>/<category>/<n>/bundle.json      the Manifest; its sha256 is the bundle's content hash
<bundles>/<category>/<n>/bundle.sha256    that hash, as `sha256sum --check` reads it
<bundles>/<category>/<n>/bank.safetensors by stage name, [R, N, C] float32
<bundles>/<category>/<n>/neighbours.safetensors    the neighbourhood head's bank: `whole` [R, N, C], `part` [R, M, C]
<bundles>/<category>/<n>/embeddings.safetensors    what prompts and references became, as the recipe needs it: `text`
                                          and `pair` [2, D], `references` [R, D], float32
<bundles>/<category>/<n>/adapters.safetensors      copies of what was trained elsewhere, as the recipe needs it
<bundles>/<category>/<n>/random_words.safetensors
<bundles>/<category>/<n>/references/*.png lossless copies of the reference pictures
"""

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray

from edge.errors import EdgeError
from edge.frame import Pixels
from edge.line.opencv import cv2
from edge.vision.manifest import Manifest, check_category, parse_manifest

BANK_FILE = "bank.safetensors"
NEIGHBOURS_FILE = "neighbours.safetensors"
EMBEDDINGS_FILE = "embeddings.safetensors"
ADAPTERS_FILE = "adapters.safetensors"
RANDOM_WORDS_FILE = "random_words.safetensors"

Arrays = Mapping[str, NDArray[np.float32]]
"""Float32 arrays by name: a memory bank's by stage, or embeddings."""


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """A loaded bundle.

    bank:       by stage name, [R, N, C] float32 unit vectors: N patch tokens from each of R references
    neighbours: joined tokens: `whole` [R, N, C] and, where the part has a box, `part` [R, M, C]
    embeddings: by name, unit vectors: `text` and `pair` [2, D], `references` [R, D]; those that the recipe needs
    version:    its number within the category, 1, 2, ...
    sha256:     content hash: of bundle.json, which holds the hashes of all other files
    """

    folder: Path
    manifest: Manifest
    bank: Arrays
    neighbours: Arrays
    embeddings: Arrays
    version: int
    sha256: str

    def check_fits(self, *, encoder: str, weights_sha256: str | None, input_size: int | None, precision: str) -> None:
        """Raises EdgeError, with both values, if the bundle was made with another encoder; None is not compared."""
        made = self.manifest
        pairs = {
            "encoder": (made.encoder, encoder),
            "weights": (made.weights_sha256, weights_sha256),
            "input size": (made.input_size, input_size),
            "precision": (made.precision, precision),
        }
        for what, (theirs, ours) in pairs.items():
            if ours not in (None, theirs):
                raise EdgeError(
                    f"bundle {made.category}/{self.version} was made with {what} {theirs}, but this run has {ours}. "
                    f"Run with {theirs}, or calibrate again: calibrate --category {made.category} ..."
                )


def save_bundle(
    bundles_dir: Path,
    manifest: Manifest,
    reference_pictures: Sequence[Pixels],
    *,
    bank: Arrays,
    neighbours: Arrays | None = None,
    embeddings: Arrays | None = None,
    trained: Mapping[str, bytes] | None = None,
) -> Path:
    """Write the next version of the manifest's category, promote it, and return its folder.

    reference_pictures: [H, W, 3] uint8 RGB each, in the order of manifest.references
    bank, neighbours, embeddings: see Bundle
    trained:            by name inside the bundle (ADAPTERS_FILE, RANDOM_WORDS_FILE), the file's bytes
    The folder appears under its final name whole, or not at all. Raises EdgeError for an impossible category name.
    """
    folder = bundles_dir / check_category(manifest.category)
    folder.mkdir(parents=True, exist_ok=True)
    named = zip(manifest.references, reference_pictures, strict=True)
    contents = {f"references/{reference.file}": _png(pixels) for reference, pixels in named}
    arrays = {BANK_FILE: bank, NEIGHBOURS_FILE: neighbours or {}, EMBEDDINGS_FILE: embeddings or {}}
    contents |= {name: _tensors(content) for name, content in arrays.items() if content}
    contents |= trained or {}
    hashes = {name: sha256(content).hexdigest() for name, content in contents.items()}
    described = manifest.model_copy(update={"files": hashes}).model_dump_json(indent=1).encode()
    contents["bundle.json"] = described
    contents["bundle.sha256"] = f"{sha256(described).hexdigest()}  bundle.json\n".encode()
    with tempfile.TemporaryDirectory(prefix=".new-", dir=folder) as temporary:
        whole = Path(temporary) / "bundle"
        for name, content in contents.items():
            _write(whole / name, content)
        version = 1 + max(_versions(folder), default=0)
        final = whole.rename(folder / str(version))
    promote(bundles_dir, manifest.category, version)
    return final


def promote(bundles_dir: Path, category: str, version: int) -> None:
    """Make `version` the one in use, atomically. Raises EdgeError naming the versions there are if it is none."""
    folder = bundles_dir / check_category(category)
    if version not in (there := _versions(folder)):
        raise EdgeError(
            f"bundle {category} has no version {version}. There is: {', '.join(map(str, there)) or 'none'}."
        )
    _write(folder / ".current", f"{version}\n".encode())
    (folder / ".current").replace(folder / "current")


def load_bundle(bundles_dir: Path, category: str) -> Bundle:
    """The version in use of a category, every byte of it checked.

    Raises EdgeError for an unknown category, a changed or missing file, or a newer format.
    """
    folder = bundles_dir / check_category(category)
    if not (folder / "current").is_file():
        there = ", ".join(categories(bundles_dir)) or "none"
        raise EdgeError(
            f"no bundle for category {category} in {bundles_dir}. There is: {there}. "
            f"Make one from good parts: calibrate --category {category} --refs 4 --camera ..."
        )
    version = (folder / "current").read_text().strip()
    if not version.isdecimal():
        raise EdgeError(
            f"{folder / 'current'} holds {version!r}, which is no version. Write one of its folders' numbers."
        )
    folder /= version
    described = _read(folder / "bundle.json")
    recorded = _read(folder / "bundle.sha256").decode(errors="replace").partition(" ")[0]
    content_hash = sha256(described).hexdigest()
    if content_hash != recorded:
        raise _changed(folder / "bundle.json")
    manifest = parse_manifest(described, folder)
    for name, expected in manifest.files.items():
        if sha256(_read(folder / name)).hexdigest() != expected:
            raise _changed(folder / name)
    bank, neighbours, embeddings = (
        _arrays(folder / name) if name in manifest.files else {}
        for name in (BANK_FILE, NEIGHBOURS_FILE, EMBEDDINGS_FILE)
    )
    return Bundle(folder, manifest, bank, neighbours, embeddings, int(version), content_hash)


def categories(bundles_dir: Path) -> list[str]:
    """Names of the categories that have a bundle in use, sorted."""
    return sorted(file.parent.name for file in bundles_dir.glob("*/current"))


def _changed(path: Path) -> EdgeError:
    return EdgeError(f"{path} is not as calibration wrote it (its sha256 differs). Restore it, or calibrate again.")


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise EdgeError(f"{path} is missing. Restore it, or calibrate again.")
    return path.read_bytes()


def _tensors(arrays: Arrays) -> bytes:
    return safetensors.numpy.save({name: np.ascontiguousarray(array) for name, array in arrays.items()})


def _arrays(path: Path) -> Arrays:
    loaded = safetensors.numpy.load(_read(path))
    return {name: loaded[name] for name in sorted(loaded)}


def _png(pixels: Pixels) -> bytes:
    """A picture as PNG bytes, lossless."""
    return bytes(cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))[1].tobytes())


def _write(path: Path, content: bytes) -> None:
    """Write a file that is on disk when this returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _versions(folder: Path) -> list[int]:
    """Numbers of the versions in a category's folder, sorted."""
    return sorted(int(path.name) for path in folder.glob("*") if path.name.isdecimal())
