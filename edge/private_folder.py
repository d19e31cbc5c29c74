"""The folder for sockets and heartbeats in the system's temporary folder, where any user may have been first."""

import os
import stat
from pathlib import Path

from edge.errors import EdgeError


def private_folder(path: Path) -> None:
    """Make this folder for this user alone. Raises EdgeError if it is there and others own it or can write into it."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = path.stat(follow_symlinks=False)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise EdgeError(
            f"folder {path} is not this user's alone (owner {found.st_uid}, mode {stat.S_IMODE(found.st_mode):04o}): "
            "others could take the place of the line's sockets. Remove it, or set TMPDIR to a folder of your own."
        )
