"""The versions of every category: numbered once, never changed, each there whole or not at all.

<bundles>/<category>/<n>/             version n, see edge.vision.bundle
<bundles>/<category>/current          number of the version in use     } edge.vision.bundle_promotion
<bundles>/<category>/promotions.jsonl what was in use, see edge.vision.bundle_history
<bundles>/.new-*/                     a version that is being written, locked while its writer lives
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from edge.durable import make_folder, sync_folder
from edge.errors import EdgeError
from edge.vision.bundle_history import read_history
from edge.vision.bundle_name import BundleName
from edge.vision.manifest import check_category

DRAFT = ".new-"


def versions(bundles_dir: Path, category: str) -> list[BundleName]:
    """The bundles of a category, by number. Raises EdgeError for an impossible category name."""
    folder = bundles_dir / check_category(category)
    numbers = (int(path.name) for path in folder.glob("*") if path.name.isdecimal() and path.is_dir())
    return [BundleName(category, number) for number in sorted(numbers)]


def folder_of(bundles_dir: Path, name: BundleName) -> Path:
    """Where a version lies, or would lie."""
    return bundles_dir / name.category / str(name.version)


def called(bundles_dir: Path, name: BundleName) -> str:
    """How messages name a version: with its folder."""
    return f"bundle {name} ({folder_of(bundles_dir, name)})"


def add_version(bundles_dir: Path, category: str, write: Callable[[Path], None]) -> BundleName:
    """Let `write` fill a folder and make it the category's next version; nothing is promoted.

    write: gets a folder to make, whose parent is there
    Its folder appears under its final name whole, or not at all; a number is never given twice, also not to two
    that write at once. Raises EdgeError for an impossible category name, or if it cannot be written.
    """
    home = bundles_dir / check_category(category)
    with writing(f"the next bundle of {category}", bundles_dir):
        make_folder(bundles_dir)
        with _draft(bundles_dir) as draft:
            write(draft)
            with locked(bundles_dir):
                make_folder(home)
                name = BundleName(category, 1 + _highest(bundles_dir, category))
                draft.rename(folder_of(bundles_dir, name))
                sync_folder(home)
    return name


@contextmanager
def writing(what: str, place: Path) -> Iterator[None]:
    """Say as an EdgeError what could not be written, where and why."""
    try:
        yield
    except OSError as error:
        raise EdgeError(
            f"{what} cannot be written in {place}: {error.strerror or error}. Make room there or mend its rights, or "
            "choose another place (--data). What is in use was not touched."
        ) from error


@contextmanager
def locked(bundles_dir: Path) -> Iterator[None]:
    """Be the only one that numbers or promotes here; held for moments only. Raises OSError."""
    with _flock(bundles_dir):
        yield


@contextmanager
def _draft(bundles_dir: Path) -> Iterator[Path]:
    """A folder to be made inside a temporary one, which is gone afterwards; what killed writers left goes first."""
    with ExitStack() as stack:
        with locked(bundles_dir):
            _sweep(bundles_dir)
            temporary = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=DRAFT, dir=bundles_dir)))
            stack.enter_context(_flock(temporary))
        yield temporary / "bundle"


def _sweep(bundles_dir: Path) -> None:
    """Remove temporary folders that nobody holds: their writer was killed. What cannot be removed stays, unseen."""
    for temporary in bundles_dir.glob(f"{DRAFT}*"):
        with suppress(OSError), _flock(temporary, wait=False):
            shutil.rmtree(temporary)


@contextmanager
def _flock(folder: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold a folder. Raises BlockingIOError, an OSError, if another process has it and we do not wait."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(fd)


def _highest(bundles_dir: Path, category: str) -> int:
    """The highest number that was ever seen, so that the name of a deleted bundle is not given to another."""
    there = [name.version or 0 for name in versions(bundles_dir, category)]
    promoted = [promotion.version for promotion in read_history(bundles_dir / category)]
    return max(there + promoted, default=0)
