"""A record on a network mount is refused: which mount a folder lies on, by the text of /proc/mounts."""

from pathlib import Path, PurePath

import pytest

from edge.ledger.mounts import MOUNTS, mount_of, network_mount

TEXT = r"""
/dev/sda1 / ext4 rw,relatime 0 0
proc /proc proc rw 0 0
nas:/export /mnt/nas nfs4 rw,vers=4.2 0 0
/dev/sdb1 /mnt/nas/local ext4 rw 0 0
//server/share /mnt/with\040space cifs rw 0 0
tmpfs /run tmpfs rw 0 0
nas:/covered /over nfs rw 0 0
/dev/sdc1 /over xfs rw 0 0
user@host: /home/u/remote fuse.sshfs rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib/edge", "ext4"),
        ("/mnt/nas/edge-data", "nfs4"),
        ("/mnt/nas", "nfs4"),
        ("/mnt/nasty", "ext4"),
        ("/mnt/nas/local/edge-data", "ext4"),
        ("/mnt/with space/edge", "cifs"),
        ("/over/edge", "xfs"),
        ("/home/u/remote/x", "fuse.sshfs"),
    ],
)
def test_the_mount_is_the_deepest_one_and_of_two_on_one_folder_the_later(path: str, kind: str) -> None:
    mount = mount_of(PurePath(path), TEXT)
    assert mount is not None
    assert mount.kind == kind


def test_only_what_other_machines_write_to_counts_as_a_network(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    for kind, network in (("nfs4", True), ("cifs", True), ("fuse.sshfs", True), ("ext4", False), ("fuse.ntfs", False)):
        mounts.write_text(f"/dev/sda1 / ext4 rw 0 0\nthere:/x {tmp_path} {kind} rw 0 0\n")
        found = network_mount(tmp_path / "not-made-yet" / "data", mounts)
        assert (found is not None) is network, kind


def test_this_machines_own_folders_are_found(tmp_path: Path) -> None:
    assert mount_of(tmp_path.resolve(), MOUNTS.read_text()) is not None
    assert network_mount(tmp_path) is None
