"""What people call a bundle: `pcb@7`, or `pcb` for the one of that category that is in use."""

import re
from dataclasses import dataclass

from edge.errors import EdgeError
from edge.vision.manifest import CATEGORY

NAME = re.compile(rf"({CATEGORY.pattern})(?:@([1-9][0-9]{{0,8}}))?")


@dataclass(frozen=True, slots=True)
class BundleName:
    """A category, and the number of its bundle: 1, 2, ...; version None is the one in use."""

    category: str
    version: int | None = None

    def __str__(self) -> str:
        return self.category if self.version is None else f"{self.category}@{self.version}"


@dataclass(frozen=True, slots=True)
class NamedBundle:
    """What the record keeps of a bundle. name: with its number;  folder: relative to the folder of bundles."""

    sha256: str
    name: str
    category: str
    encoder: str
    folder: str


def parse_bundle_name(text: str) -> BundleName:
    """`pcb@7` or `pcb` as a name. Raises EdgeError for anything else."""
    if not (found := NAME.fullmatch(text)):
        raise EdgeError(
            f"bundle name {text!r}: write CATEGORY@NUMBER, for example pcb@7, or CATEGORY alone for the one in use; "
            "a category begins with a letter and goes on with letters, digits, _ and -. See `calibrate list`."
        )
    category, version = found.groups()
    return BundleName(category, None if version is None else int(version))
