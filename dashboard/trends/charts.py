"""The four charts of /trends, each point a link to the frames behind it."""

from collections.abc import Callable, Mapping, Sequence

from dashboard.find.filters import Filters
from dashboard.station_time import Unit
from dashboard.trends.chart import (
    Chart,
    Columns,
    Path,
    Point,
    Tick,
    Values,
    diamond,
    disc,
    labelled,
    line,
    scale_for,
    steps,
    y_ticks,
)
from dashboard.trends.over_time import Bucket, Trends, TrendsQuery
from dashboard.trends.p_chart import Control
from dashboard.words import milliseconds
from edge.ledger.reviews import ReviewVerdict
from edge.verdict import FLAGGED, Outcome

Said = Callable[[Bucket], str]


def charts(found: Trends, asked: TrendsQuery) -> list[Chart]:
    """Defect rate, false alarms, scores and latency."""
    return [_defects(found, asked), _false_alarms(found, asked), _scores(found, asked), _latency(found, asked)]


def out_of_control(found: Trends) -> list[str]:
    """Each point outside its limits in words, newest first."""
    return [
        f"{when(bucket, found.unit)}: {percent(bucket.defect_rate)} of {bucket.inspected} inspected, {bucket.control} "
        f"the limit of {percent(bucket.limit_high if bucket.control is Control.ABOVE else bucket.limit_low)}"
        for bucket in reversed(found.buckets)
        if bucket.control not in (None, Control.INSIDE)
    ]


def when(bucket: Bucket, unit: Unit) -> str:
    """A bucket's time by the station's clock."""
    if unit is Unit.DAY:
        return f"{bucket.begin:%a %d %b %Y}"
    return f"{bucket.begin:%a %d %b %H:%M} to {bucket.end:%H:%M}"


def percent(rate: float | None) -> str:
    """A rate in per cent, with a decimal below ten and two below one; none at all is `0 %`."""
    if rate is None:
        return "\u2013"
    decimals = 0 if rate == 0 or rate >= 0.1 else 1 if rate >= 0.01 else 2
    return f"{100 * rate:.{decimals}f}\u202f%"


def frames_behind(bucket: Bucket, asked: TrendsQuery, **filters: object) -> str:
    """The address of a bucket's frames."""
    some: dict[str, object] = {"from": bucket.begin, "to": bucket.end, **filters}
    some |= {name: value for name in ("camera", "category", "bundle") if (value := getattr(asked, name)) is not None}
    return Filters.model_validate(some).address()


def _defects(found: Trends, asked: TrendsQuery) -> Chart:
    rates = [bucket.defect_rate for bucket in found.buckets]
    lows = [bucket.limit_low for bucket in found.buckets]
    highs = [bucket.limit_high for bucket in found.buckets]
    columns, scale = Columns(len(rates)), scale_for(rates, least_high=1.5 * max(found.centre or 0.0, 0.001))
    centre = [found.centre] * len(rates)

    def said(bucket: Bucket) -> str:
        limits = f"limits {percent(bucket.limit_low)} to {percent(bucket.limit_high)}"
        outside = "" if bucket.control is Control.INSIDE else f" Out of control: {bucket.control}."
        return f"{bucket.defect} of {bucket.inspected} inspected: {percent(bucket.defect_rate)}; {limits}.{outside}"

    return Chart(
        "Defect rate",
        _times(columns, found),
        y_ticks(scale, percent),
        [
            Path("band", steps(columns, scale, lows, highs)),
            Path("centre", line(columns, scale, centre) if found.centre is not None else ""),
            Path("line", line(columns, scale, rates)),
        ],
        [
            _point(
                columns, index, scale.at(rate), bucket, found, said,
                frames_behind(bucket, asked, outcome=[Outcome.DEFECT]),
                outside=bucket.control is not Control.INSIDE,
            )
            for index, (bucket, rate) in enumerate(zip(found.buckets, rates, strict=True))
            if rate is not None
        ],
    )  # fmt: skip


