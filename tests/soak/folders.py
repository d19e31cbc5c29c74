"""Folders of very many numbered pictures that take little room: hard links to a few hundred files."""

import os
from pathlib import Path

from tests.fakes import numbered_folder

DIFFERENT = 997


def long_folder(folder: Path, count: int) -> Path:
    """`count` pictures 0000001.png ..., whose numbers go from 1 to DIFFERENT again and again."""
    pictures = sorted(numbered_folder(folder.with_name(f".{folder.name}-pictures"), min(count, DIFFERENT)).iterdir())
    folder.mkdir()
    for number in range(count):
        os.link(pictures[number % DIFFERENT], folder / f"{number + 1:07d}.png")
    return folder


def number_at(seq: int) -> int:
    """The number that the picture of frame `seq` carries."""
    return (seq - 1) % DIFFERENT + 1
