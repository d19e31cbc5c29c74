"""`calibrate` without a subcommand: a few pictures of good parts in, a bundle that the line can load out."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from calibration.scene import help as scene_help
from calibration.teach_show import next_command, promote_command, show, summary
from edge.errors import EdgeError
from edge.settings import Precision, Settings

if TYPE_CHECKING:
    from edge.line.shot import Camera

GOOD_HELP = (
    "Good parts outside the references, to certify the threshold: a folder (each picture, or each folder in it, is one "
    "part), better from another day, or the next N of the source."
)
FRAMES_HELP = "Recorded frames of good parts, for example 12,15-18; a frame's page, /frames/12, has its number."
REFS_HELP = "How many good parts to learn from. Default: 4, with --frames all of them."
DROP_HELP = "Refuse a reference that looks unlike the others and take the next; without, it is only named."
BUDGET_HELP = "Most memory of the bank, for example 64MB; fewer patch tokens are kept, and what that costs is said."
RECIPE_HELP = (
    "neighbourhood, few-shot, april-gan, random-words, adapters+few-shot, ..., or a sum such as text*1+few-shot*0.5."
)


def calibrate(
    context: typer.Context,
    category: Annotated[str | None, typer.Option(help="Name of the kind of part, for example pcb.")] = None,
    camera: Annotated[str | None, typer.Option(help="Device number, stream, video, folder or demo:pcb.")] = None,
    images: Annotated[Path | None, typer.Option(help="Folder with pictures of good parts; the first by name.")] = None,
    frames: Annotated[str | None, typer.Option(help=FRAMES_HELP, metavar="IDS")] = None,
    refs: Annotated[int | None, typer.Option(min=1, help=REFS_HELP)] = None,
    drop_suspects: Annotated[bool, typer.Option("--drop-suspects", help=DROP_HELP)] = False,
    bank_budget: Annotated[str | None, typer.Option(help=BUDGET_HELP, metavar="SIZE")] = None,
    data: Annotated[Path | None, typer.Option(help="The station's data folder.")] = None,
    encoder: Annotated[str | None, typer.Option(help="Name of the encoder.")] = None,
    input_size: Annotated[int | None, typer.Option(help="Encoder input, pixels a side.")] = None,
    precision: Annotated[Precision | None, typer.Option(help="Of an open_clip model's network.")] = None,
    recipe: Annotated[str | None, typer.Option(help=RECIPE_HELP)] = None,
    object_name: Annotated[str | None, typer.Option("--object", help="The part's name for the prompts.")] = None,
    adapters: Annotated[Path | None, typer.Option(help="File of trained adapters (`calibrate adapters`).")] = None,
    random_words: Annotated[Path | None, typer.Option(help="Trained network (`calibrate random-words`).")] = None,
    prompts: Annotated[Path | None, typer.Option(help="TOML file of your own prompt ensemble.")] = None,
    closer_look: Annotated[bool, typer.Option(help="Encode a small part by itself as well (neighbourhood).")] = True,
    good: Annotated[str | None, typer.Option(help=GOOD_HELP, metavar="PATH|N")] = None,
    bad: Annotated[Path | None, typer.Option(help="Folder of defective parts, for the miss rate.")] = None,
    target_false_reject: Annotated[float, typer.Option(help="Share of good parts that may be anything but ok.")] = 0.01,
    target_false_defect: Annotated[
        float | None, typer.Option(help="Share of good parts that may be a defect; between the two: unsure.")
    ] = None,
    threshold: Annotated[float | None, typer.Option(help="Your own, instead: ok up to this score.")] = None,
    defect_threshold: Annotated[float | None, typer.Option(help="Your own: a defect above it.")] = None,
    area: Annotated[Path | None, typer.Option(help=scene_help.AREA)] = None,
    ignore: Annotated[Path | None, typer.Option(help=scene_help.IGNORE)] = None,
    align: Annotated[bool, typer.Option("--align", help=scene_help.ALIGN)] = False,
    align_tolerance: Annotated[tuple[float, float, float] | None, typer.Option(help=scene_help.TOLERANCE)] = None,
    empty: Annotated[str | None, typer.Option(help=scene_help.EMPTY, metavar="PATH|N")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu or cuda.")] = None,
    promote: Annotated[bool, typer.Option(help="Have the line use the new bundle at once.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object; all else goes to stderr.")] = False,
) -> None:
    """Root of all commands; without one it learns a kind of part. Its help is the program's."""
    if context.invoked_subcommand is not None:
        return
    console = Console(stderr=as_json, soft_wrap=True, highlight=False)
    settings = Settings.read(
        data=data, encoder=encoder, input_size=input_size, precision=precision, device=device, adapters=adapters,
        random_words=random_words,
    )  # fmt: skip
    source = source_of(camera, images, frames, settings)
    name = category_of(category, source.category)
    known_good = good_of(good)

    from calibration.bank.budget import parse_budget
    from calibration.promise.threshold import Wish
    from calibration.scene.options import read_scene_options
    from edge.vision.recipe import parse_recipe

    budget_bytes = None if bank_budget is None else parse_budget(bank_budget)
    combined = None if recipe is None else parse_recipe(recipe)
    wish = Wish(target_false_reject, target_false_defect, threshold, defect_threshold)
    scene = read_scene_options(
        area=area, ignore=ignore, align=align, tolerance=align_tolerance, empty=empty,
        can_clear=source.live and sys.stdin.isatty(),
    )  # fmt: skip

    from calibration.teach import Wanted, teach  # with torch, which takes seconds

    wanted = Wanted(
        name, refs or source.refs, combined, object_name or name, prompts, closer_look=closer_look, good=known_good,
        bad=bad, wish=wish, promote=promote, scene=scene, budget_bytes=budget_bytes, drop_suspects=drop_suspects,
    )  # fmt: skip
    taught = teach(settings, source.open, wanted, console)
    in_use = promote and taught.refusal is None
    command = next_command(settings, source.camera, name) if in_use else promote_command(settings, taught.built)
    if as_json:
        typer.echo(json.dumps(summary(taught, command), indent=1))
    else:
        show(console, taught, command)
    if taught.refusal is not None:
        raise taught.refusal


