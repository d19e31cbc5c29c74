"""Teaching the line a part: references, heads, known parts, bundle, report, in the order in which they happen."""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from rich.console import Console

from calibration.bank.coreset import tokens_to_keep
from calibration.build import Built, build
from calibration.ingredients import Ingredients, default_recipe, gather_ingredients
from calibration.known_parts import Shown, parts_in
from calibration.learning.promotion_guard import put_into_use
from calibration.leave_one_out import leave_one_out
from calibration.progress import bar
from calibration.promise.certificate import write_certificate
from calibration.promise.threshold import Wish
from calibration.reference_heads import heads_of
from calibration.references.collect import Decision, References, Taken, collect, settle
from calibration.references.suspects import Suspect, suspects
from calibration.scene.empty_view import take_empties
from calibration.scene.options import SceneOptions
from calibration.scene.teach import look_through, see_references, teach_scene
from calibration.session import session_now
from calibration.teach_show import line_of, suspect_line
from edge.errors import EdgeError
from edge.line.camera import Camera
from edge.line.parts import next_parts
from edge.line.trigger import Trigger, trigger_of
from edge.settings import Settings
from edge.vision.encoder import configured_encoder
from edge.vision.features import Encoder
from edge.vision.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to teach.

    recipe:      None for the encoder's own;  object_name: what prompts call the part
    good, bad:   folders of parts known to be good or defective; `good` may be a number of parts from the source
    promote:     whether the line is to use the bundle at once
    scene:       what of the pictures counts, whether parts are registered, what the empty view looks like
    budget_bytes:  what the bank may take, None for what it needs
    drop_suspects: whether a reference that looks unlike the others is refused, or only named
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
    budget_bytes: int | None = None
    drop_suspects: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Taught:
    """What came out.

    certificate: the report's file
    refusal:     why the bundle was made and not put into use, if it should have been
    """

    decisions: list[Decision]
    built: Built
    certificate: Path
    refusal: EdgeError | None = None

    @property
    def suspects(self) -> list[tuple[str, Suspect]]:
        """References that look unlike the others, by where they came from."""
        made = self.built.manifest
        found = suspects(made.calibration.loo_scores, references=len(made.references))
        return [(made.references[each.index].source, each) for each in found]


def teach(settings: Settings, open_source: Callable[[], Camera], wanted: Wanted, console: Console) -> Taught:
    """Collect references, showing each decision, build the bundle and write its report.

    open_source: opens the camera that shows the references
    """
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
    with tempfile.TemporaryDirectory(prefix="references-") as shelf, closing(open_source()) as camera:
        references = References(wanted.refs, shelf=Path(shelf))
        controls, trigger = settle(camera), trigger_of(continuous=camera.continuous)
        empties = wanted.scene.empties or empty_view(camera, wanted.scene.empty_frames, console, trigger)
        decisions = gather(camera, references, console, trigger)
        if wanted.drop_suspects:
            decisions += replace_suspects(camera, references, encoder, ingredients, wanted, console, trigger)
        number = wanted.good if isinstance(wanted.good, int) else len(in_folder)
        good = shown_next(camera, number, console, trigger) if isinstance(wanted.good, int) else in_folder
        built = build(
            encoder,
            references.taken,
            category=wanted.category,
            bundles_dir=settings.bundles,
            ingredients=ingredients,
            controls=controls,
            closer_look=wanted.closer_look,
            budget_bytes=wanted.budget_bytes,
            good=counted(good, "scoring good parts", total=number),
            bad=counted(bad, "scoring defects", total=len(bad)),
            wish=wanted.wish,
            scene=teach_scene(references.taken, wanted.scene),
            empties=empties,
            tell=partial(name_suspects, references.taken, console),
            session=session_now(settings, good=wanted.good, bad=wanted.bad),
        )
    left_out = number - len(built.manifest.calibration.good)
    if left_out:
        console.print(
            f"{left_out} of the good parts show a reference or one another again and certify nothing: left out."
        )
    taught = Taught(decisions, built, write_certificate(settings.reports, built.folder))
    if not wanted.promote:
        return taught
    try:
        put_into_use(settings, built.name, reason="calibrated", say=partial(console.print, markup=False))
    except EdgeError as error:
        return replace(taught, refusal=error)
    return taught


def empty_view(camera: Camera, frames: int, console: Console, trigger: Trigger) -> list[Taken]:
    """So many frames of the empty view, once a person says that it is clear."""
    return take_empties(camera, frames, lambda: ask_to_clear(console), trigger) if frames else []


def ask_to_clear(console: Console) -> None:
    """Wait until a person says that the view is empty. Raises EdgeError if nobody does."""
    try:
        console.input("Clear the camera's view, so that it shows no part, and press Enter. ")
    except EOFError:
        message = "--empty: nobody said that the view is clear. Press Enter, or give a folder of pictures."
        raise EdgeError(message) from None


def gather(camera: Camera, references: References, console: Console, trigger: Trigger) -> list[Decision]:
    """Fill the references from the camera; each decision."""
    if camera.continuous:
        console.print("Show good parts one after another; each is taken when it has come to rest.")
    return list(shown(collect(camera, references, trigger), console))


def replace_suspects(
    camera: Camera,
    references: References,
    encoder: Encoder,
    ingredients: Ingredients,
    wanted: Wanted,
    console: Console,
    trigger: Trigger,
) -> list[Decision]:
    """Refuse what looks most unlike the others, and fill up with the next candidate, until nothing does."""
    decisions: list[Decision] = []
    closer = wanted.closer_look and "neighbourhood" in ingredients.recipe.maps
    while True:
        taken = references.taken
        scene = teach_scene(taken, wanted.scene)
        sights = see_references(scene, taken)
        looks = look_through(encoder, scene, sights, closer=closer)
        keep = tokens_to_keep(encoder.input_size)
        heads = heads_of(looks, ingredients, keep=keep, budget_bytes=wanted.budget_bytes)
        scores = leave_one_out(looks, heads, side=encoder.input_size).scores
        found = suspects(scores, references=len(taken))
        if not found:
            return decisions
        decisions += shown([references.refuse(taken[found[0].index], str(found[0]))], console)
        decisions += shown(collect(camera, references, trigger), console)


def name_suspects(references: Sequence[Taken], console: Console, scores: Sequence[float]) -> None:
    """Say which references look unlike the others, by their scores against each other."""
    for each in suspects(scores, references=len(references)):
        console.print(suspect_line(references[each.index].source, each))


def shown(decisions: Iterable[Decision], console: Console) -> Iterator[Decision]:
    """The decisions, each printed as it happens."""
    for decision in decisions:
        console.print(line_of(decision))
        yield decision


def shown_next(camera: Camera, count: int, console: Console, trigger: Trigger) -> Iterator[Shown]:
    """The next `count` parts of the source, known to be good; a person is told to show them."""
    if camera.continuous:
        console.print(f"Now show {count} more good parts, other than the references.")
    parts = next_parts(camera, count, trigger, what="further good")
    return (Shown(source, [pixels]) for source, pixels in parts)


def counted(parts: Iterable[Shown], what: str, *, total: int) -> Iterator[Shown]:
    """The parts, with a bar of how many have been done."""
    if total:
        with bar(what, total) as advance:
            for part in parts:
                yield part
                advance(1)
