"""What of a picture is inspected: where the part lies, what of it counts, and whether there is a part at all."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from edge.frame import Pixels
from edge.verdict import AnomalyMap, Reason
from edge.vision.area import Area
from edge.vision.counting import SIDE, Counting, area_plane, stack
from edge.vision.features import Features
from edge.vision.presence import Presence
from edge.vision.registration import Pose, Registration, Unregistered
from edge.vision.warp import aligned, laid_back, seen_plane

ALL = np.ones((SIDE, SIDE), np.float32)

LEAST_SEEN = 0.98
"""Share of a taught area that must lie within the picture once the part is registered: what was not seen is not ok."""


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """A picture as it is inspected.

    pixels: [H, W, 3] uint8 RGB, what is encoded: aligned, and painted over where nothing counts
    shape:  (H, W, 3) of the picture that the camera took
    pose:   where the part lay, None without alignment
    seen:   [SIDE, SIDE], see Counting
    reason: why it cannot be inspected; None if it can
    """

    pixels: Pixels
    shape: tuple[int, ...]
    pose: Pose | None = None
    seen: NDArray[np.float32] | None = None
    reason: Reason | None = None


class Scene:
    """What a bundle knows about its pictures before they are judged; nothing, by default."""

    def __init__(
        self,
        *,
        area: Area | None = None,
        registration: Registration | None = None,
        presence: Presence | None = None,
    ) -> None:
        self.area = area
        self.registration = registration
        self.presence = presence
        self._area_plane = ALL if area is None else area_plane(area.mask)

    def knowing(self, presence: Presence | None) -> "Scene":
        """The scene with what the empty view looks like."""
        return Scene(area=self.area, registration=self.registration, presence=presence)

    def see(self, pixels: Pixels) -> Sight:
        """A picture, [H, W, 3] uint8 RGB, as it is to be encoded. Whether it shows a part is known only after that."""
        if self.registration is None:
            return Sight(self.cover(pixels), pixels.shape)
        try:
            pose = self.registration.register(pixels)
        except Unregistered:
            return Sight(self.cover(pixels), pixels.shape, reason=Reason.POSE)
        return self.see_at(pixels, pose)

    def see_at(self, pixels: Pixels, pose: Pose) -> Sight:
        """A picture whose part lies at `pose`."""
        assert self.registration is not None
        reference = self.registration.reference
        placed = self.cover(aligned(pixels, pose, reference))
        seen = seen_plane(pixels.shape, pose, reference.shape)
        cut_off = self.area is not None and float((seen * self._area_plane).sum() / self._area_plane.sum()) < LEAST_SEEN
        return Sight(placed, pixels.shape, pose, seen, Reason.POSE if cut_off else None)

    def cover(self, pixels: Pixels) -> Pixels:
        """The picture painted over where nothing counts; itself if all of it does."""
        return pixels if self.area is None else self.area.cover(pixels)

    def counting(self, sights: Sequence[Sight], device: torch.device) -> Counting | None:
        """Which cells of these pictures' maps count; None if all do."""
        if self.area is None and self.registration is None:
            return None
        area = stack([self._area_plane], device).expand(len(sights), -1, -1)
        return Counting(area, stack([ALL if sight.seen is None else sight.seen for sight in sights], device))

    def reasons(self, features: Features, sights: Sequence[Sight]) -> list[Reason | None]:
        """By sight, given their features, why it cannot be inspected: `no_part` goes before `pose`."""
        if self.presence is None:
            return [sight.reason for sight in sights]
        absent = self.presence.absent(features)
        return [Reason.NO_PART if none else sight.reason for none, sight in zip(absent, sights, strict=True)]

    def map_back(self, anomaly_map: AnomalyMap | None, sight: Sight) -> AnomalyMap | None:
        """The map [h, w] of a sight over the picture that the camera took."""
        if anomaly_map is None or sight.pose is None or self.registration is None:
            return anomaly_map
        return laid_back(anomaly_map, sight.shape, sight.pose, self.registration.reference.shape)


PLAIN = Scene()
"""The whole picture as it is, whatever it shows."""
