"""Does the record hold every frame? Journals against rows, rows against files."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from edge.errors import EdgeError
from edge.ledger.ownership import NAME_FILE
from edge.ledger.record import Camera, Inspection, Run
from edge.ledger.writer import Entry, Writer
from edge.line.journal import Journal, JournalInUse, ended, last_category, numbers_in, read_header
from edge.verdict import Outcome, Reason, not_inspected

SETTLE_GROUP = 500


@dataclass(frozen=True, slots=True)
class Account:
    """One camera in one run: what its capture numbered against what the record holds.

    numbered: None if the journal lies on another machine; then nothing can be said to be missing, or not
    missing:  numbered and not recorded;  unnumbered: recorded and never numbered
    in_order: whether the journal's numbers are 1, 2, 3, ..., each given once
    ended:    whether its capture ended cleanly, so that nothing is in flight
    """

    run: str
    camera: str
    numbered: int | None
    outcomes: dict[str, int]
    missing: list[int]
    unnumbered: list[int]
    in_order: bool
    ended: bool

    @property
    def balanced(self) -> bool:
        """numbered = ok + defect + unsure + not_inspected, number by number; never true without its journal."""
        return self.compared and self.in_order and not self.missing and not self.unnumbered

    @property
    def may_be_balanced(self) -> bool:
        """The same while its capture may be at work: what is missing is in flight then."""
        return self.balanced or (self.compared and self.in_order and not self.unnumbered and not self.ended)

    @property
    def compared(self) -> bool:
        """Whether its journal is here, or there is nothing that it could be compared with."""
        return self.numbered is not None or not any(self.outcomes.values())


@dataclass(frozen=True, slots=True)
class Report:
    """What `edge verify` found."""

    accounts: list[Account]
    missing_files: list[str] = field(default_factory=list)
    stray_files: list[str] = field(default_factory=list)

    def good_while(self, *, running: bool) -> bool:
        """Whether nothing is missing and nothing is too much.

        On a running line, frames and files without a row are in flight where a capture has not ended.
        """
        if self.missing_files:
            return False
        if not running:
            return all(account.balanced for account in self.accounts) and not self.stray_files
        alive = {(account.run, account.camera) for account in self.accounts if not account.ended}
        return all(account.may_be_balanced for account in self.accounts) and all(
            tuple(file.split("/")[1:3]) in alive for file in self.stray_files
        )


def verify(
    engine: Engine, *, journals: Path, media: Path, run: str | None = None, elsewhere: Sequence[Path] = ()
) -> Report:
    """Compare journals with rows (of one run, or of all) and rows with files. Only reads.

    elsewhere: copies of the journal folders of other machines, whose cameras sent frames to this one
    Raises EdgeError if there is no such run.
    """
    accounts = account(engine, journals=journals, run=run, elsewhere=elsewhere)
    if run is not None and not accounts:
        raise EdgeError(f"no run {run} in this data folder; `edge verify` without --run lists them.")
    recorded = _recorded_files(engine)
    on_disk = {str(path.relative_to(media)) for path in media.rglob("*") if path.is_file()} - {NAME_FILE}
    missing = recorded - on_disk
    if missing:  # a running line may have trimmed them since
        missing &= _recorded_files(engine)
    return Report(accounts, _of(run, missing), _of(run, on_disk - recorded))


def _recorded_files(engine: Engine) -> set[str]:
    with Session(engine) as session:
        rows = session.execute(select(Inspection.picture_path, Inspection.map_path))
        return {path for row in rows for path in row if path}


def _of(run: str | None, files: Iterable[str]) -> list[str]:
    """The files of one run, or all, in order; their paths are those of `media_stem`, and `.part` what a kill left."""
    return sorted(file for file in files if run is None or file.split("/")[1:2] == [run])


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
                category=last_category(path),
            )
        except JournalInUse:
            continue
        with journal:
            settled += _settle(writer, journal, reason, header)
            journal.end()
    return settled


def _settle(writer: Writer, journal: Journal, reason: Reason, header: Mapping[str, str | None]) -> int:
    committed, _ = writer.register(journal.run, journal.camera, source=str(header["source"]), category=journal.category)
    settled = 0
    for start in range(committed + 1, journal.numbered + 1, SETTLE_GROUP):
        frames = journal.entries(start, min(journal.numbered, start + SETTLE_GROUP - 1))
        settled += len(writer.write([Entry(info, not_inspected(reason)) for info in frames]))
    return settled


def account(engine: Engine, *, journals: Path, run: str | None = None, elsewhere: Sequence[Path] = ()) -> list[Account]:
    """What was numbered against what is recorded, by run and camera (of one run, or of all).

    Rows are read before journals: on a running line every row's number is in its journal by then.
    """
    with Session(engine) as session:
        cameras = session.execute(select(Run.name, Camera.name, Camera.id).join(Camera, Camera.run_id == Run.id)).all()
        recorded = {
            (name, camera): _rows_of(session, number) for name, camera, number in cameras if run in (None, name)
        }
    numbered, over = {}, set()
    for path in sorted(path for folder in (journals, *elsewhere) for path in folder.glob(f"{run or '*'}/*.jsonl")):
        if read_header(path):
            numbered[path.parent.name, path.stem] = numbers_in(path)
            if ended(path):
                over.add((path.parent.name, path.stem))
    keys = sorted(numbered.keys() | recorded.keys())
    return [_account(key, numbered.get(key), recorded.get(key, {}), ended=key in over) for key in keys]


def _rows_of(session: Session, camera_id: int) -> dict[int, str]:
    rows = session.execute(select(Inspection.seq, Inspection.outcome).where(Inspection.camera_id == camera_id))
    return {row.seq: row.outcome for row in rows}


def _account(key: tuple[str, str], numbered: list[int] | None, recorded: dict[int, str], *, ended: bool) -> Account:
    counts = Counter(recorded.values())
    numbers = recorded.keys() if numbered is None else set(numbered)
    return Account(
        run=key[0],
        camera=key[1],
        numbered=None if numbered is None else len(numbered),
        outcomes={outcome.value: counts[outcome.value] for outcome in Outcome},
        missing=sorted(numbers - recorded.keys()),
        unnumbered=sorted(recorded.keys() - numbers),
        in_order=numbered is None or numbered == list(range(1, len(numbered) + 1)),
        ended=ended,
    )
