"""What an evaluation keeps on disk of its finished categories, so that a second run goes on where one was stopped."""

import json
import os
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from calibration.datasets import Category
from calibration.evaluation.tables import Run
from edge.errors import EdgeError

FILE = "results.json"
OURS = "ours"


class Part(BaseModel):
    """Base of what is written: frozen, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Figure(Part):
    """A category's pictures in the report. scales: by what a column shows, lowest and highest value of its colours."""

    file: str
    scales: dict[str, tuple[float, float]]


class RunRecord(Part):
    """One column of one category; `method` is OURS or a peer's name. See tables.Run."""

    method: str
    shots: int
    seed: int
    values: dict[str, float | None]


class CategoryRecord(Part):
    """A finished category.

    fingerprint:       of the files that it was measured on
    pictures, defects: test pictures, and those with a defect;  unknown: defects without a mask, in image metrics only
    seconds:           wall time by what it was spent on
    references:        by `shots/seed`, the reference files as they were drawn
    maps:              the folder its maps were saved in
    """

    fingerprint: str = ""
    pictures: int
    defects: int
    unknown: int
    seconds: dict[str, float]
    references: dict[str, tuple[str, ...]]
    runs: tuple[RunRecord, ...]
    figure: Figure | None = None
    maps: str | None = None


def fingerprint(category: Category) -> str:
    """SHA-256 over name, size and time of every picture and mask, in order: whether they are the same as before."""
    seen = sha256()
    masks = (sample.mask for sample in category.test if sample.mask is not None)
    for file in (*category.normal, *(sample.file for sample in category.test), *masks):
        told = file.stat()
        seen.update(f"{file.parent.name}/{file.name} {told.st_size} {told.st_mtime_ns}\n".encode())
    return seen.hexdigest()


class Results(Part):
    """results.json.

    settings:   what the numbers depend on; a second run with others does not go on from these
    about:      what made them: command, versions, date
    categories: those finished, by name
    """

    settings: dict[str, Any]
    about: dict[str, Any]
    categories: dict[str, CategoryRecord] = {}

    def runs(self) -> list[Run]:
        """Every column of every finished category."""
        return [
            Run(name, one.method, one.shots, one.seed, one.values)
            for name, category in self.categories.items()
            for one in category.runs
        ]

    def with_category(self, name: str, record: CategoryRecord) -> "Results":
        """The same with one category more."""
        return self.model_copy(update={"categories": {**self.categories, name: record}})


def load_results(folder: Path, settings: Mapping[str, Any]) -> Results | None:
    """What an earlier run left in its report's folder, None if nothing.

    Raises EdgeError if that run had other settings, naming the first, or the file is damaged.
    """
    file = folder / FILE
    if not file.is_file():
        return None
    try:
        earlier = Results.model_validate_json(file.read_bytes())
    except ValidationError as error:
        raise EdgeError(f"{file}: not as `calibrate evaluate` writes it ({error}). Give another --report.") from error
    wanted = json.loads(json.dumps(settings))
    for name in sorted(wanted.keys() | earlier.settings.keys()):
        if wanted.get(name) != (theirs := earlier.settings.get(name)):
            raise EdgeError(
                f"{file} holds results with {name} {theirs}, this run has {wanted.get(name)}. Give another --report, "
                "or delete that folder."
            )
    return earlier


def save_results(folder: Path, results: Results) -> None:
    """Write results.json, whole or not at all."""
    write_whole(folder / FILE, results.model_dump_json(indent=1).encode())


def write_whole(path: Path, content: bytes) -> None:
    """Write a file under another name and rename it, so that nobody reads half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
