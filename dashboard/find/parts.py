"""A part's own address, which stays right whatever becomes of row ids, and what the record says of the part."""

from urllib.parse import quote, unquote

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from edge.ledger.record import Inspection
from edge.verdict import Outcome

NO_PART = "-"


def part_address(part: str | None, serial: str | None) -> str | None:
    """`/parts/PCB-2041/SN0000017`, for a part without a type number `/parts/-/SN0000017`; None without a serial number.

    Each is percent-encoded twice, since a server takes one layer off before it looks for slashes.
    """
    if not serial:
        return None
    kind = "%252D" if part == NO_PART else _twice(part) if part else NO_PART
    return f"/parts/{kind}/{_twice(serial)}"


def part_of(kind: str, serial: str) -> tuple[str | None, str]:
    """(part, serial) of an address whose outer encoding is off already."""
    return None if kind == NO_PART else unquote(kind), unquote(serial)


def is_part(part: str | None, serial: str) -> list[ColumnElement[bool]]:
    """That a frame shows this part."""
    return [Inspection.serial == serial, Inspection.part.is_(None) if part is None else Inspection.part == part]


def outcomes_of(session: Session, part: str | None, serial: str) -> dict[Outcome, int]:
    """How many of a part's frames ended how."""
    query = select(Inspection.outcome, func.count()).where(*is_part(part, serial)).group_by(Inspection.outcome)
    return {Outcome(outcome): frames for outcome, frames in session.execute(query)}


def frames_of(session: Session, part: str | None, serial: str, *, limit: int) -> list[int]:
    """Ids of a part's newest frames, newest first."""
    query = select(Inspection.id).where(*is_part(part, serial)).order_by(Inspection.id.desc()).limit(limit)
    return list(session.scalars(query))


def _twice(text: str) -> str:
    return quote(quote(text, safe=""), safe="")
