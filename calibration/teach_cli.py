"""`calibrate` without a subcommand: a few pictures of good parts in, a bundle that the line can load out."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from calibration.teach_show import line_of, next_command, show, summary
from edge.errors import EdgeError
from edge.settings import Precision, Settings

if TYPE_CHECKING:
    from calibration.build import Built
    from calibration.references import Decision, References
    from edge.line.camera_spec import CameraSpec

RECIPE_HELP = (
    "neighbourhood, few-shot, april-gan, random-words, adapters+few-shot, ..., or a sum such as text*1+few-shot*0.5."
)


def calibrate(
    context: typer.Context,
    category: Annotated[str | None, typer.Option(help="Name of the kind of part, for example pcb.")] = None,
    camera: Annotated[str | None, typer.Option(help="Device number, stream, video, folder or demo:pcb.")] = None,
    images: Annotated[Path | None, typer.Option(help="Folder with pictures of good parts; the first by name.")] = None,
    refs: Annotated[int, typer.Option(min=1, max=99, help="How many good parts to learn from.")] = 4,
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
    device: Annotated[str | None, typer.Option(help="auto, cpu or cuda.")] = None,
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
    spec = source_of(camera, images)
    name = category_of(category, spec)
    wanted = Wanted(name, refs, recipe, object_name or name, prompts, closer_look=closer_look)
    decisions, built = run(settings, spec, wanted, console)
    command = next_command(settings, None if images else spec.redacted, name)
    if as_json:
        typer.echo(json.dumps(summary(built, decisions, command), indent=1))
    else:
        show(console, built, command)


def source_of(camera: str | None, images: Path | None) -> "CameraSpec":
    """What to read from. Raises EdgeError unless exactly one of the two is given."""
    from edge.line.camera_spec import CameraSpec, name_of, parse_camera

    if camera is not None and images is None:
        return parse_camera(camera)
    if images is not None and camera is None:
        address = str(images.expanduser().resolve())
        return CameraSpec(address, None, name_of(address))
    raise EdgeError("calibrate: give exactly one of --camera and --images, for example --camera demo:pcb.")


def category_of(category: str | None, spec: "CameraSpec") -> str:
    """The category given, or the one in the camera's SPEC=CATEGORY. Raises EdgeError if none, two, or impossible."""
    from edge.vision.manifest import check_category

    if category and spec.category and category != spec.category:
        raise EdgeError(
            f"calibrate: --category {category}, but the camera's is {spec.category}. Leave one of them out."
        )
    if not (name := category or spec.category):
        raise EdgeError("calibrate: which kind of part? Name it, for example --category pcb.")
    return check_category(name)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to build: a category, how many references, how the heads combine, what prompts call the part and say."""

    category: str
    refs: int
    recipe: str | None
    object_name: str
    prompts: Path | None
    closer_look: bool = True


def run(settings: Settings, spec: "CameraSpec", wanted: Wanted, console: Console) -> "tuple[list[Decision], Built]":
    """Collect references, showing each decision, and build the bundle; what cannot work is said before the first."""
    from edge.line.camera import check_source
    from edge.vision.recipe import parse_recipe

    check_source(spec)
    recipe = None if wanted.recipe is None else parse_recipe(wanted.recipe)

    from calibration.build import build  # with torch, which takes seconds
    from calibration.ingredients import default_recipe, gather_ingredients
    from calibration.references import References
    from edge.vision.encoder import configured_encoder

    encoder = configured_encoder(settings)
    ingredients = gather_ingredients(
        encoder,
        recipe or default_recipe(encoder),
        object_name=wanted.object_name,
        adapters=settings.adapters,
        random_words=settings.random_words,
        prompts=wanted.prompts,
    )
    references = References(wanted.refs)
    decisions, controls = gather(spec, references, console)
    built = build(
        encoder,
        references.taken,
        category=wanted.category,
        bundles_dir=settings.bundles,
        ingredients=ingredients,
        controls=controls,
        closer_look=wanted.closer_look,
    )
    return decisions, built


def gather(spec: "CameraSpec", references: "References", console: Console) -> "tuple[list[Decision], dict[str, float]]":
    """Fill the references from the camera; each decision, and what was locked at the camera."""
    from calibration.references import collect, settle
    from edge.line.camera import open_camera

    camera = open_camera(spec, fps=None, once=False)
    decisions = []
    try:
        controls = settle(camera)
        if camera.continuous:
            console.print("Show good parts one after another; each is taken when it has come to rest.")
        for decision in collect(camera, references):
            decisions.append(decision)
            console.print(line_of(decision))
    finally:
        camera.close()
    return decisions, controls
