"""Names that outlast a power cut: a file's bytes are not enough, its folder has to be flushed, too."""

import os
from pathlib import Path

PART = ".part"
"""Ends the name of a file that is being written."""


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on disk. Raises OSError."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it where they are missing, with their names on disk. Raises OSError."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def write_whole(path: Path, content: bytes) -> None:
    """Write to a temporary name, flush to disk, rename: a file with its final name is whole. Raises OSError.

    Its name is on disk after `sync_folder` of its folder, which several files may share.
    """
    temporary = path.with_name(path.name + PART)
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
