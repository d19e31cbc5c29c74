"""Where a folder is mounted from: SQLite's write-ahead log needs a disk of this very machine."""

import re
from dataclasses import dataclass
from pathlib import Path, PurePath

NETWORK = re.compile(
    r"nfs\d*|cifs|smb\w*|ncpfs|afs|9p|glusterfs|ceph|lustre|beegfs|davfs|fuse\.(sshfs|glusterfs|s3fs|rclone|davfs2?)"
)
MOUNTS = Path("/proc/mounts")


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of /proc/mounts."""

    source: str
    folder: PurePath
    kind: str


def mount_of(path: PurePath, mounts: str) -> Mount | None:
    """The mount that an absolute path without links lies on, by the text of /proc/mounts; None if it names none."""
    found = [mount for line in mounts.splitlines() if (mount := _mount(line)) and path.is_relative_to(mount.folder)]
    # of two mounts on one folder the later one covers the earlier
    return max(enumerate(found), key=lambda each: (len(each[1].folder.parts), each[0]))[1] if found else None


def network_mount(path: Path, mounts: Path = MOUNTS) -> Mount | None:
    """The network mount that a folder lies on, or would once it is made; None if it lies on a disk of this machine."""
    mount = mount_of(path.resolve(), mounts.read_text()) if mounts.is_file() else None
    return mount if mount and NETWORK.fullmatch(mount.kind) else None


def _mount(line: str) -> Mount | None:
    fields = line.split(" ")
    if len(fields) < 3:
        return None
    source, folder, kind = (re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), field) for field in fields[:3])
    return Mount(source, PurePath(folder), kind)
