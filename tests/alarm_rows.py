"""Alarms for tests, and frames that bring them."""

from edge.alarm import Alarm, Kind, State
from edge.frame import FrameInfo
from edge.ledger.writer import Entry
from edge.verdict import Outcome, Verdict

DARK = "Brightness 61 of 255; good parts had 85 of 255."


def alarm(state: State = State.RAISED, *, kind: Kind = Kind.LIGHT, measure: str = "brightness") -> Alarm:
    return Alarm(kind, measure, state, "pcb", "a" * 64, 61.0, 85.0, 80.0, 90.0, DARK)


def entry(seq: int, *alarms: Alarm, camera: str = "top") -> Entry:
    return Entry(FrameInfo("night-1", camera, seq, seq * 10**9, "test"), Verdict(Outcome.OK, score=0.1), alarms=alarms)
