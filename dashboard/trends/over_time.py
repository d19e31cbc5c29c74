"""The trends as numbers: a line a bucket of time, and what the charts are drawn from."""

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from datetime import time as clock
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from dashboard.station_time import Moment, Unit, local, starts
from dashboard.trends.histogram import QUARTER_S, Ints
from dashboard.trends.p_chart import Control, Share, p_chart
from dashboard.trends.rollup import DECIDED, LATENCIES, OUTCOMES, SCORES, Rolled, Series
from edge.verdict import Outcome

MOST_BUCKETS = 400
LONGEST_S = {Unit.HOUR: 3600, Unit.SHIFT: 25 * 3600, Unit.DAY: 25 * 3600}
USUAL_S = {Unit.HOUR: 48 * 3600, Unit.SHIFT: 14 * 86_400, Unit.DAY: 60 * 86_400}
QUANTILES = {"score_p5": 0.05, "score_p50": 0.5, "score_p95": 0.95, "score_max": 1.0}
PRECISION = 0.022


class TrendsQuery(BaseModel):
    """Which frames, over which time, in which steps."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    unit: Unit = Field(Unit.HOUR, description="hours, shifts (setting `shifts`) or days of the station's clock")
    since: Moment | None = Field(None, alias="from", description="default: 48 hours, 14 days of shifts, 60 days")
    until: Moment | None = Field(None, alias="to", description="default: now")
    camera: str | None = None
    category: str | None = None
    bundle: str | None = Field(None, description="beginning of a bundle's name or of its hash")


class Bucket(BaseModel):
    """An hour, a shift or a day; rates are 0..1, None where there was nothing to take one of."""

    begin: datetime
    end: datetime
    ok: int
    defect: int
    unsure: int
    not_inspected: int
    defect_rate: float | None = Field(description="defects among inspected frames: ok + defect + unsure")
    limit_low: float | None = Field(description="lower control limit of the defect rate, for this many frames")
    limit_high: float | None
    control: Control | None = Field(description="whether the defect rate is outside its limits")
    decided: int = Field(description="flagged frames of which people said that they are a defect, or a false alarm")
    false_alarms: int
    false_alarm_rate: float | None = Field(description="false alarms among those decided")
    score_p5: float | None = Field(description="of scores as multiples of their threshold")
    score_p50: float | None
    score_p95: float | None
    score_max: float | None
    latency_p50_ms: float | None = Field(description="capture to record, of inspected frames")
    latency_p95_ms: float | None

    @property
    def inspected(self) -> int:
        """Frames with a verdict."""
        return self.ok + self.defect + self.unsure


class Trends(BaseModel):
    """How it went over time."""

    unit: Unit
    centre: float | None = Field(description="defect rate of all buckets together: the p-chart's centre line")
    precision: float = Field(PRECISION, description="quantiles are exact to this share of their value")
    buckets: list[Bucket]


def trends(
    rolled: Rolled, asked: TrendsQuery, *, bundles: Mapping[str, str], now_s: float, shifts: Sequence[clock]
) -> Trends:
    """What was asked, from running counts.

    bundles: names by hash;  shifts: when they begin
    A frame belongs to the bucket of its capture; the last bucket goes on if it holds `now_s`.
    """
    begins, end_s = _time(asked, now_s, shifts)
    quarters = np.array([*begins, end_s], np.int64) // QUARTER_S
    chosen = _chosen(rolled.series, asked, bundles)
    outcomes = rolled.outcomes.table(quarters, chosen, len(OUTCOMES))
    decided = rolled.reviews.table(quarters, chosen, len(DECIDED))
    scores = rolled.scores.table(quarters, chosen, SCORES.bins)
    latencies = rolled.latencies.table(quarters, chosen, LATENCIES.bins)
    defects = outcomes[:, OUTCOMES[Outcome.DEFECT]]
    chart = p_chart(defects.tolist(), (outcomes.sum(axis=1) - outcomes[:, OUTCOMES[Outcome.NOT_INSPECTED]]).tolist())
    return Trends(
        unit=asked.unit,
        centre=chart.centre,
        buckets=[
            Bucket(
                begin=local(begin), end=local(end),
                **{name: int(outcomes[row, number]) for name, number in OUTCOMES.items()},
                **_controlled(chart.points[row]),
                **_decided(decided[row]),
                **{name: SCORES.quantile(scores[row], share) for name, share in QUANTILES.items()},
                latency_p50_ms=LATENCIES.quantile(latencies[row], 0.5),
                latency_p95_ms=LATENCIES.quantile(latencies[row], 0.95),
            )
            for row, (begin, end) in enumerate(pairwise([*begins, end_s]))
        ],
    )  # fmt: skip


def with_bundle(asked: str, bundles: Mapping[str, str]) -> Callable[[str | None], bool]:
    """Whether a hash is of a bundle whose name or hash begins so."""
    return lambda sha256: (sha256 or "").startswith(asked.lower()) or bundles.get(sha256 or "", "").startswith(asked)


def _time(asked: TrendsQuery, now_s: float, shifts: Sequence[clock]) -> tuple[list[int], int]:
    """When the buckets begin, and when the last of them ends, at a quarter of an hour."""
    end_s = asked.until.timestamp() if asked.until else now_s
    begin_s = asked.since.timestamp() if asked.since else end_s - USUAL_S[asked.unit]
    longest_s = MOST_BUCKETS * LONGEST_S[asked.unit]
    begins = starts(asked.unit, min(max(begin_s, end_s - longest_s), end_s), end_s, shifts)[-MOST_BUCKETS:]
    return begins, max(math.ceil(end_s / QUARTER_S) * QUARTER_S, begins[-1] + QUARTER_S)


def _chosen(series: Sequence[Series], asked: TrendsQuery, bundles: Mapping[str, str]) -> NDArray[np.bool_]:
    """[series] which of them are asked for."""
    fits = with_bundle(asked.bundle, bundles) if asked.bundle is not None else lambda sha256: True
    return np.array(
        [
            asked.camera in (None, each.camera) and asked.category in (None, each.category) and fits(each.bundle)
            for each in series
        ],
        bool,
    )


def _controlled(point: Share | None) -> dict[str, object]:
    if point is None:
        return dict.fromkeys(("defect_rate", "limit_low", "limit_high", "control"))
    return {
        "defect_rate": point.share, "limit_low": point.low, "limit_high": point.high, "control": point.control
    }  # fmt: skip


def _decided(counts: Ints) -> dict[str, object]:
    decided, false = int(counts.sum()), int(counts[1])
    return {"decided": decided, "false_alarms": false, "false_alarm_rate": false / decided if decided else None}
