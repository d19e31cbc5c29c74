"""VisA as its authors give it out, split as in its `1cls.csv`."""

from collections.abc import Collection
from pathlib import Path

from calibration.datasets.on_disk import chosen, existing, rows
from calibration.datasets.sample import Category, Dataset, Sample
from edge.errors import EdgeError

CATEGORIES = (
    "candle", "capsules", "cashew", "chewinggum", "fryum", "macaroni1",
    "macaroni2", "pcb1", "pcb2", "pcb3", "pcb4", "pipe_fryum",
)  # fmt: skip

TABLE = Path("split_csv", "1cls.csv")
COLUMNS = ("object", "split", "label", "image", "mask")
LAYOUT = (
    f"VisA is laid out as {TABLE} with columns {', '.join(COLUMNS)}, and the pictures and masks that it names, such as "
    "candle/Data/Images/Normal/0000.JPG: unpack the official download and give its folder with --root."
)


def visa(root: Path, categories: Collection[str] | None) -> Dataset:
    """Read the folder of VisA: split `train` gives the normal pictures, split `test` the labelled ones.

    Raises EdgeError naming the first picture, mask or column that is missing, or a value that is not known.
    """
    table = rows(root / TABLE, COLUMNS, LAYOUT)
    names = chosen({row["object"] for row in table}, categories, root / TABLE)
    by_name: dict[str, list[dict[str, str]]] = {name: [] for name in names}
    for row in sorted(table, key=lambda row: row["image"]):
        if row["object"] in by_name:
            by_name[row["object"]].append(row)
    return Dataset(
        "visa",
        "visa",
        tuple(read_category(root, name, mine) for name, mine in by_name.items()),
        absent=tuple(name for name in CATEGORIES if name not in names),
    )


def read_category(root: Path, name: str, table: list[dict[str, str]]) -> Category:
    """One category out of its rows."""
    for row in table:
        if (row["split"], row["label"]) not in {("train", "normal"), ("test", "normal"), ("test", "anomaly")}:
            raise EdgeError(
                f"{root / TABLE}: picture {row['image']} has split {row['split']!r} and label {row['label']!r}; "
                "known are train with normal, and test with normal or anomaly."
            )
    normal = tuple(existing(root / row["image"], LAYOUT) for row in table if row["split"] == "train")
    test = tuple(read_sample(root, row) for row in table if row["split"] == "test")
    for split, files in (("train", normal), ("test", test)):
        if not files:
            raise EdgeError(f"{root / TABLE}: no row of {name} with split {split}. {LAYOUT}")
    return Category(name, normal, test)


def read_sample(root: Path, row: dict[str, str]) -> Sample:
    """One row of the test split; a defect without a mask in its row counts in image metrics only."""
    defect = row["label"] == "anomaly"
    mask = existing(root / row["mask"], LAYOUT) if defect and row["mask"] else None
    kind = "anomaly" if defect else "good"
    return Sample(existing(root / row["image"], LAYOUT), row["object"], defect=defect, mask=mask, kind=kind)
