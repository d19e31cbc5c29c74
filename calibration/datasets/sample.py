"""What a data set consists of, whatever its layout on disk."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Sample:
    """One labelled test picture.

    file:     the picture
    category: name of the category that it belongs to
    defect:   its image label
    mask:     picture of the defective pixels; None for a good part, and for a defect of which only the label is known
    kind:     `good`, or the kind of defect as the data set calls it
    """

    file: Path
    category: str
    defect: bool
    mask: Path | None
    kind: str

    @property
    def pixels_known(self) -> bool:
        """Whether each pixel's label is known; if not, the picture counts in image metrics only."""
        return not self.defect or self.mask is not None


@dataclass(frozen=True, slots=True)
class Category:
    """One kind of part.

    normal: pictures of good parts to take references from, none of them in `test`; may be empty
    test:   labelled pictures, in a fixed order
    """

    name: str
    normal: tuple[Path, ...]
    test: tuple[Sample, ...]


@dataclass(frozen=True, slots=True)
class Dataset:
    """A data set that was found complete on disk.

    kind:       the layout: `mvtec`, `visa`, `sewerml` or `folder`
    name:       `mvtec`, `visa`, `sewerml`, or `folder:` and the folder's name
    categories: those asked for, in the order of their names
    absent:     the data set's official categories that are not here: a mean over the rest is not the published mean
    """

    kind: str
    name: str
    categories: tuple[Category, ...]
    absent: tuple[str, ...] = ()

    @property
    def sources(self) -> tuple[str, ...]:
        """The names under which adapters record what they were trained on: `mvtec`, or `folder:cookie` a folder."""
        if self.kind == "folder":
            return tuple(f"folder:{category.name}" for category in self.categories)
        return (self.name,)
