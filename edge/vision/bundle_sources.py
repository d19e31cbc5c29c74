"""Which frames of the record the bundles were made from, or are checked with."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from edge.errors import EdgeError
from edge.vision.bundle_folder import DESCRIPTION_FILE

FRAME = re.compile(r"frame ([^/]+)/([^/]+)/(\d+)")
"""How calibration names a frame as the source of a picture: run, camera, number."""


def frames_taught(bundles_dir: Path) -> set[tuple[str, str, int]]:
    """(run, camera, number) of every frame that a bundle here names, in use or not, of whatever format.

    Raises EdgeError if one cannot be read: nobody can tell then which frames it names.
    """
    found = set()
    for path in bundles_dir.glob(f"*/[0-9]*/{DESCRIPTION_FILE}"):
        try:
            described = json.loads(path.read_bytes())
        except (OSError, ValueError) as error:
            raise EdgeError(f"{path} cannot be read: {error}. Restore it, or remove that bundle's folder.") from error
        for source in _sources(described):
            if match := FRAME.fullmatch(source):
                found.add((match[1], match[2], int(match[3])))
    return found


def _sources(value: object) -> Iterator[str]:
    """Every text under a key `source`, at any depth."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "source" and isinstance(inner, str):
                yield inner
            yield from _sources(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _sources(inner)
