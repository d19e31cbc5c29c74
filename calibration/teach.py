"""Teaching the line a part: references, heads, known parts, bundle, report, in the order in which they happen."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from rich.console import Console

from calibration.build import Built, build
from calibration.certificate import write_certificate
from calibration.empty_view import take_empties
from calibration.ingredients import default_recipe, gather_ingredients
from calibration.known_parts import Shown, next_parts, parts_in
from calibration.progress import bar
from calibration.promotion_guard import put_into_use
from calibration.references import Decision, References, Taken, collect, settle
from calibration.scene_options import SceneOptions
from calibration.teach_scene import teach_scene
from calibration.teach_show import line_of
from calibration.threshold import Wish
from edge.errors import EdgeError
from edge.line.camera import Camera, open_camera
from edge.line.camera_spec import CameraSpec
from edge.settings import Settings
from edge.vision.encoder import configured_encoder
from edge.vision.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to teach.

    recipe:      None for the encoder's own;  object_name: what prompts call the part
    good, bad:   folders of parts known to be good or defective; `good` may be a number of parts from the source
    promote:     whether the line is to use the bundle at once
    scene:       what of the pictures counts, whether parts are registered, what the empty view looks like
    """

    category: str
    refs: int
    recipe: Recipe | None
    object_name: str
    prompts: Path | None
    closer_look: bool
    good: Path | int | None = None
    bad: Path | None = None
    wish: Wish = field(default_factory=Wish)
    promote: bool = True
    scene: SceneOptions = field(default_factory=SceneOptions)


@dataclass(frozen=True, slots=True, eq=False)
class Taught:
    """What came out; certificate: the report's file."""

    decisions: list[Decision]
    built: Built
    certificate: Path


def teach(settings: Settings, spec: CameraSpec, wanted: Wanted, console: Console) -> Taught:
    """Collect references, showing each decision, build the bundle and write its report."""
    encoder = configured_encoder(settings)
    ingredients = gather_ingredients(
        encoder,
        wanted.recipe or default_recipe(encoder),
        object_name=wanted.object_name,
        adapters=settings.adapters,
        random_words=settings.random_words,
        prompts=wanted.prompts,
    )
    in_folder = parts_in(wanted.good, option="--good") if isinstance(wanted.good, Path) else []
    bad = parts_in(wanted.bad, option="--bad") if wanted.bad else []
    references = References(wanted.refs)
    with closing(open_camera(spec, fps=None, once=False)) as camera:
        controls = settle(camera)
        empties = wanted.scene.empties or empty_view(camera, wanted.scene.empty_frames, console)
        decisions = gather(camera, references, console)
        number = wanted.good if isinstance(wanted.good, int) else len(in_folder)
        good = shown_next(camera, number, console) if isinstance(wanted.good, int) else in_folder
        built = build(
            encoder,
            references.taken,
            category=wanted.category,
            bundles_dir=settings.bundles,
            ingredients=ingredients,
            controls=controls,
            closer_look=wanted.closer_look,
            good=counted(good, "scoring good parts", total=number),
            bad=counted(bad, "scoring defects", total=len(bad)),
            wish=wanted.wish,
            promoted=False,
            scene=teach_scene(references.taken, wanted.scene),
            empties=empties,
        )
    left_out = number - len(built.manifest.calibration.good)
    if left_out:
        console.print(f"{left_out} of the good parts are references, to the pixel, and certify nothing: left out.")
    taught = Taught(decisions, built, write_certificate(settings.reports, built.folder))
    if wanted.promote:
        put_into_use(settings, built.name, reason="calibrated", say=partial(console.print, markup=False))
    return taught


def empty_view(camera: Camera, frames: int, console: Console) -> list[Taken]:
    """So many frames of the empty view, once a person says that it is clear."""
    return take_empties(camera, frames, lambda: ask_to_clear(console)) if frames else []


def ask_to_clear(console: Console) -> None:
    """Wait until a person says that the view is empty. Raises EdgeError if nobody does."""
    try:
        console.input("Clear the camera's view, so that it shows no part, and press Enter. ")
    except EOFError:
        message = "--empty: nobody said that the view is clear. Press Enter, or give a folder of pictures."
        raise EdgeError(message) from None


def gather(camera: Camera, references: References, console: Console) -> list[Decision]:
    """Fill the references from the camera; each decision."""
    if camera.continuous:
        console.print("Show good parts one after another; each is taken when it has come to rest.")
    decisions = []
    for decision in collect(camera, references):
        decisions.append(decision)
        console.print(line_of(decision))
    return decisions


def shown_next(camera: Camera, count: int, console: Console) -> Iterator[Shown]:
    """The next `count` parts of the source, known to be good; a person is told to show them."""
    if camera.continuous:
        console.print(f"Now show {count} more good parts, other than the references.")
    return next_parts(camera, count)


def counted(parts: Iterable[Shown], what: str, *, total: int) -> Iterator[Shown]:
    """The parts, with a bar of how many have been done."""
    if total:
        with bar(what, total) as advance:
            for part in parts:
                yield part
                advance(1)
