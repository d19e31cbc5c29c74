"""`calibrate list | show | report | promote | rollback | export | import`: a station's bundles, and which is in use."""

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from edge.errors import EdgeError
from edge.settings import Settings

if TYPE_CHECKING:
    from edge.vision.bundle_name import BundleName

Data = Annotated[Path | None, typer.Option("--data", help="The station's data folder. Default: edge-data.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON value on stdout.")]
Reason = Annotated[str | None, typer.Option(help="Why; kept in the history of promotions.")]
Exact = Annotated[str, typer.Argument(metavar="NAME@N", help="A bundle, for example pcb@7.")]
AnyName = Annotated[str, typer.Argument(metavar="NAME[@N]", help="A bundle, for example pcb@7; pcb is the one in use.")]


def list_bundles(
    category: Annotated[str | None, typer.Argument(help="Only this kind of part. Default: all.")] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """List bundles: number, which one is in use, when and how each was made, and its content hash.

    The page shows the first ten digits of the same hash beside every frame. Only bundle.json is checked here; `show`
    and `promote` check every byte.
    """
    from calibration.bundles.show import rows_of, show_table

    settings = Settings.read(data=data)
    rows = rows_of(settings.bundles, category)
    if as_json:
        _print_json(rows)
    else:
        show_table(_console(), rows, settings.bundles)


def show(name: AnyName, data: Data = None, as_json: AsJson = False) -> None:
    """Show a bundle: what it was made with and from, its threshold, since when it is in use.

    Every byte is checked first. Exit code 2, with the reason, for a bundle that is not as calibration wrote it.
    """
    from calibration.bundles.show import facts_of, show_facts
    from edge.vision.bundle_name import parse_bundle_name

    facts = facts_of(Settings.read(data=data).bundles, parse_bundle_name(name))
    if as_json:
        _print_json(facts)
    else:
        show_facts(_console(), facts)


def report(name: AnyName, data: Data = None) -> None:
    """Write a bundle's report again: the page that an engineer signs, from what the bundle keeps."""
    from calibration.promise.certificate import write_certificate
    from edge.vision.bundle_name import parse_bundle_name
    from edge.vision.bundle_promotion import resolve
    from edge.vision.bundle_store import folder_of

    settings = Settings.read(data=data)
    exact = resolve(settings.bundles, parse_bundle_name(name))
    _console().print(str(write_certificate(settings.reports, folder_of(settings.bundles, exact))), markup=False)


def promote(
    name: Exact,
    reason: Reason = None,
    force: Annotated[
        str | None, typer.Option(metavar="REASON", help="Promote although a confirmed defect passes; why is kept.")
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Put a bundle into use. A line that runs takes it up within a second or two, between two batches.

    Every byte is checked first. A line keeps the bundle it has if this one was made with another encoder, and says so
    in its log. `calibrate rollback` goes back.

    Refused while a frame that a person has confirmed as a defect (`edge review`) would be ok under it: all of the
    category that kept a picture are scored first; and if half or more of the defects that calibration was shown (--bad)
    would be. `--force REASON` promotes all the same and keeps the reason.
    """
    from calibration.learning.promotion_guard import put_into_use

    settings = Settings.read(data=data)
    put_into_use(settings, exact_name(name), reason=reason, force=force, say=_on_stderr)
    _say_in_use(name, as_json=as_json)


def rollback(
    category: Annotated[str, typer.Argument(metavar="NAME", help="A kind of part, for example pcb.")],
    reason: Reason = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Put back into use what was before; done again, what was before that."""
    from edge.vision.bundle_promotion import rollback

    _say_in_use(str(rollback(Settings.read(data=data).bundles, category, reason=reason)), as_json=as_json)


def export(
    name: AnyName,
    file: Annotated[Path, typer.Argument(metavar="FILE.zip", help="File to write; it must not be there.")],
    data: Data = None,
) -> None:
    """Write a bundle as one file, for `calibrate import` on another machine. The same bundle gives the same bytes."""
    from calibration.bundles.exchange import export_bundle
    from edge.vision.bundle_name import parse_bundle_name

    exact = export_bundle(Settings.read(data=data).bundles, parse_bundle_name(name), file)
    _console().print(f"{exact} is in {file}. On the other machine: calibrate import {file.name}", markup=False)


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE.zip", help="What `calibrate export` wrote.")],
    use: Annotated[bool, typer.Option("--promote", help="Put it into use as well.")] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Take in a bundle from another machine, as the next number of its category here; its content hash stays.

    What is here already is not taken in twice. A file that was changed, is not whole, holds anything but one bundle, or
    is newer than this release, is refused, and nothing of it stays.
    """
    from calibration.bundles.exchange import import_bundle
    from calibration.learning.promotion_guard import put_into_use

    settings = Settings.read(data=data)
    imported, new = import_bundle(settings.bundles, file)
    name = str(imported)
    if use:
        put_into_use(settings, imported, reason=f"imported from {file.name}", say=_on_stderr)
    if as_json:
        _print_json({"bundle": name, "new": new, "promoted": use})
        return
    promote_by = f"calibrate promote {name}" + ("" if data is None else f" --data {shlex.quote(str(data))}")
    said = f"{file} is here now, as {name}" if new else f"{file} is here already, as {name}"
    then = "in use from now on." if use else f"not promoted. To use it: {promote_by}"
    _console().print(f"{said}; {then}", markup=False)


def exact_name(text: str) -> "BundleName":
    """A name with its number. Raises EdgeError for one without."""
    from edge.vision.bundle_name import parse_bundle_name

    name = parse_bundle_name(text)
    if name.version is None:
        raise EdgeError(f"which {text}? Name its number, for example {text}@1; `calibrate list {text}` shows them.")
    return name


def _say_in_use(name: str, *, as_json: bool) -> None:
    if as_json:
        _print_json({"bundle": name})
    else:
        _console().print(f"{name} is in use. A line that runs takes it up by itself.", markup=False)


def _console() -> Console:
    return Console(soft_wrap=True, highlight=False)


def _on_stderr(text: str) -> None:
    Console(stderr=True, soft_wrap=True, highlight=False).print(text, markup=False)


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=1))
