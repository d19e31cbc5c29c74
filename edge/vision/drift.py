"""Drift of a running line: light, focus, place of the part and score level, against what good parts had.

The chart is an exponentially weighted moving average (EWMA; Roberts, 1959) of each measure. A single part counts as at
most CLIP times the band's reach away, so that a hand in the view, or a run of defects whatever they look like, does not
read as drift: from the middle of the band eleven parts in a row are needed, and defects that are fewer than two thirds
of all parts cannot bring the average out of it, however long it lasts.

Of a frame that is `not_inspected: pose` only that is known: its part was not found where it may lie. So the chart of
`unplaced` is the smoothed share of such frames, whose band UNPLACED is as wide as for any other measure.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from edge.alarm import Alarm, State
from edge.frame import FrameInfo, Pixels
from edge.verdict import Outcome, Reason, Verdict
from edge.vision.area import Mask
from edge.vision.bundle import PLACE_FILE, Bundle
from edge.vision.bundle_area import area_of
from edge.vision.drift_words import cleared, raised, replaced
from edge.vision.normal import MEASURES, Band, Normal
from edge.vision.view import Place, measure, place, shift, small_grey, thumbnail

SMOOTHING = 0.1
"""Weight of the newest part in the moving average."""

CLIP = 1.5
"""In reaches: the most that one part may differ. 1 - 1 / CLIP = 0.9 ** 10.4, so eleven parts are needed."""

LEAST_SURE = 0.2
"""Below it a picture shows nothing that could be placed (black, white, another part): it says nothing of position."""

NEWEST = 10
"""Parts whose plain mean is said beside the moving average, which lags behind it."""

CLEARED_AT = 0.5
"""Share of the reach to which the smoothed measure must come back before an alarm is cleared."""


UNPLACED = Band(count=0, mean=0.0, spread=0.0, reach=1 / CLIP, least=0.0, students_t=0.0, upward_only=True)
"""For a bundle that registers its parts: no good part is `pose`, and more than two thirds of them are an alarm."""


@dataclass(frozen=True, slots=True, eq=False)
class Standard:
    """What a camera's pictures are held against.

    normal: the bands
    place:  where the part lies, None: not watched
    mask:   what of a picture counts for light and focus, None: all
    """

    normal: Normal
    place: Place | None
    mask: Mask | None = None


def standard_of(bundle: Bundle) -> Standard:
    """What a bundle says of normal pictures."""
    made = bundle.manifest
    normal = made.normal
    if made.align is not None:
        normal = replace(normal, bands={**normal.bands, "unplaced": UNPLACED})
    kept = PLACE_FILE in made.files
    area = area_of(bundle) if normal.within_area else None
    return Standard(
        normal, place(bundle.picture(PLACE_FILE)[..., 0]) if kept else None, None if area is None else area.mask
    )


def look(pixels: Pixels, standard: Standard) -> dict[str, float]:
    """What is measured of a picture, [H, W, 3] uint8 RGB, alone: light, focus and place."""
    grey = small_grey(pixels)
    values = measure(grey, standard.mask)
    if standard.place is not None:
        right, down, sure = shift(standard.place, place(thumbnail(grey)))
        values |= {"right": right, "down": down} if sure >= LEAST_SURE else {}
    return values


class Watch:
    """The charts of one camera that looks at one category."""

    def __init__(self, bands: Mapping[str, Band], *, levels: Mapping[str, float] | None = None) -> None:
        """levels: by measure, the smoothed values of alarms in force, which go on; all others begin at their mean."""
        self._bands = bands
        self._raised = {name for name in levels or {} if name in bands}
        self._levels = {name: band.mean for name, band in bands.items()} | {
            name: value for name, value in (levels or {}).items() if name in bands
        }
        self._newest = {name: deque[float](maxlen=NEWEST) for name in bands}

    def see(self, values: Mapping[str, float]) -> dict[str, State]:
        """Take in one part; by measure, the alarms that it raised or cleared. A measure that is absent stays."""
        return {name: state for name in self._bands if name in values and (state := self._see(name, values[name]))}

    def level(self, name: str) -> float:
        """The smoothed value of a measure."""
        return self._levels[name]

    def newest(self, name: str) -> tuple[float, ...]:
        """What the newest parts had, at most NEWEST, not smoothed and not clipped."""
        return tuple(self._newest[name])

    def _see(self, name: str, value: float) -> State | None:
        band = self._bands[name]
        self._newest[name].append(value)
        most = CLIP * band.reach
        clipped = min(max(value, band.mean - most), band.mean + most)
        self._levels[name] += SMOOTHING * (clipped - self._levels[name])
        level = self._levels[name]
        if name not in self._raised and band.beyond(level):
            self._raised.add(name)
            return State.RAISED
        if name in self._raised and not band.beyond(level, CLEARED_AT):
            self._raised.remove(name)
            return State.CLEARED
        return None


@dataclass(slots=True, eq=False)
class _Watched:
    """One camera's watch, the bundle that it goes by, and its alarms in force, by measure."""

    watch: Watch
    standard: Standard
    bundle: str
    in_force: dict[str, Alarm]


