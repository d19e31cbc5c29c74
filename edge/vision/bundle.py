"""What calibration made, as versioned folders that are refused if a byte has changed.

<bundles>/<category>/<n>/bundle.json      the Manifest; its sha256 is the bundle's content hash
<bundles>/<category>/<n>/bundle.sha256    that hash, as `sha256sum --check` reads it
<bundles>/<category>/<n>/bank.safetensors by stage name, [R, N, C] float32
<bundles>/<category>/<n>/neighbours.safetensors    the neighbourhood head's bank: `whole` [R, N, C], `part` [R, M, C]
<bundles>/<category>/<n>/embeddings.safetensors    what prompts and references became, as the recipe needs it: `text`
                                          and `pair` [2, D], `references` [R, D], float32
<bundles>/<category>/<n>/adapters.safetensors      copies of what was trained elsewhere, as the recipe needs it
<bundles>/<category>/<n>/random_words.safetensors
<bundles>/<category>/<n>/references/*.png lossless copies of the reference pictures
<bundles>/<category>/<n>/area.png         1 bit, white where the picture counts, of the first reference's size
<bundles>/<category>/<n>/empty.safetensors         `empty` [E, n, C] float32, coarse tokens of the empty view
<bundles>/<category>/<n>/empty/*.png      lossless copies of the pictures of the empty view
<bundles>/<category>/<n>/check/good/*.png and check/bad/*.png      pictures of known parts, for `edge check`
<bundles>/<category>/<n>/place.png        the good parts' mean thumbnail, if they lie in one place
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray

from edge.errors import EdgeError
from edge.frame import Pixels
from edge.line.opencv import cv2
from edge.line.picture import read_picture
from edge.vision.bundle_folder import check_folder, write_folder
from edge.vision.bundle_name import BundleName
from edge.vision.bundle_promotion import resolve
from edge.vision.bundle_store import add_version, called, folder_of
from edge.vision.manifest import Manifest

BANK_FILE = "bank.safetensors"
NEIGHBOURS_FILE = "neighbours.safetensors"
EMBEDDINGS_FILE = "embeddings.safetensors"
ADAPTERS_FILE = "adapters.safetensors"
RANDOM_WORDS_FILE = "random_words.safetensors"
PLACE_FILE = "place.png"

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

    @property
    def name(self) -> BundleName:
        """What people call it: pcb@7."""
        return BundleName(self.manifest.category, self.version)

    def picture(self, name: str) -> Pixels:
        """A picture by its path inside the bundle, [H, W, 3] uint8 RGB."""
        return read_picture(self.folder / name)

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
                    f"bundle {self.name} was made with {what} {theirs}, but this run has {ours}. "
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
    pictures: Mapping[str, Pixels] | None = None,
) -> Path:
    """Write the next version of the manifest's category, and return its folder; promoting it is another step.

    reference_pictures: [H, W, 3] uint8 RGB each, in the order of manifest.references; one is held at a time
    bank, neighbours, embeddings: see Bundle
    trained:            by name inside the bundle (ADAPTERS_FILE, RANDOM_WORDS_FILE, the scene's), the file's bytes
    pictures:           more pictures, by path inside the bundle
    The folder appears under its final name whole, or not at all.
    Raises EdgeError for an impossible category name, or if it cannot be written.
    """
    if len(reference_pictures) != len(manifest.references):
        raise ValueError(f"{len(manifest.references)} references and {len(reference_pictures)} pictures")
    contents: dict[str, Callable[[], bytes]] = {
        f"references/{reference.file}": partial(_png_of, reference_pictures, index)
        for index, reference in enumerate(manifest.references)
    }
    arrays = {BANK_FILE: bank, NEIGHBOURS_FILE: neighbours or {}, EMBEDDINGS_FILE: embeddings or {}}
    contents |= {name: partial(_tensors, content) for name, content in arrays.items() if content}
    contents |= {name: partial(bytes, content) for name, content in (trained or {}).items()}
    contents |= {name: partial(picture_to_png, pixels) for name, pixels in (pictures or {}).items()}
    name = add_version(bundles_dir, manifest.category, lambda folder: write_folder(folder, manifest, contents))
    return folder_of(bundles_dir, name)


def load_bundle(bundles_dir: Path, category: str, version: int | None = None) -> Bundle:
    """A version of a category, by default the one in use, every byte of it checked.

    Raises EdgeError for an unknown category or version, a changed, missing or foreign file, or a newer format.
    """
    name = resolve(bundles_dir, BundleName(category, version))
    folder = folder_of(bundles_dir, name)
    described = check_folder(folder, called=called(bundles_dir, name))
    made = described.manifest
    if made.category != category:
        raise EdgeError(
            f"{called(bundles_dir, name)} is a bundle of category {made.category}. "
            f"Take it where it belongs: {bundles_dir / made.category}."
        )
    bank, neighbours, embeddings = (
        _arrays(folder / file) if file in made.files else {} for file in (BANK_FILE, NEIGHBOURS_FILE, EMBEDDINGS_FILE)
    )
    return Bundle(folder, made, bank, neighbours, embeddings, int(folder.name), described.sha256)


def _tensors(arrays: Arrays) -> bytes:
    return safetensors.numpy.save({name: np.ascontiguousarray(array) for name, array in arrays.items()})


def _arrays(path: Path) -> Arrays:
    loaded = safetensors.numpy.load_file(path)
    return {name: loaded[name] for name in sorted(loaded)}


def _png_of(pictures: Sequence[Pixels], index: int) -> bytes:
    return picture_to_png(pictures[index])


def picture_to_png(pixels: Pixels) -> bytes:
    """A picture, [H, W, 3] uint8 RGB, as PNG bytes, lossless."""
    return bytes(cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))[1].tobytes())
