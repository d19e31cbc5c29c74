"""Drawn areas become bundles beside the line: one process at a time, and none is left without an answer."""

import sys
import time
from pathlib import Path

from edge.ledger.drawn_areas import DrawnArea, ask_area, newest_area
from edge.ledger.record import unit_of_work
from edge.redraws import Redraws
from tests.ledger_rows import Ledger

TRIANGLE = [[(0.1, 0.1), (0.9, 0.1), (0.5, 0.8)]]
FAILS = (sys.executable, "-c", "import sys; sys.exit(f'no room for {sys.argv[1]}')")
HANGS = (sys.executable, "-c", "import time; time.sleep(60)")


def ask(ledger: Ledger, category: str = "pcb") -> int:
    with unit_of_work(ledger.engine) as session:
        return ask_area(session, category=category, bundle="ab" * 32, area=TRIANGLE, ignore=[], by="anna")


def newest(ledger: Ledger, category: str = "pcb") -> DrawnArea:
    with unit_of_work(ledger.engine) as session:
        found = newest_area(session, category)
    assert found is not None
    return found


def run(redraws: Redraws, ledger: Ledger, category: str = "pcb") -> DrawnArea:
    until_s = time.monotonic() + 20
    while newest(ledger, category).answer is None:
        assert time.monotonic() < until_s
        redraws.tick()
        time.sleep(0.02)
    return newest(ledger, category)


def test_a_command_that_fails_leaves_an_answer_and_its_words(ledger: Ledger, tmp_path: Path) -> None:
    redraws = Redraws(reads=ledger.engine, writes=ledger.engine, logs=tmp_path, environment={}, command=FAILS)
    ask(ledger)
    answered = run(redraws, ledger)
    assert (answered.state, "exit code 1" in str(answered.answer)) == ("refused", True)
    assert "no room for pcb" in (tmp_path / "redraw.log").read_text()
    redraws.tick()  # an answered one is not tried again
    assert newest(ledger) == answered


def test_of_several_drawings_of_a_category_only_the_last_is_made(ledger: Ledger, tmp_path: Path) -> None:
    redraws = Redraws(reads=ledger.engine, writes=ledger.engine, logs=tmp_path, environment={}, command=FAILS)
    for category in ("pcb", "cookie", "pcb"):
        ask(ledger, category)
    run(redraws, ledger, "pcb")
    run(redraws, ledger, "cookie")
    redraws.tick()
    assert sorted((tmp_path / "redraw.log").read_text().split()) == sorted(
        ["no", "room", "for", "pcb", "no", "room", "for", "cookie"]
    )


def test_stop_ends_the_one_at_work_and_keeps_its_drawing(ledger: Ledger, tmp_path: Path) -> None:
    redraws = Redraws(reads=ledger.engine, writes=ledger.engine, logs=tmp_path, environment={}, command=HANGS)
    ask(ledger)
    redraws.tick()
    began_s = time.monotonic()
    redraws.stop()
    assert time.monotonic() - began_s < 10
    assert newest(ledger).answer is None
