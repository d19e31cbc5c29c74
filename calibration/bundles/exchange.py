"""A bundle as one zip file, to take it to another machine; nothing in such a file is believed before it is checked."""

import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from edge.durable import sync_folder
from edge.errors import EdgeError
from edge.vision.bundle_folder import (
    DESCRIPTION_FILE,
    HASH_FILE,
    Described,
    check_folder,
    parse_description,
    write_file,
)
from edge.vision.bundle_name import BundleName
from edge.vision.bundle_promotion import resolve
from edge.vision.bundle_store import add_version, called, folder_of, versions, writing
from edge.vision.manifest import CATEGORY

MAX_FILES = 100_000
MAX_DESCRIPTION_BYTES = 64 << 20
MOST_SAID = 80
MAX_EXPANSION = 100  # times the zip file's own size; what export writes is not compressed at all
CHUNK_BYTES = 1 << 20
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip file can say: the same bundle gives the same file
PLAIN = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
ENCRYPTED = 1  # bit of a zip entry's flags
DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, struct.error, NotImplementedError, ValueError)
"""What zipfile raises for a file that is no zip, or a cut or changed one."""


def export_bundle(bundles_dir: Path, name: BundleName, file: Path) -> BundleName:
    """Write a bundle, the one in use without a number, as a zip file, and return its name.

    Raises EdgeError if the bundle is not as it was written, the file is there already, or it cannot be written.
    """
    if file.exists():
        raise EdgeError(f"{file} is there already. Choose another name, or remove it first.")
    if not file.parent.is_dir():
        raise EdgeError(f"{file}: there is no folder {file.parent}. Make it, or choose another.")
    exact = resolve(bundles_dir, name)
    folder = folder_of(bundles_dir, exact)
    described = check_folder(folder, called=called(bundles_dir, exact))
    with writing(f"bundle {exact}", file.parent), tempfile.TemporaryDirectory(prefix=".new-", dir=file.parent) as draft:
        new = Path(draft) / "bundle.zip"
        with zipfile.ZipFile(new, "w") as archive:
            for inside in sorted({*described.manifest.files, DESCRIPTION_FILE, HASH_FILE}):
                _pack(archive, folder, inside)
        new.rename(file)
        sync_folder(file.parent)
    return exact


def import_bundle(bundles_dir: Path, file: Path) -> tuple[BundleName, bool]:
    """Make the bundle in a zip file the next version of its category here, not promoted.

    Its name here, and whether it is new: a bundle of the same content that is here already is not written again.
    Raises EdgeError, with nothing left behind, for a file that is no bundle, whole and unchanged, that this release
    can read, or that holds anything else: another file, a link, a path that leads out, or more than it could.
    """
    with _opened(file) as archive:
        described = _described(archive, file)
        if (there := _same(bundles_dir, described)) is not None:
            _check_whole(archive, file)
            return there, False

        def unpack(folder: Path) -> None:
            _unpack(archive, folder)
            check_folder(folder, called=str(file))

        return add_version(bundles_dir, described.manifest.category, unpack), True


def _same(bundles_dir: Path, described: Described) -> BundleName | None:
    """The version that has this content; a damaged copy is none."""
    for name in versions(bundles_dir, described.manifest.category):
        try:
            if check_folder(folder_of(bundles_dir, name), called=str(name)).sha256 == described.sha256:
                return name
        except EdgeError:
            continue
    return None


def _pack(archive: zipfile.ZipFile, folder: Path, inside: str) -> None:
    """Put one of the bundle's files into the archive."""
    entry = zipfile.ZipInfo(inside, EPOCH)
    entry.external_attr = (stat.S_IFREG | 0o644) << 16
    entry.file_size = (folder / inside).stat().st_size
    with (folder / inside).open("rb") as source, archive.open(entry, "w") as target:
        target.writelines(_pieces(source))


def _pieces(source: IO[bytes]) -> Iterator[bytes]:
    while piece := source.read(CHUNK_BYTES):
        yield piece


@contextmanager
def _opened(file: Path) -> Iterator[zipfile.ZipFile]:
    """The archive, whose entries are all plain files in its own folder; what is wrong with it is an EdgeError."""
    try:
        with zipfile.ZipFile(file) as archive:
            _check_entries(archive, file)
            yield archive
    except IsADirectoryError:
        raise EdgeError(f"{file} is a folder. Give the file that `calibrate export NAME@n FILE.zip` wrote.") from None
    except FileNotFoundError:
        raise EdgeError(f"{file}: no such file. `calibrate export NAME@n FILE.zip` writes one.") from None
    except OSError as error:
        raise EdgeError(f"{file} cannot be read: {error.strerror or error}. Mend that.") from error
    except DAMAGE as error:
        raise EdgeError(
            f"{file} is no zip file, or a damaged one ({str(error)[:MOST_SAID]!r}). Export the bundle again."
        ) from error


def _check_entries(archive: zipfile.ZipFile, file: Path) -> None:
    entries = archive.infolist()
    names = {entry.filename for entry in entries}
    if len(entries) > MAX_FILES or len(names) < len(entries):
        raise _refused(file, f"it has {len(entries)} entries, {len(names)} of them by different names")
    for entry in entries:
        name = entry.orig_filename  # before zipfile mends it
        path = PurePosixPath(name)
        inside_a_file = names & {str(parent) for parent in path.parents}
        if path.is_absolute() or str(path) != name or ".." in path.parts or not name.isprintable() or inside_a_file:
            raise _refused(file, f"{name!r} is no path inside a bundle")
        if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
            raise _refused(file, f"{name} is a link or another special file")
        if entry.compress_type not in PLAIN or entry.flag_bits & ENCRYPTED:
            raise _refused(file, f"{name} is encrypted, or packed in an uncommon way")
    size, packed = sum(entry.file_size for entry in entries), file.stat().st_size
    if size > MAX_EXPANSION * packed:
        raise _refused(file, f"it says that {packed} bytes unpack to {size}")


def _described(archive: zipfile.ZipFile, file: Path) -> Described:
    """What the bundle says about itself, before anything is unpacked."""
    files = {entry.filename: entry.file_size for entry in archive.infolist()}
    for name in (DESCRIPTION_FILE, HASH_FILE):
        if name not in files:
            raise _refused(file, f"{name} is missing")
        if files[name] > MAX_DESCRIPTION_BYTES:
            raise _refused(file, f"{name} has {files[name]} bytes")
    described = parse_description(archive.read(DESCRIPTION_FILE), archive.read(HASH_FILE), called=str(file))
    if not CATEGORY.fullmatch(described.manifest.category):
        raise _refused(file, f"its category is {described.manifest.category!r}")
    return described


def _check_whole(archive: zipfile.ZipFile, file: Path) -> None:
    """Read every entry to its end. Raises EdgeError for one that is damaged."""
    if (damaged := archive.testzip()) is not None:
        raise _refused(file, f"{damaged!r} is damaged")


def _unpack(archive: zipfile.ZipFile, folder: Path) -> None:
    """Write the entries below the folder; zipfile gives no more bytes than an entry says, and checks its CRC."""
    for entry in archive.infolist():
        with archive.open(entry) as source:
            write_file(folder / entry.filename, _pieces(source))
    for each in {(folder / name).parent for name in archive.namelist()}:
        sync_folder(each)


def _refused(file: Path, reason: str) -> EdgeError:
    return EdgeError(f"{file} is no bundle to import: {reason}. Export it again: calibrate export NAME@N FILE.zip")
