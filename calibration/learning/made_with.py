"""What a bundle was made with, taken out of the bundle itself: to score with it, and to make the next one alike."""

from collections.abc import Sequence

from calibration.find_part import closer_box
from calibration.ingredients import Ingredients
from calibration.keepsakes import KeptBefore
from calibration.known_parts import Shown
from calibration.references.collect import Taken, digest_of
from calibration.scene.teach import pixels_of_sights, see_references
from edge.line.picture import read_picture
from edge.settings import Settings
from edge.vision.bundle import ADAPTERS_FILE, RANDOM_WORDS_FILE, Bundle
from edge.vision.bundle_heads import load_heads
from edge.vision.encoder import open_encoder
from edge.vision.features import Encoder
from edge.vision.recipe import parse_recipe
from edge.vision.scene import Scene


def encoder_of(bundle: Bundle, settings: Settings) -> Encoder:
    """The bundle's own encoder, on the settings' device and from their store of models.

    Raises EdgeError as open_encoder does, for example if its weights are not at hand.
    """
    made = bundle.manifest
    return open_encoder(
        made.encoder,
        input_size=made.input_size,
        device=settings.device,
        precision=made.precision,
        models=settings.models,
    )


def ingredients_of(bundle: Bundle, encoder: Encoder) -> Ingredients:
    """The recipe and what its heads need besides references. Raises EdgeError if the encoder is not the bundle's."""
    heads = load_heads(bundle, encoder)
    files = (name for name in (ADAPTERS_FILE, RANDOM_WORDS_FILE) if name in bundle.manifest.files)
    return Ingredients(
        parse_recipe(bundle.manifest.recipe),
        object_name=bundle.manifest.object_name,
        text=heads.text,
        pair=heads.pair,
        adapters=heads.adapters,
        net=heads.net,
        trained={name: (bundle.folder / name).read_bytes() for name in files},
    )


def references_of(bundle: Bundle) -> list[Taken]:
    """The bundle's reference pictures, pixel for pixel, in order."""
    folder = bundle.folder / "references"
    made = bundle.manifest.references
    return [Taken(read_picture(folder / each.file), each.source, learned=each.learned) for each in made]


def empties_of(bundle: Bundle) -> list[Taken]:
    """The bundle's pictures of the empty view, pixel for pixel, in order; none if it was taught none."""
    empty = bundle.manifest.empty
    pictures = () if empty is None else empty.pictures
    return [Taken(read_picture(bundle.folder / "empty" / each.file), each.source) for each in pictures]


def kept_for_check(bundle: Bundle, references: Sequence[Taken]) -> KeptBefore:
    """The known parts that the bundle keeps for `edge check`, but for good ones that are references now."""
    learned = {digest_of(each.pixels) for each in references}
    shown: dict[bool, list[Shown]] = {True: [], False: []}
    caught_by: dict[str, str] = {}
    for kept in bundle.manifest.check:
        pixels = bundle.picture(kept.file)
        if not kept.good or digest_of(pixels) not in learned:
            shown[kept.good].append(Shown(kept.source, [pixels]))
        if by := str(bundle.name) if kept.flagged else kept.caught_by:
            caught_by[digest_of(pixels)] = by
    return KeptBefore(shown[True], shown[False], caught_by)


def had_closer_look(bundle: Bundle, references: list[Taken], scene: Scene) -> bool:
    """Whether it was made to look closer where that can be done: it does, or its references show no part's place."""
    made = bundle.manifest
    if made.part_box is not None or "neighbourhood" not in parse_recipe(made.recipe).maps:
        return True
    sights = see_references(scene, references)
    return closer_box(pixels_of_sights(sights), scene.area) is None
