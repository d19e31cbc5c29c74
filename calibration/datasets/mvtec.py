"""MVTec AD as its authors give it out."""

from collections.abc import Collection
from pathlib import Path

from calibration.datasets.on_disk import chosen, existing, folders_in, pictures_in
from calibration.datasets.sample import Category, Dataset, Sample
from edge.errors import EdgeError

CATEGORIES = (
    "bottle", "cable", "capsule", "carpet", "grid", "hazelnut", "leather", "metal_nut",
    "pill", "screw", "tile", "toothbrush", "transistor", "wood", "zipper",
)  # fmt: skip

LAYOUT = (
    "MVTec AD is laid out as CATEGORY/train/good/*.png, CATEGORY/test/KIND/*.png and "
    "CATEGORY/ground_truth/KIND/NAME_mask.png: unpack the official download and give its folder with --root."
)


def mvtec(root: Path, categories: Collection[str] | None) -> Dataset:
    """Read the folder of MVTec AD: every folder with `train` or `test` in it is a category.

    Raises EdgeError naming what is missing; a defect without its mask is an incomplete download, and an error.
    """
    if (root / "test").is_dir():
        raise EdgeError(f"{root} is one category: give the folder above it with --root. {LAYOUT}")
    found = {
        folder.name: folder
        for folder in folders_in(root, LAYOUT)
        if (folder / "train").is_dir() or (folder / "test").is_dir()
    }
    if not found:
        raise EdgeError(f"{root}: no category in this folder. {LAYOUT}")
    names = chosen(found, categories, root)
    return Dataset(
        "mvtec",
        "mvtec",
        tuple(read_category(found[name]) for name in names),
        absent=tuple(name for name in CATEGORIES if name not in names),
    )


def read_category(folder: Path) -> Category:
    """One category's folder; test pictures by kind of defect and name."""
    kinds = folders_in(folder / "test", LAYOUT)
    if not kinds:
        raise EdgeError(f"{folder / 'test'}: no folder of a kind of defect. {LAYOUT}")
    return Category(
        folder.name,
        pictures_in(folder / "train" / "good", LAYOUT),
        tuple(read_sample(folder, file) for kind in kinds for file in pictures_in(kind, LAYOUT)),
    )


def read_sample(folder: Path, file: Path) -> Sample:
    """One test picture, whose folder's name is its kind of defect."""
    kind = file.parent.name
    if kind == "good":
        return Sample(file, folder.name, defect=False, mask=None, kind=kind)
    mask = existing(folder / "ground_truth" / kind / f"{file.stem}_mask.png", LAYOUT)
    return Sample(file, folder.name, defect=True, mask=mask, kind=kind)
