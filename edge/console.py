"""What the terminal shows of a line: live counts, and the reports of `verify` and `doctor`."""

import logging
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

from edge.doctor import Finding
from edge.ledger.counts import Counts
from edge.ledger.verify import Report
from edge.run import Summary

if TYPE_CHECKING:
    from edge.bench import BenchResult  # it imports torch, which the other commands do without

log = logging.getLogger("edge.run")

PLAIN_EVERY_S = 5.0
LOGGED_EVERY_S = 60.0
STYLES = {"ok": "green", "defect": "bold red", "unsure": "yellow", "not_inspected": "magenta"}


class LiveConsole:
    """Live counts on a terminal; a line every few seconds where stderr is not one, or all is logged."""

    def __init__(self, *, logged: bool = False) -> None:
        """logged: what there is to say is logged, and nothing written to stderr otherwise."""
        self._console, self._logged = Console(stderr=True), logged
        live = self._console.is_terminal and not logged
        self._live = Live(console=self._console, auto_refresh=False) if live else None
        self._printed_s = time.monotonic()

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def say(self, text: str) -> None:
        """A line that stays."""
        if self._logged:
            log.info("%s", text)
        else:
            self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def show(self, numbered: int, counts: Counts) -> None:
        """The frames numbered and the counts as they are now."""
        if self._live:
            self._live.update(counts_table(numbered, counts), refresh=True)
        elif numbered and time.monotonic() - self._printed_s > (LOGGED_EVERY_S if self._logged else PLAIN_EVERY_S):
            self._printed_s = time.monotonic()
            self.say(f"{numbered} frames, {counts_line(counts)}")

    def summary(self, summary: Summary) -> None:
        """The end of a run."""
        self.say(f"run {summary.run}: {summary.numbered} frames numbered in {summary.duration_s:.0f} s")
        self.say(counts_line(summary.counts))
        for name, times in summary.restarts.items():
            self.say(f"{name} was started again {times} times")
        self.say("every frame is accounted for" if summary.balanced else "frames are missing: see `edge verify`")


def counts_line(counts: Counts) -> str:
    """Counts in one line."""
    outcomes = ", ".join(f"{number} {outcome.replace('_', ' ')}" for outcome, number in counts.outcomes.items())
    reasons = "".join(f" ({number} {reason})" for reason, number in counts.reasons.items())
    return f"{counts.total} verdicts: {outcomes}{reasons}; {rates(counts)}"


def rates(counts: Counts) -> str:
    """Frames a second and latency, as far as they are known."""
    rate = "-" if counts.frames_per_s is None else f"{counts.frames_per_s:.1f}"
    p50 = "-" if counts.latency_p50_ms is None else f"{counts.latency_p50_ms:.0f}"
    p95 = "-" if counts.latency_p95_ms is None else f"{counts.latency_p95_ms:.0f}"
    return f"{rate} frames/s, latency p50 {p50} ms, p95 {p95} ms"


def counts_table(numbered: int, counts: Counts) -> Table:
    """Counts as a table of one row."""
    table = Table(show_edge=False, pad_edge=False)
    for title in ("frames", "verdicts"):
        table.add_column(title, justify="right")
    for outcome in counts.outcomes:
        table.add_column(outcome.replace("_", " "), justify="right", style=STYLES[outcome])
    for title in ("frames/s", "p50 ms", "p95 ms"):
        table.add_column(title, justify="right")
    numbers = [counts.frames_per_s, counts.latency_p50_ms, counts.latency_p95_ms]
    table.add_row(
        str(numbered),
        str(counts.total),
        *(str(number) for number in counts.outcomes.values()),
        *("-" if number is None else f"{number:.1f}" for number in numbers),
    )
    if counts.reasons:
        table.caption = "not inspected: " + ", ".join(f"{count} {reason}" for reason, count in counts.reasons.items())
    return table


def print_report(report: Report, *, running: bool, integrity: str | None) -> None:
    """What `edge verify` found, camera by camera. integrity: what the database says of its file, None: not asked."""
    console = Console(file=sys.stdout, soft_wrap=True, highlight=False)
    for account in report.accounts:
        numbered = "journal elsewhere" if account.numbered is None else f"{account.numbered} numbered"
        counts = ", ".join(f"{number} {outcome.replace('_', ' ')}" for outcome, number in account.outcomes.items())
        faults = f"{len(account.missing)} missing, {len(account.unnumbered)} unnumbered"
        order = "" if account.in_order else "; the journal's numbers are not 1, 2, 3, ..."
        console.print(f"{account.run} {account.camera}: {numbered}: {counts}; {faults}{order}", markup=False)
    for title, files in (("row without file", report.missing_files), ("file without row", report.stray_files)):
        for path in files:
            console.print(f"{title}: {path}", markup=False)
    if integrity is not None:
        console.print(f"integrity of the record's file: {integrity}", markup=False)
    if not all(account.compared for account in report.accounts):
        console.print("a journal elsewhere is not compared: copy that machine's and name it with --journals FOLDER")
    if running:
        console.print("a line is running here: frames without an outcome are in flight")
    console.print("all is well" if report.good_while(running=running) else "not all is well", highlight=False)


def print_findings(findings: list[Finding]) -> None:
    """What `edge doctor` found, a line each."""
    console = Console(file=sys.stdout, soft_wrap=True)
    for finding in findings:
        mark = "[bold red]look[/bold red]" if not finding.well else "note" if finding.advice else "[green]ok  [/green]"
        console.print(f"{mark} {finding.subject}: ", end="")
        console.print(finding.state, markup=False, highlight=False)
        if finding.advice:
            console.print(f"     -> {finding.advice}", markup=False, highlight=False)


def print_bench(result: "BenchResult") -> None:
    """What `edge bench` measured, with the ratios that matter."""
    console = Console(file=sys.stdout, highlight=False)
    console.print(
        f"{result.encoder_name} at {result.input_size} px, batch {result.batch_size}, {result.references} references, "
        f"{result.frames} pictures of {result.picture}, {result.device}"
    )
    table = Table("", "per second", "p50 ms", "p95 ms", "p99 ms", "flagged", "not inspected")
    table.add_row("bare encoder", f"{result.encoder_images_per_s:.1f}")
    table.add_row("scoring", f"{result.scoring_images_per_s:.1f}")
    for title, line in (("line, as fast as it goes", result.line), ("line, 10 frames/s camera", result.camera)):
        latencies = (line.latency_p50_ms, line.latency_p95_ms, line.latency_p99_ms)
        counts = (str(line.flagged), str(line.not_inspected))
        table.add_row(title, f"{line.frames_per_s:.1f}", *(f"{latency:.0f}" for latency in latencies), *counts)
    console.print(table)
    console.print(f"scoring / bare encoder: {result.scoring_of_encoder:.2f}")
    console.print(f"line / scoring:         {result.line_of_scoring:.2f}")
    console.print(f"peak memory: worker {result.worker_peak_mb:.0f} MB, capture {result.capture_peak_mb:.0f} MB")
