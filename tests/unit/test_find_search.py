"""What filters find, against the same filters written plainly in Python, on a record of some thousand frames."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from dashboard.find.filters import REVIEWS, Filters
from dashboard.find.parts import part_address, part_of
from dashboard.find.search import found_ids
from dashboard.reader import Reader
from edge.ledger.bundles import BundleRow
from edge.ledger.record import Camera, Inspection, Review, Run
from edge.settings import Settings
from edge.verdict import Outcome, worst
from tests import big_record

FRAMES = 5600
SHIFTS = (time(6), time(14), time(22))


@dataclass
class Frames:
    """A record and all that is in it."""

    reader: Reader
    rows: list[dict[str, Any]]
    now_ns: int


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Frames]:
    where = Settings(data=tmp_path_factory.mktemp("find"))
    big_record.make(where, frames=FRAMES, flagged=600)
    reader = Reader(where.database)
    with reader.read() as reading:
        rows = all_rows(reading.session)
    yield Frames(reader, rows, max(row["captured_ns"] for row in rows))
    reader.close()


def all_rows(session: Session) -> list[dict[str, Any]]:
    latest = {r.inspection_id: r.verdict for r in session.scalars(select(Review).order_by(Review.id))}
    names = {b.sha256: b.name for b in session.scalars(select(BundleRow))}
    query = select(Inspection.__table__, Run.name.label("run"), Camera.name.label("camera")).join(
        Run, Run.id == Inspection.run_id
    )
    found = session.execute(query.join(Camera, Camera.id == Inspection.camera_id)).mappings()
    return [
        dict(row) | {"review": latest.get(row["id"], "withdrawn"), "bundle_name": names.get(row["bundle"], "")}
        for row in found
    ]


def holds(row: dict[str, Any], asked: Filters, now_ns: int) -> bool:
    """The filters as their documentation says them."""

    def number(value: str | None, wanted: str | None) -> bool:
        if wanted is None:
            return True
        return value is not None and (value.startswith(wanted[:-1]) if wanted.endswith("*") else value == wanted)

    begin, end = asked.span_ns(now_ns, SHIFTS)
    score, review = row["score"], "unreviewed" if row["review"] == "withdrawn" else row["review"]
    return (
        (begin is None or row["captured_ns"] >= begin)
        and (end is None or row["captured_ns"] < end)
        and all(getattr(asked, name) in (None, row[name]) for name in ("run", "camera", "category", "reason"))
        and (not asked.outcome or row["outcome"] in asked.outcome)
        and asked.review in (None, review)
        and (asked.score_from is None or (score is not None and score >= asked.score_from))
        and (asked.score_to is None or (score is not None and score <= asked.score_to))
        and all(number(row[name], getattr(asked, name)) for name in ("part", "lot", "serial"))
        and (
            asked.bundle is None
            or (
                bool(row["bundle"])
                and (row["bundle"].startswith(asked.bundle) or row["bundle_name"].startswith(asked.bundle))
            )
        )
    )


MOMENTS = st.none() | st.integers(0, 11 * 24 * 60).map(lambda ago: datetime.now(tz=UTC) - timedelta(minutes=ago))
FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "when": st.sampled_from(["hour", "shift", "today"]),
        "since": MOMENTS,
        "until": MOMENTS,
        "run": st.sampled_from(["day-01", "day-10", "day-11"]),
        "camera": st.sampled_from(["left", "top", "nowhere"]),
        "category": st.sampled_from(["pcb", "tile", "nothing"]),
        "outcome": st.lists(st.sampled_from(list(Outcome)), max_size=4),
        "reason": st.sampled_from(["late", "pose", "above_threshold"]),
        "review": st.sampled_from(REVIEWS),
        "score_from": st.floats(0, 2),
        "score_to": st.floats(0, 2),
        "part": st.sampled_from(["PCB-2041", "PCB*", "X", "*"]),
        "lot": st.sampled_from(["PCB-L0001", "COOKIE*", "*", "%"]),
        "serial": st.sampled_from(["SN0000400", "SN00004*", "SN*", "_"]),
        "bundle": st.sampled_from(["pcb@7", "pcb", "2b2b", "cookie@8", "zz", "@"]),
    },
).map(Filters.model_validate)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=FILTERS, limit=st.sampled_from([1, 24, FRAMES]), edge=st.integers(1, FRAMES))
def test_search_finds_what_a_plain_filter_finds(frames: Frames, asked: Filters, limit: int, edge: int) -> None:
    wanted = [row["id"] for row in frames.rows if holds(row, asked, frames.now_ns)]
    with frames.reader.read() as reading:

        def found(**where: int) -> list[int]:
            return found_ids(reading.session, asked, now_ns=frames.now_ns, shifts=SHIFTS, limit=limit, **where)

        assert found() == wanted[::-1][:limit]
        assert found(before=edge) == [each for each in wanted[::-1] if each < edge][:limit]
        assert found(after=edge) == [each for each in wanted if each > edge][:limit]


@given(asked=FILTERS)
def test_address_gives_the_same_filters_back_and_holds_nothing_empty(asked: Filters) -> None:

    fields = parse_qsl(urlsplit(asked.address()).query, keep_blank_values=True)
    assert all(value for _, value in fields)
    values: dict[str, object] = dict(fields) | {"outcome": [value for name, value in fields if name == "outcome"]}
    again = Filters.model_validate(values)
    assert again == asked


@pytest.mark.parametrize(
    "wrong", [{"camra": "left"}, {"from": "soon"}, {"from": "0001-01-01"}, {"review": "withdrawn"}, {"score_from": "x"}]
)
def test_filter_that_is_none_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Filters.model_validate(wrong)


def test_search_never_sorts_the_table_and_uses_the_index_of_what_is_rare(frames: Frames) -> None:
    plans = {
        "SELECT id FROM inspection WHERE captured_ns >= 0 LIMIT 9": "ix_inspection_captured_ns",
        "SELECT id FROM inspection WHERE serial = 'SN0000400' ORDER BY id DESC LIMIT 9": "ix_inspection_serial",
        "SELECT id FROM inspection WHERE lot >= 'A' AND lot < 'B' LIMIT 9": "ix_inspection_lot",
        "SELECT id FROM inspection WHERE part = 'PCB' ORDER BY id DESC LIMIT 9": "ix_inspection_part",
        "SELECT id FROM inspection WHERE coalesce(part, NULL) = 'PCB' ORDER BY id DESC LIMIT 9": "SCAN inspection",
    }
    with frames.reader.read() as reading:
        for query, index in plans.items():
            plan = " ".join(row.detail for row in reading.session.execute(text(f"EXPLAIN QUERY PLAN {query}")))
            assert index in plan
            assert "TEMP B-TREE" not in plan


@given(part=st.none() | st.text(min_size=1), serial=st.text(min_size=1))
def test_address_of_a_part_leads_back_to_it(part: str | None, serial: str) -> None:

    address = part_address(part, serial)
    assert address is not None
    pieces = address.split("/")
    assert len(pieces) == 4
    served = [unquote(piece) for piece in pieces[2:]]  # what a server makes of an address
    assert all("/" not in piece for piece in served)
    assert part_of(served[0], served[1]) == (part, serial)


def test_part_is_as_good_as_its_worst_frame() -> None:
    assert worst({Outcome.OK}) is Outcome.OK
    assert worst({Outcome.OK, Outcome.NOT_INSPECTED}) is Outcome.NOT_INSPECTED
    assert worst({Outcome.NOT_INSPECTED, Outcome.UNSURE}) is Outcome.UNSURE
    assert worst(set(Outcome)) is Outcome.DEFECT
    assert worst(set()) is None
