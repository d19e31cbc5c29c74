"""The only way from a stored path to a file: it must lie inside the media folder."""

from pathlib import Path


def inside(media: Path, relative: str | None) -> Path | None:
    """The file at `relative` under `media`, links followed; None if there is none or it lies outside."""
    if not relative or "\0" in relative:
        return None
    path = (media / relative).resolve()
    return path if path.is_relative_to(media.resolve()) and path.is_file() else None
