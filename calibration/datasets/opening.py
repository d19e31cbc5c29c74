"""A data set's layout by name."""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from types import MappingProxyType

from calibration.datasets.folder import folder
from calibration.datasets.mvtec import mvtec
from calibration.datasets.sample import Dataset
from calibration.datasets.sewerml import sewerml
from calibration.datasets.visa import visa
from edge.errors import EdgeError

KINDS: Mapping[str, Callable[[Path, Collection[str] | None], Dataset]] = MappingProxyType(
    {"mvtec": mvtec, "visa": visa, "sewerml": sewerml, "folder": folder}
)
"""Each layout's name, and what reads it."""


def open_dataset(kind: str, root: Path, *, categories: Collection[str] | None = None) -> Dataset:
    """Find a data set's files; no picture is read. The order of categories and pictures is always the same.

    kind:       `mvtec`, `visa`, `sewerml` or `folder`
    root:       the folder in which the official download was unpacked; `folder`: one category, or a folder of them
    categories: only these; default: all that are there
    Raises EdgeError naming the first file, folder or column that is missing, and the layout that is expected.
    """
    if kind not in KINDS:
        raise EdgeError(f"data set {kind!r} is not known. Known are {', '.join(KINDS)}.")
    return KINDS[kind](root, categories)
