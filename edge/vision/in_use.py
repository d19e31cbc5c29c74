"""The bundles that a line judges by: loaded when a camera says hello, exchanged between two batches at a promotion."""

import logging
from dataclasses import dataclass
from pathlib import Path

from edge.errors import BROKEN, EdgeError
from edge.vision.bundle import Bundle, load_bundle
from edge.vision.bundle_heads import load_heads
from edge.vision.bundle_name import NamedBundle
from edge.vision.bundle_promotion import current_file
from edge.vision.bundle_scene import load_scene
from edge.vision.drift import Standard, standard_of
from edge.vision.features import Encoder
from edge.vision.heads import Heads
from edge.vision.scene import Scene

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """A bundle, its heads on the encoder's device, and what it knows about pictures before they are judged."""

    bundle: Bundle
    heads: Heads
    scene: Scene
    standard: Standard


class BundlesInUse:
    """By category, the promoted bundle. `load` and `refresh` take as long as reading does, `adopt` takes no time.

    One thread may refresh while another adopts and judges: what refresh has read waits until the next adopt.
    """

    def __init__(self, encoder: Encoder, bundles_dir: Path) -> None:
        self._encoder, self._bundles_dir = encoder, bundles_dir
        self._loaded: dict[str, Loaded] = {}
        self._waiting: dict[str, Loaded] = {}
        self._seen: dict[str, tuple[int, int] | None] = {}  # each file `current`, as it was when last looked at

    def __getitem__(self, category: str) -> Loaded:
        """What a category is judged by. Raises KeyError if it has not been loaded."""
        return self._loaded[category]

    def standard(self, sha256: str) -> Standard | None:
        """What the bundle with this content hash holds as normal; None if it is not in use."""
        return next((one.standard for one in list(self._loaded.values()) if one.bundle.sha256 == sha256), None)

    def named(self) -> list[NamedBundle]:
        """The bundles that judge, and those that will from the next adopt on."""
        bundles = [one.bundle for one in (*list(self._loaded.values()), *list(self._waiting.values()))]
        return [
            NamedBundle(
                sha256=bundle.sha256,
                name=str(bundle.name),
                category=bundle.manifest.category,
                encoder=bundle.manifest.encoder,
                folder=str(bundle.folder.relative_to(self._bundles_dir)),
            )
            for bundle in bundles
        ]

    def load(self, category: str) -> None:
        """Load, or load again, the category's bundle in use. Raises EdgeError as load_bundle and load_heads."""
        seen = self._stamp(category)
        self._loaded[category] = one = self._read(category)
        self._waiting.pop(category, None)
        self._seen[category] = seen
        log.info("bundle %s, content %s, is loaded", one.bundle.name, one.bundle.sha256)

    def use(self, bundle: Bundle) -> None:
        """Judge by this one, which need not be promoted. Raises EdgeError as load_heads."""
        self._loaded[bundle.manifest.category] = self._ready(bundle)

    def refresh(self) -> None:
        """Read what was promoted since, for `adopt`. What cannot be used is logged once, and the old one stays."""
        for category, seen in list(self._seen.items()):
            if (stamp := self._stamp(category)) == seen:
                continue
            self._seen[category] = stamp
            try:
                self._waiting[category] = self._read(category)
            except EdgeError as error:
                old = self._waiting.get(category, self._loaded[category]).bundle.name
                log.error("what was promoted for %s cannot be used, and %s stays in use: %s", category, old, error)

    def adopt(self) -> None:
        """Judge by what has been read since, from here on."""
        for category in list(self._waiting):
            old, new = self._loaded[category].bundle, self._waiting.pop(category)
            self._loaded[category] = new
            log.info("bundle %s, content %s, takes over from %s", new.bundle.name, new.bundle.sha256, old.name)

    def _read(self, category: str) -> Loaded:
        return self._ready(load_bundle(self._bundles_dir, category))

    def _ready(self, bundle: Bundle) -> Loaded:
        try:
            return Loaded(
                bundle, load_heads(bundle, self._encoder), load_scene(bundle, self._encoder.device), standard_of(bundle)
            )
        except BROKEN as error:
            raise EdgeError(
                f"bundle {bundle.name} is as it was written and cannot be used all the same: {error!r}. "
                "Calibrate again."
            ) from error

    def _stamp(self, category: str) -> tuple[int, int] | None:
        """Tells one file `current` from the next: a promotion puts a new file in the place of the old one."""
        try:
            found = current_file(self._bundles_dir, category).stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino
