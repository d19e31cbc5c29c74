"""Cameras whose frames are recorded, and none of which is judged: for readiness, that is as good as no frame."""

from collections.abc import Mapping

from edge.verdict import Reason

NOT_LOOKED_AT = frozenset(
    {
        Reason.OVERLOAD,
        Reason.LATE,
        Reason.POISON,
        Reason.UNREADABLE,
        Reason.NO_MEMORY,
        Reason.NO_ROOM,
        Reason.TOO_LARGE,
    }
)
"""Of a part that came just now; `stopped` and `capture_died` are told later, of the past."""
LEAST_IN_A_ROW = 2


class Unjudged:
    """For one thread: the one that sees what was recorded, in order."""

    def __init__(self) -> None:
        self._since_s: dict[str, float] = {}
        self._in_a_row: dict[str, int] = {}

    def recorded(self, camera: str, reason: Reason | None, *, now_s: float) -> None:
        """A frame of this camera was recorded with this reason."""
        if reason in NOT_LOOKED_AT:
            self._since_s.setdefault(camera, now_s)
            self._in_a_row[camera] = self._in_a_row.get(camera, 0) + 1
        elif reason not in (Reason.STOPPED, Reason.CAPTURE_DIED):
            self._since_s.pop(camera, None)
            self._in_a_row.pop(camera, None)

    @property
    def since_s(self) -> Mapping[str, float]:
        """By camera, since when its frames went by unjudged, two in a row at the least; monotonic seconds."""
        return {name: at_s for name, at_s in self._since_s.items() if self._in_a_row[name] >= LEAST_IN_A_ROW}
