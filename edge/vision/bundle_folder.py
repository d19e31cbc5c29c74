"""A bundle's folder: written so that it is on disk, and checked byte for byte when it is read.

bundle.json names every other file with its sha256, and bundle.sha256 holds its own, the bundle's content hash. What is
in the folder is what bundle.json says, nothing more and nothing less.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import safetensors

from edge.durable import sync_folder
from edge.errors import EdgeError
from edge.vision.checksum import sha256_of
from edge.vision.manifest import Manifest, parse_manifest

DESCRIPTION_FILE = "bundle.json"
HASH_FILE = "bundle.sha256"


@dataclass(frozen=True, slots=True)
class Described:
    """What a bundle says about itself, and its content hash: the sha256 of bundle.json, 64 hexadecimal digits."""

    manifest: Manifest
    sha256: str


Contents = Mapping[str, Callable[[], bytes]]
"""Files by their path inside a bundle, each made when it is written: thousands of pictures need not be held at once."""


def write_folder(folder: Path, manifest: Manifest, contents: Contents) -> None:
    """Write a bundle's files, then what describes and hashes them; all is on disk when this returns. Raises OSError."""
    hashes = {}
    for name, make in contents.items():
        content = make()
        write_file(folder / name, [content])
        hashes[name] = sha256(content).hexdigest()
    described = manifest.model_copy(update={"files": hashes}).model_dump_json(indent=1).encode()
    hash_line = f"{sha256(described).hexdigest()}  {DESCRIPTION_FILE}\n".encode()  # as `sha256sum --check` reads it
    write_file(folder / DESCRIPTION_FILE, [described])
    write_file(folder / HASH_FILE, [hash_line])
    for each in {folder, *((folder / name).parent for name in contents)}:
        sync_folder(each)


def write_file(path: Path, content: Iterable[bytes]) -> None:
    """Write a file, and its folder where it is missing; its bytes are on disk when this returns. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.writelines(content)
        file.flush()
        os.fsync(file.fileno())


def read_description(folder: Path, *, called: str) -> Described:
    """bundle.json, checked against its hash and this release's format; the other files are not looked at.

    called: how messages name the bundle
    Raises EdgeError if it is missing or changed, has a newer format, or does not hold what it should.
    """
    return parse_description(_read(folder, DESCRIPTION_FILE, called), _read(folder, HASH_FILE, called), called=called)


def parse_description(described: bytes, hash_line: bytes, *, called: str) -> Described:
    """The bytes of bundle.json and bundle.sha256, as read_description reads them from a folder."""
    content_hash = sha256(described).hexdigest()
    if hash_line.decode(errors="replace").partition(" ")[0] != content_hash:
        raise _changed(DESCRIPTION_FILE, called)
    return Described(parse_manifest(described, called), content_hash)


def check_folder(folder: Path, *, called: str) -> Described:
    """What a bundle says about itself, once every byte of it is as calibration wrote it.

    Raises EdgeError as read_description, and for a file that is missing, changed, not the bundle's or no tensors.
    """
    described = read_description(folder, called=called)
    files = described.manifest.files
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_symlink() or path.is_file()}
    wanted = files.keys() | {DESCRIPTION_FILE, HASH_FILE}
    if missing := sorted(wanted - there):
        raise _missing(missing[0], called)
    if extra := sorted(there - wanted):
        raise EdgeError(f"{called}: {extra[0]} is not part of the bundle. Take that file out of it.")
    for name, expected in files.items():
        if _sha256_of(folder / name, called) != expected:
            raise _changed(name, called)
        if name.endswith(".safetensors"):
            _check_tensors(folder / name, called)
    for reference in described.manifest.references:
        if f"references/{reference.file}" not in files:
            raise _missing(f"references/{reference.file}", called)
    return described


def _check_tensors(path: Path, called: str) -> None:
    try:
        with safetensors.safe_open(path, framework="numpy"):  # its header says where each array lies in the file
            pass
    except safetensors.SafetensorError as error:
        raise EdgeError(f"{called}: {path.name} holds no arrays ({error}). Take another bundle.") from error


def _read(folder: Path, name: str, called: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except FileNotFoundError:
        raise _missing(name, called) from None
    except OSError as error:
        raise _unreadable(folder / name, called, error) from error


def _sha256_of(path: Path, called: str) -> str:
    try:
        return sha256_of(path)
    except OSError as error:
        raise _unreadable(path, called, error) from error


def _unreadable(path: Path, called: str, error: OSError) -> EdgeError:
    return EdgeError(f"{called}: {path} cannot be read: {error.strerror or error}. Mend that, or calibrate again.")


def _missing(name: str, called: str) -> EdgeError:
    return EdgeError(f"{called}: {name} is missing. Restore it, or calibrate again.")


def _changed(name: str, called: str) -> EdgeError:
    return EdgeError(
        f"{called}: {name} is not as calibration wrote it (its sha256 differs). Restore it, or calibrate again."
    )
