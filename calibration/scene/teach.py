"""From references and what was asked for to the scene that a bundle keeps: area, registration, presence."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from calibration.lazily import Lazily
from calibration.reference_heads import ReferenceLooks, look_at
from calibration.references.collect import Taken
from calibration.scene.drawn_region import area_mask
from calibration.scene.options import SceneOptions
from edge.errors import EdgeError
from edge.frame import Pixels
from edge.line.opencv import cv2
from edge.vision.area import Area, mean_colour
from edge.vision.features import Encoder, Features
from edge.vision.manifest import EmptyFacts, Reference
from edge.vision.presence import Presence, coarse_tokens, unlike_empty
from edge.vision.registration import Pose, Registration, Unregistered
from edge.vision.scene import Scene, Sight

LIGHTS = (0.9, 1.0, 1.1)
"""What the pictures are multiplied by where the empty view and parts are told apart: the light may change so much."""

MOST_RELIT = 8
"""References that are also looked at darker and brighter: those least unlike the empty view."""

LEAST_MARGIN = 1.5
"""How many times as unlike the empty view the references must be, at least, as its own pictures are."""

LEAST_EMPTY = 0.25
"""Of `good`, what `empty` counts as at least: pictures taken in one moment are more alike than a shift's will be."""


@dataclass(frozen=True, slots=True, eq=False)
class TaughtEmpty:
    """How to tell the empty view from a part, and what the bundle says about it."""

    presence: Presence
    facts: EmptyFacts


def teach_scene(references: Sequence[Taken], options: SceneOptions) -> Scene:
    """The scene that was asked for, without its presence, whose teaching needs features.

    Raises EdgeError as `area_mask`, and if the first reference shows too little to register others to.
    """
    pictures = [reference.pixels for reference in references]
    height, width = pictures[0].shape[:2]
    mask = area_mask(options.area, options.ignore, width=width, height=height)
    area = None if mask is None else Area(mask, mean_colour(pictures, mask))
    if options.align is None:
        return Scene(area=area)
    try:
        return Scene(area=area, registration=Registration(pictures[0], options.align, mask=mask))
    except Unregistered as error:
        raise EdgeError(
            f"reference {references[0].source} cannot be aligned to: {error}. Leave out --align, or begin with another."
        ) from error


def see_references(scene: Scene, references: Sequence[Taken]) -> Sequence[Sight]:
    """Each reference as it is to be encoded, made when asked for, so that thousands need no memory.

    Raises EdgeError naming one that cannot be registered to the first.
    """
    if scene.registration is None:
        return Lazily(len(references), lambda index: scene.see(references[index].pixels))
    poses = [_registered(scene.registration, reference, references[0]) for reference in references]
    return Lazily(len(references), lambda index: scene.see_at(references[index].pixels, poses[index]))


def look_through(encoder: Encoder, scene: Scene, sights: Sequence[Sight], *, closer: bool) -> ReferenceLooks:
    """What the encoder sees of these sights; `closer`: and of the part by itself, if it lies in one place."""
    counting = scene.counting(sights, encoder.device)
    return look_at(encoder, pixels_of_sights(sights), closer=closer, area=scene.area, counting=counting)


def pixels_of_sights(sights: Sequence[Sight]) -> Sequence[Pixels]:
    """What is encoded of each, [H, W, 3] uint8 RGB."""
    return Lazily(len(sights), lambda index: sights[index].pixels)


def _registered(registration: Registration, reference: Taken, first: Taken) -> Pose:
    try:
        return registration.register(reference.pixels)
    except Unregistered as error:
        raise EdgeError(
            f"reference {reference.source} cannot be registered to the first, {first.source}: {error}. "
            "Take it out, widen --align-tolerance, or leave out --align."
        ) from error


def teach_empty(
    encoder: Encoder, scene: Scene, sights: Sequence[Sight], looks: Sequence[Features], empties: Sequence[Taken]
) -> TaughtEmpty | None:
    """Learn the empty view from at least two pictures of it, and refuse if parts cannot be told from it; None of none.

    sights: the references', with `looks`, the features of each
    The limit lies at the geometric mean of how unlike the others an empty picture was at most, each left out, and how
    unlike the empty view a reference was at least, both also 10 % darker and brighter.
    Raises EdgeError, with both values, if the second is less than LEAST_MARGIN times the first.
    """
    if not empties:
        return None
    relit = [_relit(encoder, scene.cover(empty.pixels)) for empty in empties]
    bank = torch.cat([tokens[LIGHTS.index(1.0)][None] for tokens in relit])
    own = [float(unlike_empty(tokens, _without(bank, index)).max()) for index, tokens in enumerate(relit)]
    parts = [float(unlike_empty(coarse_tokens(look), bank)) for look in looks]
    nearest = sorted(range(len(parts)), key=parts.__getitem__)[:MOST_RELIT]
    good = min(float(unlike_empty(_relit(encoder, sights[index].pixels), bank).min()) for index in nearest)
    empty = max(own)
    if good < LEAST_MARGIN * empty:
        raise EdgeError(
            f"--empty: {empties[own.index(empty)].source} is {empty:.3f} unlike the other pictures of the empty view, "
            f"and a good part as little as {good:.3f}: at least {LEAST_MARGIN:g} times as much is needed to tell them "
            "apart. Take out pictures that show a part or anything else, or leave out --empty."
        )
    limit = (max(empty, LEAST_EMPTY * good) * good) ** 0.5
    facts = EmptyFacts(limit=limit, empty=empty, good=good, pictures=name_pictures(empties))
    return TaughtEmpty(Presence(bank, limit), facts)


def name_pictures(empties: Sequence[Taken]) -> tuple[Reference, ...]:
    """File names inside the bundle: 01.png, 02.png, ... in order."""
    return tuple(Reference(file=f"{n:02}.png", source=each.source) for n, each in enumerate(empties, 1))


def _relit(encoder: Encoder, pixels: Pixels) -> Tensor:
    """[3, n, C]: a picture's coarse tokens in each of LIGHTS."""
    pictures = [np.asarray(cv2.convertScaleAbs(pixels, alpha=light), np.uint8) for light in LIGHTS]
    return torch.cat([coarse_tokens(encoder.encode(encoder.prepare([each]))) for each in pictures])


def _without(bank: Tensor, index: int) -> Tensor:
    return torch.cat([bank[:index], bank[index + 1 :]])
