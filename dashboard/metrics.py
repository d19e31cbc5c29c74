"""GET /metrics: the line for Prometheus. Each scrape reads the record anew and makes its own registry."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from sqlalchemy import select
from sqlalchemy.orm import Session

from dashboard import state
from dashboard.latencies import BOUNDS_S, Latency
from dashboard.reader import Reading
from dashboard.site import SiteOf
from dashboard.tally import Cell
from dashboard.views import AlarmView, CheckView
from edge.alarm import Kind
from edge.ledger.beats import OUTPUTS, SUPERVISOR
from edge.ledger.camera_states import Doing
from edge.ledger.line_status import SILENT_S, LineStatus, line_status
from edge.ledger.record import Camera
from edge.settings import Settings
from edge.verdict import Outcome

router = APIRouter(include_in_schema=False)


@router.get("/metrics", response_class=Response)
def metrics(site: SiteOf, request: Request) -> Response:
    """Frames, latency, alarms, checks, processes, cameras and disk; no addresses, no file names."""
    with site.reader.read() as reading:
        told = Told.read(site.settings, reading)
    registry = CollectorRegistry()
    registry.register(told)
    encode, content_type = choose_encoder(request.headers.get("accept", ""))
    return Response(encode(registry), headers={"content-type": content_type})


@dataclass(frozen=True, eq=False)
class Told(Collector):
    """What one scrape is told. cameras: the category of each in its newest run."""

    cells: Mapping[Cell, int]
    latencies: Mapping[str, Latency]
    cameras: Mapping[str, str | None]
    alarms: list[AlarmView]
    checks: list[CheckView]
    line: LineStatus

    @classmethod
    def read(cls, settings: Settings, reading: Reading) -> "Told":
        """Read it; rows that were counted at an earlier scrape are not read again."""
        session = reading.session
        _, cells = reading.tally.count(session)
        latencies = reading.latencies.count(session)
        return cls(
            cells, latencies, _cameras(session), state.alarms(session), state.checks(session),
            line_status(settings, session),
        )  # fmt: skip

    def collect(self) -> Iterator[Metric]:
        """All families."""
        yield from self._frames()
        yield self._latency()
        yield from self._drift()
        yield from self._readiness()
        yield from self._processes()
        yield from self._outputs()
        yield from self._disk()

    def _frames(self) -> Iterator[Metric]:
        by_outcome = Counter({(camera, outcome.value): 0 for camera in self.cameras for outcome in Outcome})
        by_reason: Counter[tuple[str, str]] = Counter()
        for cell, frames in self.cells.items():
            by_outcome[cell.camera, cell.outcome] += frames
            if cell.outcome == Outcome.NOT_INSPECTED:
                by_reason[cell.camera, cell.reason or "?"] += frames
        yield _counter("edge_frames", "Frames recorded, over all runs.", ("camera", "outcome"), by_outcome)
        text = "Frames that were not inspected, over all runs."
        yield _counter("edge_frames_not_inspected", text, ("camera", "reason"), by_reason)

    def _latency(self) -> Metric:
        text = "From a frame's capture to its record, of inspected frames since the page was started."
        family = HistogramMetricFamily("edge_frame_latency_seconds", text, labels=["camera"])
        for camera in self.cameras:
            one = self.latencies.get(camera, Latency())
            buckets = [(f"{bound_s:g}", float(one.up_to[bound_s])) for bound_s in BOUNDS_S]
            family.add_metric([camera], [*buckets, ("+Inf", float(one.frames))], one.sum_s)
        return family

    def _drift(self) -> Iterator[Metric]:
        in_force = {(alarm.camera, alarm.kind) for alarm in self.alarms}
        alarms = {
            (camera, category, kind.value): (camera, kind.value) in in_force
            for camera, category in self.cameras.items()
            if category is not None
            for kind in Kind
        }
        yield _gauge("edge_alarm", "1 while a drift alarm is in force.", ("camera", "category", "kind"), alarms)
        passed = {(check.category,): check.passed for check in self.checks}
        yield _gauge("edge_check_passed", "1 if a category's last check passed.", ("category",), passed)

    def _readiness(self) -> Iterator[Metric]:
        line, cameras = self.line.readiness.line, self.line.readiness.cameras
        yield _gauge("edge_ready", "1 while every camera of the line is truly inspecting.", (), {(): line.ready})
        ready = {(camera,): one.ready for camera, one in cameras.items()}
        yield _gauge("edge_camera_ready", "1 while what comes in front of it is judged.", ("camera",), ready)
        doing = {
            (one.camera, each.value): one.state == each.value for one in self.line.cameras for each in Doing
        }  # fmt: skip
        yield _gauge("edge_camera_state", "1 for what the camera does.", ("camera", "state"), doing)
        newest = {
            (one.camera,): one.last_frame_ns / 1e9 for one in self.line.cameras if one.last_frame_ns is not None
        }  # fmt: skip
        text = "When the newest recorded frame of this run was captured."
        yield _gauge("edge_camera_last_frame_timestamp_seconds", text, ("camera",), newest)

    def _processes(self) -> Iterator[Metric]:
        now_s, beats = self.line.facts.now_s, self.line.beats
        ages = {(name,): beat.age_s(now_s) for name, beat in beats.items()}
        yield _gauge("edge_process_beat_age_seconds", "Since the process's last heartbeat.", ("process",), ages)
        text = "Frames that the process holds and that are not recorded yet."
        others = beats.keys() - {SUPERVISOR, OUTPUTS}
        alive = {name: beats[name] for name in sorted(others) if beats[name].age_s(now_s) < SILENT_S}
        at_hand = {(name,): beat.at_hand for name, beat in alive.items()}
        yield _gauge("edge_frames_in_flight", text, ("process",), at_hand)
        restarts = {(name,): times for name, times in self.line.restarts.items()}
        text = "Times that the supervisor started the process again in this run."
        yield _counter("edge_process_restarts", text, ("process",), restarts)

    def _outputs(self) -> Iterator[Metric]:
        failing = {(name,): why is not None for name, why in self.line.outputs.items()}
        yield _gauge("edge_output_failing", "1 while an output cannot tell results.", ("output",), failing)
        if outputs := self.line.beats.get(OUTPUTS):
            yield _gauge(
                "edge_results_waiting", "Results that wait to be told, of all outputs.", (), {(): outputs.at_hand}
            )

    def _disk(self) -> Iterator[Metric]:
        yield _gauge("edge_disk_free_bytes", "Of the data folder's disk.", (), {(): self.line.facts.free_bytes})
        yield _gauge("edge_disk_size_bytes", "Of the data folder's disk.", (), {(): self.line.disk_bytes})


Values = Mapping[Any, float]
"""By the values of the labels, as a tuple."""


def _counter(name: str, text: str, labels: tuple[str, ...], values: Values) -> Metric:
    return _with(CounterMetricFamily(name, text, labels=labels), values)


def _gauge(name: str, text: str, labels: tuple[str, ...], values: Values) -> Metric:
    return _with(GaugeMetricFamily(name, text, labels=labels), values)


def _with(family: CounterMetricFamily | GaugeMetricFamily, values: Values) -> Metric:
    for labels, value in sorted(values.items()):
        family.add_metric(list(labels), float(value))
    return family


def _cameras(session: Session) -> dict[str, str | None]:
    rows = session.execute(select(Camera.name, Camera.category).order_by(Camera.id))
    return dict(sorted({row.name: row.category for row in rows}.items()))