def _false_alarms(found: Trends, asked: TrendsQuery) -> Chart:
    rates = [bucket.false_alarm_rate for bucket in found.buckets]
    behind = {"outcome": list(FLAGGED), "review": ReviewVerdict.FALSE_ALARM.value}
    return _plain(
        "False alarms", found, asked, rates, [("line", rates)], percent, least_high=0.05, behind=behind,
        said=lambda bucket: f"{bucket.false_alarms} of {bucket.decided} reviewed: {percent(bucket.false_alarm_rate)}.",
    )  # fmt: skip


def _scores(found: Trends, asked: TrendsQuery) -> Chart:
    def values(name: str) -> list[float | None]:
        return [getattr(bucket, name) for bucket in found.buckets]

    def said(bucket: Bucket) -> str:
        named = (
            ("5 %", bucket.score_p5),
            ("half", bucket.score_p50),
            ("95 %", bucket.score_p95),
            ("all", bucket.score_max),
        )
        return ", ".join(f"{share} up to {times(value)}" for share, value in named) + " the threshold."

    marked: list[tuple[str, Values]] = [
        ("limit", [1.0] * len(found.buckets)),
        ("highest", values("score_max")),
        ("line", values("score_p50")),
    ]
    return _plain(
        "Score over threshold", found, asked, values("score_p50"), marked, times, least_high=1.5, said=said,
        band=(values("score_p5"), values("score_p95")),
    )  # fmt: skip


def _latency(found: Trends, asked: TrendsQuery) -> Chart:
    p50 = [bucket.latency_p50_ms for bucket in found.buckets]
    p95 = [bucket.latency_p95_ms for bucket in found.buckets]
    return _plain(
        "Latency", found, asked, p95, [("line", p95), ("half", p50)], milliseconds, least_high=10.0,
        said=lambda bucket: f"half up to {milliseconds(bucket.latency_p50_ms)}, 95 % up to "
        f"{milliseconds(bucket.latency_p95_ms)}.",
    )  # fmt: skip


def times(ratio: float | None) -> str:
    """A score as a multiple of its threshold."""
    return "\u2013" if ratio is None else f"{ratio:.2g}\u202f×" if ratio < 10 else f"{ratio:.0f}\u202f×"  # noqa: RUF001


def _plain(
    name: str,
    found: Trends,
    asked: TrendsQuery,
    marked: Values,
    lines: Sequence[tuple[str, Values]],
    text: Callable[[float], str],
    *,
    least_high: float,
    said: Said,
    band: tuple[Values, Values] | None = None,
    behind: Mapping[str, object] | None = None,
) -> Chart:
    """A chart without control limits: lines by their looks, points at `marked`, and an area between two lines."""
    columns = Columns(len(found.buckets))
    scale = scale_for(marked, *(values for _, values in lines), *(band or ()), least_high=least_high)
    area = [Path("band", steps(columns, scale, *band))] if band else []
    return Chart(
        name,
        _times(columns, found),
        y_ticks(scale, text),
        [*area, *(Path(look, line(columns, scale, values)) for look, values in lines)],
        [
            _point(columns, index, scale.at(value), bucket, found, said, frames_behind(bucket, asked, **(behind or {})))
            for index, (bucket, value) in enumerate(zip(found.buckets, marked, strict=True))
            if value is not None
        ],
    )


def _point(
    columns: Columns,
    index: int,
    y: float,
    bucket: Bucket,
    found: Trends,
    said: Said,
    href: str,
    *,
    outside: bool = False,
) -> Point:
    x = columns.middle(index)
    return Point(
        look="outside" if outside else "inside",
        shape=diamond(x, y) if outside else disc(x, y),
        left=columns.left(index),
        width=round(columns.width, 1),
        title=f"{when(bucket, found.unit)}: {said(bucket)}",
        href=href,
    )


def _times(columns: Columns, found: Trends) -> list[Tick]:
    """Words below the columns: the time, or where a day is new the date."""
    ticks, day = [], None
    for index in labelled(len(found.buckets)):
        begin = found.buckets[index].begin
        ticks.append(Tick(columns.middle(index), f"{begin:%d %b}" if begin.date() != day else f"{begin:%H:%M}"))
        day = begin.date()
    return ticks
