"""The layout for pictures of one's own, and of `../shared/data`."""

from collections.abc import Collection
from pathlib import Path

from calibration.datasets.on_disk import chosen, folders_in, pictures_in
from calibration.datasets.sample import Category, Dataset, Sample
from edge.errors import EdgeError

LAYOUT = (
    "A category's folder holds normal/ (good parts, for references), test/good/, test/defect/ and, "
    "where pixels are known, masks/NAME.png (above 0 where defective) for test/defect/NAME.*."
)


def folder(root: Path, categories: Collection[str] | None) -> Dataset:
    """Read one category's folder, or a folder of such folders.

    Raises EdgeError naming what is missing. A defect without a mask file counts in image metrics only.
    """
    if is_category(root):
        found = {root.resolve().name: root}
    else:
        found = {each.name: each for each in folders_in(root, LAYOUT) if is_category(each)}
    if not found:
        raise EdgeError(f"{root}: neither a category's folder nor a folder of such. {LAYOUT}")
    names = chosen(found, categories, root)
    return Dataset("folder", f"folder:{root.resolve().name}", tuple(read_category(name, found[name]) for name in names))


def is_category(path: Path) -> bool:
    """Whether a folder looks like a category's."""
    return (path / "normal").is_dir() or (path / "test").is_dir()


def read_category(name: str, path: Path) -> Category:
    """One category's folder; good test pictures first, then defects, each by name."""
    good = pictures_in(path / "test" / "good", LAYOUT)
    defects = pictures_in(path / "test" / "defect", LAYOUT)
    return Category(
        name,
        pictures_in(path / "normal", LAYOUT),
        (
            *(Sample(file, name, defect=False, mask=None, kind="good") for file in good),
            *(Sample(file, name, defect=True, mask=mask_of(path, file), kind="defect") for file in defects),
        ),
    )


def mask_of(path: Path, file: Path) -> Path | None:
    """The mask of a defect's picture, if there is one."""
    mask = path / "masks" / f"{file.stem}.png"
    return mask if mask.is_file() else None
