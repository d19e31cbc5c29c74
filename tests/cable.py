"""Two machines and the cable between them, as network namespaces with a veth pair. Needs root and iproute2."""

import itertools
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import pytest

WORKER_HOST, CAMERA_HOST = "10.213.77.1", "10.213.77.2"
NOBODY = "02:00:00:00:00:99"  # a hardware address that no interface here has
_numbers = itertools.count()


def need_cable() -> None:
    """Skip the test where no namespaces can be made; in CI that is a failure."""
    able = os.geteuid() == 0 and shutil.which("ip")
    if able:
        able = ip("netns", "add", "edge-try", check=False) == 0
        ip("netns", "del", "edge-try", check=False)
    if not able:
        reason = "needs root, iproute2 and a kernel that lets it make network namespaces"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)


def ip(*words: str, check: bool = True) -> int:
    """Run `ip`."""
    return subprocess.run(["ip", *words], check=check, stderr=None if check else subprocess.DEVNULL).returncode


class Cable:
    """The cable; `worker` and `camera` are the namespaces at its ends."""

    def __init__(self) -> None:
        number = f"{os.getpid()}-{next(_numbers)}"
        self.worker, self.camera = f"edge-w-{number}", f"edge-c-{number}"

    def __enter__(self) -> Self:
        for name in (self.worker, self.camera):
            ip("netns", "add", name)
            ip("-n", name, "link", "set", "lo", "up")
        ip("-n", self.worker, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", self.camera)
        for name, address in ((self.worker, WORKER_HOST), (self.camera, CAMERA_HOST)):
            ip("-n", name, "address", "add", f"{address}/24", "dev", "eth0")
        self.plug()
        return self

    def __exit__(self, *_: object) -> None:
        for name in (self.worker, self.camera):
            ip("netns", "del", name, check=False)

    def plug(self) -> None:
        """Plug it in: both ends have carrier."""
        for name in (self.worker, self.camera):
            ip("-n", name, "link", "set", "eth0", "up")

    def unplug(self) -> None:
        """Pull it: both ends lose carrier, and sending fails at once."""
        ip("-n", self.worker, "link", "set", "eth0", "down")

    def break_silently(self) -> None:
        """Lose every packet in both directions; no end notices anything but silence, as beyond a dead switch."""
        for name, other in ((self.worker, CAMERA_HOST), (self.camera, WORKER_HOST)):
            ip("-n", name, "neigh", "replace", other, "lladdr", NOBODY, "dev", "eth0", "nud", "permanent")

    def mend(self) -> None:
        """End `break_silently`."""
        for name, other in ((self.worker, CAMERA_HOST), (self.camera, WORKER_HOST)):
            ip("-n", name, "neigh", "del", other, "dev", "eth0")

    def start(
        self, name: str, command: Sequence[str], environment: dict[str, str], log: Path
    ) -> subprocess.Popen[bytes]:
        """Start a process at one end."""
        with log.open("ab") as output:
            return subprocess.Popen(
                ["ip", "netns", "exec", name, *command],
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
