"""Room on the disk of the pictures: how much is left, and what of it is not for them."""

import os
from pathlib import Path

DEFAULT_RESERVE_BYTES = 2_000_000_000
DEFAULT_RESERVE_SHARE = 0.05


class Room:
    """The disk of a folder, of which `reserve_bytes` are kept free by trimming pictures.

    Its lower half is for the record, the journals and the logs alone: no picture is written into it.
    """

    def __init__(self, folder: Path, reserve_bytes: int | None = None) -> None:
        """folder: made if it is not there; reserve_bytes: None is 2 GB, or 5 % of a disk on which that is less."""
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        disk = os.statvfs(folder)
        share_bytes = int(disk.f_blocks * disk.f_frsize * DEFAULT_RESERVE_SHARE)
        self.reserve_bytes = min(DEFAULT_RESERVE_BYTES, share_bytes) if reserve_bytes is None else reserve_bytes

    @property
    def free_bytes(self) -> int:
        """What an ordinary user can still write."""
        disk = os.statvfs(self._folder)
        return disk.f_bavail * disk.f_frsize

    @property
    def short_bytes(self) -> int:
        """How much is to be freed until the reserve is whole again; 0 if it is."""
        return max(0, self.reserve_bytes - self.free_bytes)

    @property
    def for_pictures(self) -> bool:
        """Whether pictures are still to be written."""
        return self.free_bytes >= self.reserve_bytes // 2


def room_for_pictures(data: Path, media: Path, reserve_bytes: int | None) -> Room:
    """The room of the media folder, which may be on a disk of its own; of the data folder until there is one."""
    return Room(media if media.is_dir() else data, reserve_bytes)
