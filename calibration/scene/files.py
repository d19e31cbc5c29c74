"""A taught scene as a bundle keeps it: what its manifest says, and its files."""

from collections.abc import Sequence
from dataclasses import dataclass

import safetensors.torch

from calibration.references.collect import Taken
from calibration.scene.teach import TaughtEmpty, name_pictures
from edge.vision.area import mask_to_png
from edge.vision.bundle import picture_to_png
from edge.vision.bundle_area import AREA_FILE
from edge.vision.bundle_scene import EMPTY_FILE
from edge.vision.manifest import AlignFacts, AreaFacts, EmptyFacts
from edge.vision.scene import Scene, Sight


@dataclass(frozen=True, slots=True)
class SceneFacts:
    """What a manifest says of its scene; None for what was not taught."""

    area: AreaFacts | None
    align: AlignFacts | None
    empty: EmptyFacts | None


def scene_facts(scene: Scene, sights: Sequence[Sight], empty: TaughtEmpty | None) -> SceneFacts:
    """What counts, how far parts may lie from the first reference and how far the references did, the empty view."""
    area = None if scene.area is None else AreaFacts(share=scene.area.share, fill=scene.area.fill)
    return SceneFacts(area, _align(scene, sights), None if empty is None else empty.facts)


def scene_files(scene: Scene, empties: Sequence[Taken]) -> dict[str, bytes]:
    """By its name in the bundle, each file's bytes."""
    files = {} if scene.area is None else {AREA_FILE: mask_to_png(scene.area.mask)}
    if scene.presence is not None:
        files[EMPTY_FILE] = safetensors.torch.save({"empty": scene.presence.bank.cpu().contiguous()})
    named = zip(name_pictures(empties), empties, strict=True)
    return files | {f"empty/{named_so.file}": picture_to_png(each.pixels) for named_so, each in named}


def _align(scene: Scene, sights: Sequence[Sight]) -> AlignFacts | None:
    poses = [sight.pose for sight in sights if sight.pose is not None]
    if scene.registration is None:
        return None
    return AlignFacts(
        tolerance=scene.registration.tolerance,
        moved_px=max(pose.shift for pose in poses) * scene.registration.reference.shape[1],
        degrees=max(abs(pose.degrees) for pose in poses),
        scale=max(abs(pose.scale - 1) for pose in poses),
    )
