"""Which version of a category is in use: one small file, `current`, replaced whole; and who put it there, and why."""

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from edge.durable import sync_folder
from edge.errors import EdgeError
from edge.local_account import local_account
from edge.vision.bundle_folder import check_folder, write_file
from edge.vision.bundle_history import HISTORY_FILE, Promotion, before, read_history
from edge.vision.bundle_name import BundleName
from edge.vision.bundle_store import called, folder_of, locked, versions, writing
from edge.vision.manifest import CATEGORY, check_category

CURRENT_FILE = "current"


def current_file(bundles_dir: Path, category: str) -> Path:
    """The file that says what is in use; whoever promotes puts another one in its place."""
    return bundles_dir / check_category(category) / CURRENT_FILE


def categories(bundles_dir: Path) -> list[str]:
    """Names of the categories that have a bundle in use, sorted."""
    return sorted(file.parent.name for file in bundles_dir.glob(f"*/{CURRENT_FILE}"))


def at_hand(bundles_dir: Path) -> dict[str, str]:
    """By category, the name of the bundle in use; one whose `current` is damaged is not at hand."""
    found = {}
    for category in categories(bundles_dir):
        with suppress(EdgeError):
            found[category] = str(in_use(bundles_dir, category) or category)
    return found


def _all_categories(bundles_dir: Path) -> list[str]:
    """Names of the categories that have a bundle, in use or not, sorted."""
    named = sorted(path.name for path in bundles_dir.glob("[A-Za-z]*") if CATEGORY.fullmatch(path.name))
    return [name for name in named if versions(bundles_dir, name)]


def in_use(bundles_dir: Path, category: str) -> BundleName | None:
    """The bundle of a category that the line loads; None if there is none. Raises EdgeError for a damaged `current`."""
    path = current_file(bundles_dir, category)
    if not path.is_file():
        return None
    version = _version_in(path)
    if version is None:
        raise EdgeError(
            f"{path} holds {path.read_bytes()[:40]!r}, which is no version. "
            f"Promote one: calibrate promote {category}@N."
        )
    return BundleName(category, version)


def _version_in(path: Path) -> int | None:
    """The number in a file `current`; None if there is no file, or no number in it."""
    try:
        text = path.read_text(errors="replace").strip()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise EdgeError(f"{path} cannot be read: {error.strerror or error}. Mend that.") from error
    return int(text) if re.fullmatch(r"[1-9][0-9]{0,8}", text) else None


def resolve(bundles_dir: Path, name: BundleName) -> BundleName:
    """The bundle with its number: the named one, or the one in use. Raises EdgeError, with what is there, if not."""
    found = name if name.version is not None else in_use(bundles_dir, name.category)
    there = versions(bundles_dir, name.category)
    if found in there:
        return found
    if found is not None:
        others = [one for each in _all_categories(bundles_dir) for one in versions(bundles_dir, each)]
        raise EdgeError(f"there is no bundle {found} in {bundles_dir}. There is: {_listed(there or others)}.")
    if there:
        raise EdgeError(
            f"no bundle of {name} is in use. There is: {_listed(there)}. Use one: calibrate promote {there[-1]}."
        )
    named = ", ".join(_all_categories(bundles_dir)) or "none"
    raise EdgeError(
        f"no bundle for category {name} in {bundles_dir}. There is: {named}. "
        f"Make one from good parts: calibrate --category {name} --refs 4 --camera ..."
    )


def promote(bundles_dir: Path, category: str, version: int, *, reason: str | None = None) -> None:
    """Put a version into use, atomically, and keep that in the history; a line that runs takes it up.

    Raises EdgeError if it is not there or not as it was written, or `current` cannot be replaced; then nothing changed.
    """
    _put_into_use(bundles_dir, category, version, "promote", reason)


def rollback(bundles_dir: Path, category: str, *, reason: str | None = None) -> BundleName:
    """Put into use what was before; done again, what was before that. Returns it.

    Raises EdgeError if nothing was, or as promote.
    """
    now = resolve(bundles_dir, BundleName(category))
    version = before(read_history(bundles_dir / category), now.version)
    if version is None:
        there = _listed(versions(bundles_dir, category))
        raise EdgeError(
            f"nothing was in use before {now}, as far as its history tells. There is: {there}. Name the one to use: "
            f"calibrate promote {category}@N."
        )
    return _put_into_use(bundles_dir, category, version, "rollback", reason)


def _put_into_use(
    bundles_dir: Path, category: str, version: int, action: Literal["promote", "rollback"], reason: str | None
) -> BundleName:
    name = resolve(bundles_dir, BundleName(category, version))
    described = check_folder(folder_of(bundles_dir, name), called=called(bundles_dir, name))
    home = bundles_dir / category
    with writing(f"that {name} is in use", home), locked(bundles_dir):
        promotion = Promotion(
            time=datetime.now(UTC).isoformat(timespec="seconds"),
            action=action,
            version=version,
            sha256=described.sha256,
            replaced=_version_in(home / CURRENT_FILE),
            by=local_account(),
            reason=reason,
        )
        history = [*read_history(home), promotion]
        lines = "".join(f"{each.model_dump_json()}\n" for each in history)
        _replace(home, {HISTORY_FILE: lines.encode(), CURRENT_FILE: f"{version}\n".encode()})
    return name


def _replace(home: Path, contents: Mapping[str, bytes]) -> None:
    """Put new files in the places of old ones, in order, once all of them are on disk. Raises OSError."""
    new = {home / f".{name}": home / name for name in contents}
    try:
        for path, content in zip(new, contents.values(), strict=True):
            write_file(path, [content])
        for path, place in new.items():
            path.replace(place)
    finally:
        for path in new:
            path.unlink(missing_ok=True)
    sync_folder(home)


def _listed(names: list[BundleName]) -> str:
    return ", ".join(map(str, names)) or "none"
