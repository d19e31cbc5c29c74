"""Sewer-ML's validation set, as the second paper uses it: image labels only."""

from collections.abc import Collection
from pathlib import Path

from calibration.datasets.on_disk import chosen, folders_in, pictures_below, rows
from calibration.datasets.sample import Category, Dataset, Sample
from edge.errors import EdgeError

NAME = "sewer pipe"
COLUMNS = ("Filename", "Defect")
LAYOUT = (
    "Sewer-ML is laid out as SewerML_Val.csv with columns Filename and Defect (0 or 1), and the pictures in a folder "
    "`valid` (or `val`, or valid00, valid01, ... as unpacked). SewerML_Train.csv and `train` are needed for references "
    "only."
)


def sewerml(root: Path, categories: Collection[str] | None) -> Dataset:
    """Read the validation set, and the training set's normal pictures where its table and folder are there.

    Raises EdgeError naming the first picture or column that is missing, or a label that is neither 0 nor 1.
    """
    chosen([NAME], categories, root)
    test = tuple(
        Sample(file, NAME, defect=defect, mask=None, kind="defect" if defect else "good")
        for file, defect in labelled(root, "Val")
    )
    with_training = (root / "SewerML_Train.csv").is_file() and bool(split_folders(root, "Train"))
    normal = tuple(file for file, defect in labelled(root, "Train") if not defect) if with_training else ()
    return Dataset("sewerml", "sewerml", (Category(NAME, normal, test),))


def labelled(root: Path, split: str) -> list[tuple[Path, bool]]:
    """The pictures of a split, by name, and whether each shows a defect."""
    table = root / f"SewerML_{split}.csv"
    read = rows(table, COLUMNS, LAYOUT)
    folders = split_folders(root, split)
    if not folders:
        raise EdgeError(f"{root}: no folder of pictures for {table.name}. {LAYOUT}")
    files = {file.name: file for folder in folders for file in pictures_below(folder)}
    found = []
    for row in sorted(read, key=lambda row: row["Filename"]):
        if row["Filename"] not in files:
            raise EdgeError(f"{folders[0] / row['Filename']}: there is no such file, but {table} names it. {LAYOUT}")
        if row["Defect"] not in ("0", "1"):
            raise EdgeError(f"{table}: picture {row['Filename']} has Defect {row['Defect']!r}, not 0 or 1. {LAYOUT}")
        found.append((files[row["Filename"]], row["Defect"] == "1"))
    return found


def split_folders(root: Path, split: str) -> list[Path]:
    """The folders whose names begin like the split's, in upper or lower case."""
    return [folder for folder in folders_in(root, LAYOUT) if folder.name.lower().startswith(split.lower())]
