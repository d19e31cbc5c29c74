"""A bundle's scene: its area, what parts are registered to, and what the empty view looks like."""

import safetensors.torch
import torch

from edge.line.picture import read_picture
from edge.vision.bundle import Bundle
from edge.vision.bundle_area import area_of
from edge.vision.presence import Presence
from edge.vision.registration import Registration
from edge.vision.scene import PLAIN, Scene

EMPTY_FILE = "empty.safetensors"


def load_scene(bundle: Bundle, device: torch.device) -> Scene:
    """What the bundle's calibration was told about its pictures; PLAIN if nothing."""
    made = bundle.manifest
    if made.area is None and made.align is None and made.empty is None:
        return PLAIN
    area, registration, presence = area_of(bundle), None, None
    if made.align is not None:
        first = read_picture(bundle.folder / "references" / made.references[0].file)
        registration = Registration(first, made.align.tolerance, mask=None if area is None else area.mask)
    if made.empty is not None:
        bank = safetensors.torch.load_file(bundle.folder / EMPTY_FILE)["empty"]
        presence = Presence(bank.to(device), made.empty.limit)
    return Scene(area=area, registration=registration, presence=presence)
