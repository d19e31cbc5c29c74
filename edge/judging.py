"""From frames to entries of the record: what is known without a look, what is scored, and what cannot be."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from edge.frame import FrameInfo, Pixels
from edge.ledger.audit_draw import AuditDraw
from edge.ledger.writer import Entry
from edge.line.deadline import expired
from edge.line.frame_message import decode_pixels
from edge.line.message import BadMessage, FrameHeader
from edge.line.suspects import POISON_DEATHS, Suspects
from edge.logs import about
from edge.verdict import Reason, Verdict, not_inspected
from edge.vision.bundle_name import NamedBundle
from edge.vision.drift import Standard, Watches
from edge.vision.memory import in_halves

log = logging.getLogger(__name__)


class Scorer(Protocol):
    """Judges pictures; the real one is edge.vision.scorer.VisionScorer."""

    def load(self, category: str) -> None:
        """Make a category's bundle ready. Raises EdgeError if there is none or it does not fit."""

    def refresh(self) -> None:
        """Read what was promoted since, beside a running `score`; the next one judges by it. Logs what cannot be used.

        It is called about once a second, from another thread than `score`.
        """

    def bundles(self) -> Sequence[NamedBundle]:
        """The bundles that judge now or from the next call of `score` on."""

    def score(self, pictures: Sequence[Pixels], categories: Sequence[str | None]) -> list[Verdict]:
        """One verdict a picture, in order; category None means that nobody calibrated this camera."""

    def standard(self, bundle: str) -> Standard | None:
        """What the bundle with this content hash holds as normal; None if it says nothing."""


@dataclass(frozen=True, slots=True)
class Job:
    """A frame at the worker: either with a message to decode and score, or with its outcome already known."""

    info: FrameInfo
    category: str | None
    header: FrameHeader | None = None
    payload: bytes = b""
    verdict: Verdict | None = None


class Judging:
    """Makes entries of jobs. For one thread, the one that scores."""

    def __init__(self, scorer: Scorer, *, suspects: Suspects, watches: Watches, audit: AuditDraw) -> None:
        self._scorer, self._suspects, self._watches, self._audit = scorer, suspects, watches, audit

    def entries(self, jobs: Sequence[Job]) -> list[Entry]:
        """The outcome of each job, in order; suspects are scored alone, after the others have been."""
        entries = {job.info.key: entry for job in jobs if (entry := self._known(job))}
        open_jobs = [job for job in jobs if job.info.key not in entries]
        suspects = [job for job in open_jobs if self._suspects.deaths(job.info.key)]
        calm = [job for job in open_jobs if job not in suspects]
        for group in [calm, *([job] for job in suspects)]:
            entries.update((entry.info.key, entry) for entry in self._together(group))
        return [entries[job.info.key] for job in jobs]

    def _known(self, job: Job) -> Entry | None:
        """The entry of a job that needs no look at its pixels."""
        if job.verdict is not None:
            return Entry(job.info, job.verdict)
        if self._suspects.deaths(job.info.key) >= POISON_DEATHS:
            log.error(
                "frame %s: %d workers died while scoring it; it is poison", job.info.key, POISON_DEATHS,
                extra=about(job.info),
            )  # fmt: skip
            return Entry(job.info, not_inspected(Reason.POISON))
        if expired(job.info):
            return Entry(job.info, not_inspected(Reason.LATE))
        return None

    def _together(self, jobs: Sequence[Job]) -> list[Entry]:
        """The entries of frames that are scored in one batch; in smaller ones if there is too little memory for it."""
        return in_halves(jobs, self._batch, lambda job: Entry(job.info, not_inspected(Reason.NO_MEMORY)))

    def _batch(self, jobs: Sequence[Job]) -> list[Entry]:
        with self._suspects.scoring([job.info.key for job in jobs]):
            pictures = [_decode(job) for job in jobs]
            seen = [(job, pixels) for job, pixels in zip(jobs, pictures, strict=True) if pixels is not None]
            verdicts = iter(self._scorer.score([pixels for _, pixels in seen], [job.category for job, _ in seen]))
        return [
            Entry(job.info, not_inspected(Reason.UNREADABLE))
            if pixels is None
            else self._entry(job, pixels, next(verdicts))
            for job, pixels in zip(jobs, pictures, strict=True)
        ]

    def _entry(self, job: Job, pixels: Pixels, verdict: Verdict) -> Entry:
        """The entry of a scored frame; one whose deadline has passed meanwhile is late, whatever its verdict."""
        outcome = not_inspected(Reason.LATE) if expired(job.info) else verdict
        alarms = self._watches.see(job.info, pixels, outcome)
        return Entry(job.info, outcome, pixels, alarms, self._audit.rate_of(outcome))


def _decode(job: Job) -> Pixels | None:
    assert job.header is not None
    try:
        return decode_pixels(job.header, job.payload)
    except BadMessage as error:
        log.warning("frame %s cannot be read: %s", job.info.key, error, extra=about(job.info))
        return None
