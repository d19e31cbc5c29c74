"""What bundles say about themselves: a row of each for the list, and all of one; for a person and for a program."""

from pathlib import Path
from typing import Any

from rich.console import Console

from calibration.promise.words import grade_words
from edge.errors import EdgeError
from edge.vision.bundle_folder import check_folder, read_description
from edge.vision.bundle_history import read_history
from edge.vision.bundle_name import BundleName
from edge.vision.bundle_promotion import in_use, resolve
from edge.vision.bundle_store import called, folder_of, versions
from edge.vision.manifest import check_category

HEADINGS = ("BUNDLE", "IN USE", "MADE (UTC)", "REFS", "GRADE", "THRESHOLD", "ENCODER", "RECIPE", "CONTENT")
HASH_DIGITS = 10  # as on the page
WIDTH = 26
MOST_NAMED = 8


def rows_of(bundles_dir: Path, category: str | None) -> list[dict[str, Any]]:
    """A row of each bundle, by category and number; one that cannot be read has the key `damaged` with the reason."""
    all_there = sorted(path.name for path in bundles_dir.glob("[A-Za-z]*") if path.is_dir())
    chosen = all_there if category is None else [check_category(category)]
    return [_row(bundles_dir, name) for each in chosen for name in versions(bundles_dir, each)]


def _row(bundles_dir: Path, name: BundleName) -> dict[str, Any]:
    row: dict[str, Any] = {"bundle": str(name), "in_use": name == in_use(bundles_dir, name.category)}
    try:
        described = read_description(folder_of(bundles_dir, name), called=called(bundles_dir, name))
    except EdgeError as error:
        return {**row, "damaged": str(error)}
    made = described.manifest
    return {
        **row,
        "created": made.calibration.created,
        "references": len(made.references),
        "grade": made.calibration.grade,
        "target": None if made.calibration.promise is None else made.calibration.promise.target,
        "threshold": made.threshold,
        "encoder": made.encoder,
        "input_size": made.input_size,
        "recipe": made.recipe,
        "sha256": described.sha256,
    }


def show_table(console: Console, rows: list[dict[str, Any]], bundles_dir: Path) -> None:
    """The list, for a person."""
    if not rows:
        console.print(f"No bundles in {bundles_dir}. Make one: calibrate --category NAME --refs 4 --camera ...")
        return
    lines = [HEADINGS, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    for line in lines:
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        console.print("  ".join(padded).rstrip(), markup=False)
    for row in rows:
        if "damaged" in row:
            console.print(row["damaged"], markup=False, style="red")


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    used = "yes" if row["in_use"] else ""
    if "damaged" in row:
        return row["bundle"], used, "damaged", "", "", "", "", "", ""
    threshold = "none" if row["threshold"] is None else f"{row['threshold']:.3f}"
    grade = grade_words(row["grade"], target=row["target"])
    made, encoder = row["created"][:16].replace("T", " "), f"{row['encoder']} {row['input_size']}"
    return (
        row["bundle"], used, made, str(row["references"]), grade, threshold, encoder, row["recipe"],
        row["sha256"][:HASH_DIGITS],
    )  # fmt: skip


def facts_of(bundles_dir: Path, name: BundleName) -> dict[str, Any]:
    """All that there is to know of a bundle. Raises EdgeError if it is not as it was written."""
    exact = resolve(bundles_dir, name)
    folder = folder_of(bundles_dir, exact)
    described = check_folder(folder, called=called(bundles_dir, exact))
    return {
        "bundle": str(exact),
        "in_use": exact == in_use(bundles_dir, exact.category),
        "folder": str(folder),
        "bytes": sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
        "sha256": described.sha256,
        **described.manifest.model_dump(mode="json"),
        "promotions": [
            each.model_dump() for each in read_history(folder.parent) if exact.version in (each.version, each.replaced)
        ],
    }


def show_facts(console: Console, facts: dict[str, Any]) -> None:
    """All of one bundle, for a person: every fact that there is one of, and what it was in use for."""
    said = facts["calibration"]
    grade = grade_words(said["grade"], target=None if said["promise"] is None else said["promise"]["target"])
    for name, value in (facts | {"calibration": said | {"grade": grade}}).items():
        if name not in ("files", "promotions"):
            _show_fact(console, name, value)
    for each in facts["promotions"]:
        reason = "" if each["reason"] is None else f": {each['reason']}"
        was = "" if each["replaced"] is None else f", instead of {facts['category']}@{each['replaced']}"
        what = f"{each['time']} {each['action']} {facts['category']}@{each['version']}{was}, by {each['by']}{reason}"
        console.print(f"{'history':{WIDTH}} {what}", markup=False)


def _show_fact(console: Console, name: str, value: Any) -> None:
    """A line of it; a group of facts as a line each, and nothing of what is not there."""
    if isinstance(value, dict):
        for inner, content in value.items():
            _show_fact(console, f"{name} {inner}" if name != "calibration" else inner, content)
    elif value not in (None, [], {}):
        console.print(f"{name.replace('_', ' '):{WIDTH}} {_said(value)}", markup=False)


def _said(value: Any) -> str:
    if isinstance(value, list):
        more = f", ... ({len(value)} in all)" if len(value) > MOST_NAMED else ""
        return ", ".join(map(_said, value[:MOST_NAMED])) + more
    if isinstance(value, dict):
        told = {
            name: content
            for name, content in value.items()
            if content is not False and content is not None and content != []
        }
        return " ".join(name if content is True else _said(content) for name, content in told.items())
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
