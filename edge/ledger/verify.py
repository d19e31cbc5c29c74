"""Does the record hold every frame? Journals against rows, rows against files."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from edge.ledger.record import Camera, Inspection, Run
from edge.ledger.writer import Entry, Writer
from edge.line.journal import Journal, JournalInUse, ended, numbers_in, read_header
from edge.verdict import Outcome, Reason, not_inspected

SETTLE_GROUP = 500


@dataclass(frozen=True, slots=True)
class Account:
    """One camera in one run: what its capture numbered against what the record holds.

    numbered: None if the journal lies on another machine
    missing:  numbered and not recorded;  unnumbered: recorded and never numbered
    """

    run: str
    camera: str
    numbered: int | None
    outcomes: dict[str, int]
    missing: list[int]
    unnumbered: list[int]

    @property
    def balanced(self) -> bool:
        """numbered = ok + defect + unsure + not_inspected, number by number."""
        return not self.missing and not self.unnumbered


@dataclass(frozen=True, slots=True)
class Report:
    """What `edge verify` found."""

    accounts: list[Account]
    missing_files: list[str] = field(default_factory=list)
    stray_files: list[str] = field(default_factory=list)

    def good_while(self, *, running: bool) -> bool:
        """Whether nothing is missing and nothing is too much; on a running line, what is missing is in flight."""
        if running:
            return not self.missing_files
        return all(account.balanced for account in self.accounts) and not self.missing_files and not self.stray_files


def verify(engine: Engine, *, journals: Path, media: Path, run: str | None = None) -> Report:
    """Compare journals with rows (of one run, or of all) and rows with files. Only reads."""
    with Session(engine) as session:
        accounts = _accounts(session, journals, run)
        rows = session.execute(select(Inspection.picture_path, Inspection.map_path))
        recorded = {path for row in rows for path in row if path}
    on_disk = {str(path.relative_to(media)) for path in media.rglob("*") if path.is_file()}
    return Report(accounts, sorted(recorded - on_disk), sorted(on_disk - recorded))


def settle(engine: Engine, reason: Reason, *, journals: Path, media: Path) -> int:
    """Record every frame that was numbered and never recorded as not inspected, with this reason, and end its journal.

    engine: opened with `writes=True`. Only for when no worker is running on this data folder; journals that a capture
    is writing are left alone. Returns how many frames that were.
    """
    writer = Writer(engine, media)
    settled = 0
    for path in sorted(journals.glob("*/*.jsonl")):
        header = None if ended(path) else read_header(path)
        if header is None:
            continue
        try:
            journal = Journal(
                journals,
                run=path.parent.name,
                camera=path.stem,
                source=str(header["source"]),
                category=header["category"],
            )
        except JournalInUse:
            continue
        with journal:
            settled += _settle(writer, journal, reason, header)
            journal.end()
    return settled


def _settle(writer: Writer, journal: Journal, reason: Reason, header: Mapping[str, str | None]) -> int:
    first = 1 + writer.register(
        journal.run, journal.camera, source=str(header["source"]), category=header["category"]
    )  # fmt: skip
    settled = 0
    for start in range(first, journal.numbered + 1, SETTLE_GROUP):
        frames = journal.entries(start, min(journal.numbered, start + SETTLE_GROUP - 1))
        settled += len(writer.write([Entry(info, not_inspected(reason)) for info in frames]))
    return settled


def _accounts(session: Session, journals: Path, run: str | None) -> list[Account]:
    numbered: dict[tuple[str, str], set[int]] = {}
    for path in sorted(journals.glob("*/*.jsonl")):
        if read_header(path):
            numbered[path.parent.name, path.stem] = numbers_in(path)
    cameras = session.execute(select(Run.name, Camera.name, Camera.id).join(Camera, Camera.run_id == Run.id)).all()
    ids = {(run_name, camera): camera_id for run_name, camera, camera_id in cameras}
    keys = sorted(key for key in numbered.keys() | ids.keys() if run in (None, key[0]))
    return [_account(session, key, numbered.get(key), ids.get(key)) for key in keys]


def _account(session: Session, key: tuple[str, str], numbered: set[int] | None, camera_id: int | None) -> Account:
    rows = session.execute(select(Inspection.seq, Inspection.outcome).where(Inspection.camera_id == camera_id)).all()
    counts = Counter(outcome for _, outcome in rows)
    recorded = {seq for seq, _ in rows}
    return Account(
        run=key[0],
        camera=key[1],
        numbered=None if numbered is None else len(numbered),
        outcomes={outcome.value: counts[outcome.value] for outcome in Outcome},
        missing=[] if numbered is None else sorted(numbered - recorded),
        unnumbered=[] if numbered is None else sorted(recorded - numbered),
    )
