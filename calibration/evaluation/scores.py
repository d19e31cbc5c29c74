"""Image scores and maps on disk, for whoever wants to compute with them."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from calibration.datasets import Category, Sample
from calibration.evaluation.columns import Setting
from calibration.evaluation.results import write_whole
from edge.errors import EdgeError

COLUMNS = ("category", "shots", "seed", "image", "label", "score")

ScoreRows = dict[str, list[tuple[str, ...]]]
"""By category, rows of COLUMNS as text."""


def rows_of(category: Category, setting: Setting, scores: Sequence[float], root: Path) -> list[tuple[str, ...]]:
    """One row a test picture; the score in the fewest digits that give it back exactly."""
    return [
        (
            category.name,
            str(setting.shots),
            str(setting.seed),
            picture_name(sample, root),
            str(int(sample.defect)),
            repr(s),
        )
        for sample, s in zip(category.test, scores, strict=True)
    ]


def read_scores(path: Path) -> ScoreRows:
    """The rows of an earlier run's file; none if there is no such file, or it is of another kind."""
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        if tuple(next(reader, ())) != COLUMNS:
            return {}
        found: ScoreRows = {}
        for row in reader:
            found.setdefault(row[0], []).append(tuple(row))
    return found


def save_scores(path: Path, rows: Iterable[Sequence[str]]) -> None:
    """Write the file of image scores, whole or not at all."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows)
    write_whole(path, text.getvalue().encode())


def save_map(folder: Path, setting: Setting, name: str, anomaly_map: NDArray[np.float32]) -> None:
    """Write [S, S] float32 as `<folder>/shots-<k>_seed-<s>/<name>.npy`, `name` being the picture's without ending."""
    file = folder / f"shots-{setting.shots}_seed-{setting.seed}" / f"{Path(name).with_suffix('')}.npy"
    file.parent.mkdir(parents=True, exist_ok=True)
    np.save(file, np.asarray(anomaly_map, np.float32), allow_pickle=False)


def picture_name(sample: Sample, root: Path) -> str:
    """A picture's path below the data set's folder."""
    return sample.file.relative_to(root).as_posix()


def check_map_names(category: Category, root: Path) -> None:
    """Raises EdgeError if two pictures differ in their ending only, so that their maps would have one name."""
    seen: dict[Path, str] = {}
    for sample in category.test:
        name = picture_name(sample, root)
        if (other := seen.setdefault(Path(name).with_suffix(""), name)) != name:
            raise EdgeError(f"{root}: {other} and {name} would have one map. Rename one, or leave --save-maps out.")