@dataclass(frozen=True, slots=True)
class Source:
    """Where references come from.

    open:     opens it as a camera;  category: what the camera's SPEC named
    camera:   what `edge run --camera` would be given, None if it is no camera
    refs:     how many to take unless told;  live: whether somebody can clear its view
    """

    open: Callable[[], "Camera"]
    category: str | None = None
    camera: str | None = None
    refs: int = 4
    live: bool = False


def source_of(camera: str | None, images: Path | None, frames: str | None, settings: Settings) -> Source:
    """What to read from. Raises EdgeError unless exactly one of the three is given, and for what is not there."""
    if sum(given is not None for given in (camera, images, frames)) != 1:
        raise EdgeError(
            "calibrate: give exactly one of --camera, --images and --frames, for example --camera demo:pcb."
        )
    if frames is not None:
        from calibration.references.recorded import RecordedFrames, recorded_frames
        from edge.frame_ids import parse_frame_ids

        recorded = recorded_frames(settings.database, settings.media, parse_frame_ids([frames], called="--frames"))
        return Source(partial(RecordedFrames, settings.media, recorded), refs=len(recorded))

    from edge.line.camera import check_folder, check_source, open_camera
    from edge.line.camera_spec import CameraSpec, Kind, name_of, parse_camera

    if images is not None:
        if not (folder := images.expanduser().resolve()).exists():
            raise EdgeError(f"--images {folder}: no such folder. Give one with pictures of good parts.")
        if folder.is_dir():
            check_folder(folder, called="--images")
        spec = CameraSpec(str(folder), None, name_of(str(folder)))
    else:
        spec = parse_camera(camera or "")
        check_source(spec)
    opened = partial(open_camera, spec, fps=None, once=False)
    live = spec.kind in (Kind.DEVICE, Kind.STREAM)
    return Source(opened, spec.category, None if images is not None else spec.redacted, live=live)


def category_of(category: str | None, of_camera: str | None) -> str:
    """The category given, or the one in the camera's SPEC=CATEGORY. Raises EdgeError if none, two, or impossible."""
    from edge.vision.manifest import check_category

    if category and of_camera and category != of_camera:
        raise EdgeError(f"calibrate: --category {category}, but the camera's is {of_camera}. Leave one of them out.")
    if not (name := category or of_camera):
        raise EdgeError("calibrate: which kind of part? Name it, for example --category pcb.")
    return check_category(name)


def good_of(text: str | None) -> Path | int | None:
    """What `--good` names: so many parts, or a folder. Raises EdgeError for no part at all."""
    if text is None or not text.isdecimal():
        return None if text is None else Path(text).expanduser()
    if int(text) == 0:
        raise EdgeError("--good 0: no good part certifies nothing. Give a number from 1 on, a folder, or leave it out.")
    return int(text)
