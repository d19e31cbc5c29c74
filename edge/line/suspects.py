"""Which frames were being scored when a worker died: a small file that outlives the worker.

A frame that is at hand at one worker's death is scored alone the next time; one that is at hand at two deaths is
poison and never scored again. So a frame that kills workers kills two, and its neighbours are inspected.
"""

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edge.small_file import replace_note

log = logging.getLogger(__name__)

Key = tuple[str, str, int]
POISON_DEATHS = 2


class Suspects:
    """The deaths that each frame was present at. Written by one worker at a time."""

    def __init__(self, path: Path) -> None:
        """Read what the last worker left at `path`: the frames it was scoring were present at one more death."""
        self._path = path
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._deaths: dict[Key, int] = {}
        if left := _left_at(path):
            self._deaths = {(run, camera, seq): deaths for run, camera, seq, deaths in left["deaths"]}
            for run, camera, seq in left["scoring"]:
                self._deaths[run, camera, seq] = self._deaths.get((run, camera, seq), 0) + 1
        self._write([])

    def deaths(self, key: Key) -> int:
        """How many workers died while they scored this frame."""
        return self._deaths.get(key, 0)

    @contextmanager
    def scoring(self, keys: Sequence[Key]) -> Iterator[None]:
        """Note these frames on disk while the block scores them; if the process dies inside, the note stays."""
        self._write(keys)
        yield
        for key in keys:
            self._deaths.pop(key, None)
        self._write([])

    def _write(self, scoring: Sequence[Key]) -> None:
        note = {"scoring": list(scoring), "deaths": [[*key, deaths] for key, deaths in self._deaths.items()]}
        try:
            replace_note(self._path, json.dumps(note))
        except OSError as error:
            log.error("%s cannot be written, so a frame that kills workers is not found out: %s", self._path, error)


def _left_at(path: Path) -> dict[str, Any] | None:
    """The last worker's note; a power cut may have left half of one, which blames nobody."""
    if not path.exists():
        return None
    try:
        left: dict[str, Any] = json.loads(path.read_text())
    except ValueError:
        log.warning("%s is damaged; no frame is a suspect", path)
        return None
    return left