class Watches:
    """The watch of every camera. For one thread.

    standard_of: what the bundle with this content hash holds as normal; None if nobody knows
    in_force:    alarms of (run, camera) that the record has as raised, for a worker that came back
    """

    def __init__(
        self,
        standard_of: Callable[[str], Standard | None],
        in_force: Callable[[str, str], Sequence[Alarm]],
    ) -> None:
        self._standard_of = standard_of
        self._recorded = in_force
        self._watched: dict[tuple[str, str], _Watched] = {}

    def see(self, info: FrameInfo, pixels: Pixels, verdict: Verdict) -> tuple[Alarm, ...]:
        """Alarms that a frame raised or cleared.

        A frame that was not inspected says that its part was not found where it may lie, if that is the reason, and
        nothing otherwise; neither does one without a bundle.
        """
        unplaced = verdict.reason is Reason.POSE
        inspected = verdict.outcome is not Outcome.NOT_INSPECTED
        if not (inspected or unplaced) or verdict.bundle is None or verdict.category is None:
            return ()
        watched = self._watched.get((info.run, info.camera))
        ended: tuple[Alarm, ...] = ()
        if watched is None or watched.bundle != verdict.bundle:
            before = self._recorded(info.run, info.camera) if watched is None else list(watched.in_force.values())
            ended = tuple(replaced(alarm) for alarm in before if alarm.bundle != verdict.bundle)
            watched = self._begin(verdict.bundle, [alarm for alarm in before if alarm.bundle == verdict.bundle])
            self._watched[info.run, info.camera] = watched
        values = {"unplaced": float(unplaced)}
        if inspected:
            values |= look(pixels, watched.standard)
        if verdict.score is not None:
            values["score"] = verdict.score
        changes = watched.watch.see(values)
        return *ended, *(_note(watched, name, state, verdict.category) for name, state in changes.items())

    def _begin(self, bundle: str, in_force: Sequence[Alarm]) -> _Watched:
        standard = self._standard_of(bundle) or Standard(Normal(), None)
        watch = Watch(standard.normal.bands, levels={alarm.measure: alarm.value for alarm in in_force})
        return _Watched(watch, standard, bundle, {alarm.measure: alarm for alarm in in_force})


def _note(watched: _Watched, name: str, state: State, category: str) -> Alarm:
    """The alarm that begins or ends, noted as in force or not."""
    band, value = watched.standard.normal.bands[name], watched.watch.level(name)
    words = raised if state is State.RAISED else cleared
    newest = watched.watch.newest(name)
    alarm = Alarm(
        MEASURES[name], name, state, category, watched.bundle, value, band.mean, band.low, band.high,
        words(name, value, band, seen=fmean(newest), parts=len(newest)),
    )  # fmt: skip
    if state is State.RAISED:
        watched.in_force[name] = alarm
    else:
        watched.in_force.pop(name, None)
    return alarm
