"""Orders are done one after another for each camera, and a stop waits for none of them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from edge.database import Database
from edge.ledger.orders import Order, add_order
from edge.ledger.record import open_engine, unit_of_work
from edge.order_desk import OrderDesk, Steps
from edge.settings import Settings
from tests.new_record import new_record

OVERRULED = "refused: ben asked for a stop before it was done"


@dataclass
class Desk:
    """A desk on a real record, whose starts take until `frames` and whose stops take two ticks."""

    database: Database
    frames: bool = False
    begun: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        new_record(self.database)
        self.engine = open_engine(self.database, writes=True)
        kinds = {"start": self._start, "changeover": self._start, "stop": self._stop}
        self.desk = OrderDesk(kinds, reads=self.engine, writes=self.engine)

    def ask(self, kind: str, camera: str = "left", by: str = "anna") -> int:
        with unit_of_work(self.engine) as session:
            return add_order(session, kind, camera=camera, asked_by=by).id

    def said(self, asked: int) -> str:
        with Session(self.engine) as session:
            order = session.get_one(Order, asked)
            return f"{order.state}: {order.answer}" if order.answer else order.state

    def ticks(self, count: int) -> None:
        for _ in range(count):
            self.desk.tick()

    def _start(self, order: Order) -> Steps:
        self.begun.append(f"{order.kind} {order.camera}")
        while not self.frames:
            yield
        return "it inspects"

    def _stop(self, order: Order) -> Steps:
        self.begun.append(f"stop {order.camera}")
        yield
        return "it is stopped"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(Settings(data=tmp_path).database)
    yield desk
    desk.desk.close()
    desk.engine.dispose()


def test_a_stop_ends_the_start_that_is_under_way_and_is_done_at_once(desk: Desk) -> None:
    start, other = desk.ask("start"), desk.ask("start", "right")
    desk.ticks(3)
    stop = desk.ask("stop", by="ben")
    desk.ticks(2)
    assert desk.said(start) == OVERRULED
    assert desk.said(stop) == "done: it is stopped"
    assert desk.said(other) == "doing", "the other camera goes on"


def test_what_was_asked_before_a_stop_is_never_begun_after_it_and_what_was_asked_later_is(desk: Desk) -> None:
    asked = [desk.ask("changeover")]
    desk.ticks(1)
    asked += [desk.ask("start"), desk.ask("stop", by="ben"), desk.ask("start")]
    desk.frames = True
    desk.ticks(5)
    assert [desk.said(one) for one in asked] == [OVERRULED, OVERRULED, "done: it is stopped", "done: it inspects"]
    assert desk.begun == ["changeover left", "stop left", "start left"]


def test_a_stop_does_not_end_the_stop_before_it(desk: Desk) -> None:
    first = desk.ask("stop")
    desk.ticks(1)
    second = desk.ask("stop", by="ben")
    desk.ticks(5)
    assert [desk.said(first), desk.said(second)] == ["done: it is stopped"] * 2


def test_an_answer_that_cannot_be_written_now_is_written_later(desk: Desk, tmp_path: Path) -> None:
    hasty = open_engine(desk.database, writes=True, wait_s=0.05)
    patient, desk.desk = desk.desk, OrderDesk({"start": desk._start}, reads=hasty, writes=hasty)
    start = desk.ask("start")
    desk.ticks(1)
    desk.frames = True
    with desk.engine.begin(), pytest.raises(OperationalError, match="lock"):
        desk.ticks(1)
    assert desk.said(start) == "doing"
    desk.ticks(1)
    assert desk.said(start) == "done: it inspects"
    desk.desk = patient  # closed at the end; the other would take a connection from an engine that is gone
    hasty.dispose()
