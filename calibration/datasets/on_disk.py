"""Looking for a data set's files, with errors that name the first one missing."""

import csv
import os
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from edge.errors import EdgeError
from edge.line.picture import is_picture


def pictures_in(folder: Path, layout: str) -> tuple[Path, ...]:
    """The picture files directly in a folder, by name; hidden files are left out.

    layout: what belongs there, in a sentence for the error
    Raises EdgeError naming the folder if it is missing or holds no picture.
    """
    found = tuple(sorted(path for path in visible(folder, layout) if path.is_file() and is_picture(path)))
    if not found:
        raise EdgeError(f"{folder}: no pictures in this folder. {layout}")
    return found


def folders_in(folder: Path, layout: str) -> tuple[Path, ...]:
    """The folders directly in a folder, by name; hidden ones are left out. Raises EdgeError if it is missing."""
    return tuple(sorted(path for path in visible(folder, layout) if path.is_dir()))


def visible(folder: Path, layout: str) -> Iterator[Path]:
    """What a folder holds, but for hidden files, in no order. Raises EdgeError if it is missing."""
    if not folder.is_dir():
        raise EdgeError(f"{folder}: there is no such folder. {layout}")
    return (path for path in folder.iterdir() if not path.name.startswith("."))


def existing(file: Path, layout: str) -> Path:
    """The file itself. Raises EdgeError naming it if it is missing."""
    if not file.is_file():
        raise EdgeError(f"{file}: there is no such file. {layout}")
    return file


def rows(table: Path, columns: Collection[str], layout: str) -> list[dict[str, str]]:
    """The rows of a table with a header line, commas between fields, UTF-8; values without blanks around them.

    Raises EdgeError if the file is missing, lacks one of the columns, or has no rows.
    """
    try:
        lines = existing(table, layout).read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise EdgeError(f"{table} is not a text in UTF-8: {error}. {layout}") from error
    reader = csv.DictReader(lines)
    found = reader.fieldnames or ()
    for column in columns:
        if column not in found:
            raise EdgeError(f"{table}: no column {column!r}, only {', '.join(found) or 'none'}. {layout}")
    read = [{column: (row[column] or "").strip() for column in columns} for row in reader]
    if not read:
        raise EdgeError(f"{table}: no rows below the header. {layout}")
    return read


def chosen(names: Iterable[str], wanted: Collection[str] | None, root: Path) -> tuple[str, ...]:
    """Category names in order: all of them, or those wanted. Raises EdgeError for a wanted one that is not there."""
    here = sorted(names)
    for name in wanted or ():
        if name not in here:
            raise EdgeError(f"{root}: no category {name!r} here, only {', '.join(here) or 'none'}.")
    return tuple(name for name in here if not wanted or name in wanted)


def pictures_below(folder: Path) -> Iterator[Path]:
    """The picture files in a folder and the folders in it, in no order, without asking the disk about each."""
    for here, _, names in os.walk(folder):
        yield from (Path(here, name) for name in names if is_picture(Path(name)) and not name.startswith("."))
