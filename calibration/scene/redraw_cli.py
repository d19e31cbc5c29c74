"""`calibrate redraw`: the next bundle, alike but for what counts of the picture."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from edge.errors import EdgeError
from edge.settings import Settings

if TYPE_CHECKING:
    from calibration.build import Built
    from calibration.scene.drawn_region import DrawnRegion

ON_THE_PAGE = Path("the area drawn on the page")


def redraw(
    category: Annotated[str, typer.Option(help="Kind of part whose bundle is to have another area.")],
    area: Annotated[Path | None, typer.Option(help="What counts: a mask image, or polygons in a .json file.")] = None,
    ignore: Annotated[Path | None, typer.Option(help="What does not count, likewise.")] = None,
    refs_from: Annotated[str | None, typer.Option(help="Bundle to change, as pcb@3. Default: the one in use.")] = None,
    good: Annotated[Path | None, typer.Option(help="Folder of other good parts, to certify the threshold.")] = None,
    bad: Annotated[Path | None, typer.Option(help="Folder of defective parts, for the miss rate.")] = None,
    data: Annotated[Path | None, typer.Option(help="The station's data folder.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu or cuda.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object; all else goes to stderr.")] = False,
) -> None:
    """Make the next bundle from the references of the one in use, with another region of interest or ignore area.

    Without --area and --ignore it takes what was drawn last for the category on the page (Regions). A running line
    does so by itself when somebody saves a drawing there.

    The thresholds are set anew, since scores are others with another area: from the references alone, unless --good
    shows other good parts. The new bundle is not put into use: look at what it changes (`calibrate replay`), then
    `calibrate promote`.
    """
    from calibration.known_parts import parts_in
    from calibration.learning.made_with import encoder_of
    from calibration.promise.certificate import write_certificate
    from calibration.scene.redraw import redraw as build_with
    from calibration.session import session_now
    from edge.vision.bundle import load_bundle
    from edge.vision.bundle_name import parse_bundle_name

    settings = Settings.read(data=data, device=device)
    console = Console(stderr=as_json, soft_wrap=True, highlight=False)
    name = parse_bundle_name(refs_from or category)
    if name.category != category:
        raise EdgeError(f"--refs-from {name} is another kind of part than --category {category}.")
    old = load_bundle(settings.bundles, name.category, name.version)
    make = partial(
        build_with,
        encoder_of(old, settings),
        old,
        settings,
        good=[] if good is None else parts_in(good, option="--good"),
        bad=[] if bad is None else parts_in(bad, option="--bad"),
        session=session_now(settings, good=good, bad=bad),
    )
    if area is None and ignore is None:
        built = as_drawn_on_the_page(settings, category, make)
    else:
        built = make(area=region_in(area), ignore=region_in(ignore))
    report = write_certificate(settings.reports, built.folder)
    if as_json:
        typer.echo(json.dumps(summary(built, old=str(old.name)), indent=1))
    else:
        show(console, settings, built, report)


def region_in(file: Path | None) -> "DrawnRegion | None":
    """What a file says; None without one."""
    from calibration.scene.drawn_region import read_region

    return None if file is None else read_region(file.expanduser())


def as_drawn_on_the_page(settings: Settings, category: str, make: "Callable[..., Built]") -> "Built":
    """Make what was drawn last, and tell the page what became of it."""
    from calibration.scene.drawn_region import region_of
    from edge.ledger.drawn_areas import answer_area, area_to_build
    from edge.ledger.schema import open_existing

    engine = open_existing(settings.database, writes=True)
    try:
        drawn = area_to_build(engine, category)
        try:
            built = make(area=region_of(drawn.area, ON_THE_PAGE), ignore=region_of(drawn.ignore, ON_THE_PAGE))
        except EdgeError as error:
            answer_area(engine, drawn, done=False, answer=str(error))
            raise
        answer_area(engine, drawn, done=True, answer=f"{built.name} was made and is not in use yet")
    finally:
        engine.dispose()
    return built


def show(console: Console, settings: Settings, built: "Built", report: Path) -> None:
    """The new bundle, for a person."""
    from calibration.promise.words import sentences
    from calibration.teach_show import say_next

    console.print(f"{built.name}: {share(built):.0%} of the picture counts", markup=False)
    for sentence in sentences(built.manifest):
        console.print(sentence, markup=False)
    console.print(f"Bundle    {built.folder}", markup=False)
    console.print(f"Report    {report}", markup=False)
    say_next(console, settings, built)


def summary(built: "Built", *, old: str) -> dict[str, Any]:
    """The new bundle, for a program."""
    return {
        "bundle": str(built.name),
        "folder": str(built.folder),
        "from": old,
        "share": share(built),
        "threshold": built.manifest.threshold,
        "grade": built.threshold.grade,
        "promoted": False,
    }


def share(built: "Built") -> float:
    """Of the picture, what counts, 0..1."""
    return 1.0 if built.manifest.area is None else built.manifest.area.share
