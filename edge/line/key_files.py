"""The keys of the wire, as files that nobody else can read: one folder a machine, in its data folder.

worker         the worker's secret key, where the worker is
allowed/NAME   the public keys that may be camera NAME, one a line, where the worker is
captures/NAME  the secret key of camera NAME's capture, where the camera is
trusted        the public key of the worker, where the cameras are
"""

import logging
import os
import stat
import time
from pathlib import Path

from edge.errors import EdgeError
from edge.line.curve import KEY_BYTES, ClientKeys, ServerKeys, new_secret, public_of
from edge.line.message import is_name

log = logging.getLogger(__name__)

WORKER = "worker"
NETWORK = "tcp://"
LOOK_EVERY_S = 0.5


class KeyFiles:
    """The folder of keys. Whatever it reads must belong to this user and be closed to all others, or is refused."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def make(self, name: str, *, replace: bool) -> bytes:
        """Make the secret key of a camera's capture, or of the worker; its public key.

        replace: make another one in place of the one that is there, which is an error otherwise
        """
        path = self._own(name)
        if path.exists() and not replace:
            raise EdgeError(f"{path} is there already. See `edge keys list`; --replace makes a new key in its place.")
        secret = new_secret()
        _write(path, secret.hex())
        return public_of(secret)

    def allow(self, camera: str, public: str) -> int:
        """Let whoever has this key be this camera; how many keys may by then."""
        key = key_of(public).hex()
        if self.own().get(WORKER) == key:
            raise EdgeError(f"this is the worker's own key. Give the one that `edge keys make {camera}` printed.")
        before = self.allowed()
        for other in before.keys() - {camera}:
            if key in before[other]:
                raise EdgeError(f"this key is camera {other}'s: one key, one camera. Make another with edge keys make.")
        keys = dict.fromkeys([*before.get(camera, []), key])
        _write(self._allowed(camera), "\n".join(keys))
        return len(keys)

    def revoke(self, camera: str, public: str | None = None) -> int:
        """Take all keys of a camera back, or this one; how many it still has. A running worker follows in a second."""
        before = self.keys_of(_checked(camera))
        gone = before if public is None else [key_of(public).hex()]
        if not set(gone) <= set(before) or not before:
            raise EdgeError(f"camera {camera} has no such key here. `edge keys list` says which there are.")
        left = [key for key in before if key not in gone]
        if left:
            _write(self._allowed(camera), "\n".join(left))
        else:
            self._allowed(camera).unlink()
        return len(left)

    def trust(self, public: str) -> None:
        """Take the worker with this key for ours."""
        mine = [name for name, own in self.own().items() if name != WORKER and own == key_of(public).hex()]
        if mine:
            raise EdgeError(f"this is camera {mine[0]}'s own key. Give the one that `edge keys make worker` printed.")
        _write(self.folder / "trusted", key_of(public).hex())

    def allowed(self) -> dict[str, list[str]]:
        """The public keys of each camera that has any."""
        return {camera: keys for camera in self.cameras() if (keys := self.keys_of(camera))}

    def cameras(self) -> list[str]:
        """Whose public keys are here."""
        return sorted(path.name for path in (self.folder / "allowed").glob("[!.]*"))

    def keys_of(self, camera: str) -> list[str]:
        """A camera's public keys: none, if it has no file, or not any more."""
        try:
            return _read(self.folder / "allowed" / camera).split()
        except FileNotFoundError:
            return []

    def own(self) -> dict[str, str]:
        """The public keys of the secrets that are here, by name."""
        captures = sorted((self.folder / "captures").glob("[!.]*"))
        paths = {path.name: path for path in captures} | {WORKER: self._own(WORKER)}
        return {name: public_of(key_of(_read(path))).hex() for name, path in paths.items() if path.exists()}

    def trusted(self) -> str | None:
        """The worker's public key that captures here go by."""
        path = self.folder / "trusted"
        return _read(path).strip() if path.exists() else None

    def server_keys(self, address: str) -> ServerKeys | None:
        """What a worker here uses at this address; None if no key was made for one, or within one machine (ipc)."""
        path = self._own(WORKER)
        if not address.startswith(NETWORK) or not path.exists():
            return None
        return ServerKeys(key_of(_read(path)), AllowedNow(self))

    def client_keys(self, address: str, camera: str) -> ClientKeys | None:
        """What the capture of this camera uses at this address; None as for `server_keys`.

        Raises EdgeError if it has a key and no worker to trust.
        """
        path = self._own(camera)
        if not address.startswith(NETWORK) or not path.exists():
            return None
        worker = self.trusted()
        if worker is None:
            raise EdgeError(f"camera {camera} has a key, but which worker to trust is not said: edge keys trust KEY.")
        return ClientKeys(key_of(_read(path)), key_of(worker))

    def _own(self, name: str) -> Path:
        return self.folder / WORKER if name == WORKER else self.folder / "captures" / _checked(name)

    def _allowed(self, camera: str) -> Path:
        return self.folder / "allowed" / _checked(camera)


class AllowedNow:
    """Which key is which camera's, by the files as they are now; a file that cannot be read lets nobody in."""

    def __init__(self, files: KeyFiles) -> None:
        self._files = files
        self._cameras: dict[str, str] = {}
        self._complaints: dict[str, str] = {}  # by camera
        self._looked_s = -LOOK_EVERY_S

    def camera_of(self, public: str) -> str | None:
        """The camera of a public key (64 hexadecimal digits), or None."""
        if time.monotonic() - self._looked_s >= LOOK_EVERY_S:
            self._looked_s = time.monotonic()
            self._cameras = self._read()
        return self._cameras.get(public)

    def _read(self) -> dict[str, str]:
        found: dict[str, str] = {}
        complaints: dict[str, str] = {}
        try:
            cameras = self._files.cameras()
        except OSError as error:
            log.error("no camera is let in: %s", error)
            return {}
        for camera in cameras:
            try:
                found |= dict.fromkeys(self._files.keys_of(camera), camera)
            except (EdgeError, OSError, UnicodeDecodeError) as error:
                complaints[camera] = str(error)
                if self._complaints.get(camera) != str(error):
                    log.error("camera %s is not let in: %s", camera, error)
        self._complaints = complaints
        return found


def key_of(text: str) -> bytes:
    """A key from its 64 hexadecimal digits. Raises EdgeError, which does not repeat what may be a secret."""
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise EdgeError(f"a key has {2 * KEY_BYTES} hexadecimal digits; this has {len(text)} characters, or others.")
    return key


def _checked(name: str) -> str:
    if not is_name(name) or name == WORKER:
        raise EdgeError(f"camera name {name!r}: use letters, digits, underscore and hyphen; `worker` is taken.")
    return name


def _read(path: Path) -> str:
    found = path.stat()
    mode = stat.S_IMODE(found.st_mode)
    folder = path.parent.stat()
    if mode & 0o077 or folder.st_mode & 0o022 or {found.st_uid, folder.st_uid} - {os.geteuid()}:
        raise EdgeError(
            f"key file {path} has mode {mode:04o}, its folder {stat.S_IMODE(folder.st_mode):04o}: others may have read "
            f"or changed it. chmod 700 {path.parent} and chmod 600 {path}, as their owner; or make a new key."
        )
    return path.read_text()


def _write(path: Path, text: str) -> None:
    """Write a file that only this user can read, whole or not at all."""
    for folder in (path.parent.parent, path.parent) if path.parent.name in ("allowed", "captures") else (path.parent,):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)
