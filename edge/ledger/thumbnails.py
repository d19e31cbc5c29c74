"""Where the page keeps its small pictures, so that those of a removed picture are found, too."""

from pathlib import Path

VERSION = 1
"""Counts up when thumbnails come to look different; those of older versions are not shown any more."""
IDS_A_FOLDER = 10_000


def thumbnail_path(folder: Path, *, frame_id: int, captured_ns: int, ending: str) -> Path:
    """The file of a frame's thumbnail (.jpg) or small heatmap (.png).

    The capture time is in its name, so that a new record in an old folder never shows another frame's.
    """
    return folder / f"v{VERSION}" / str(frame_id // IDS_A_FOLDER) / f"{frame_id}-{captured_ns}{ending}"
