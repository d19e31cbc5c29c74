import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from edge.frame import Frame
from edge.line.message import NOTICE_FRAMES
from edge.line.outbox import MOST_TOLD, Lost, Outbox
from edge.verdict import Reason
from tests.fakes import numbered_frame

CREDITS = 3


def put(outbox: Outbox, *seqs: int) -> None:
    for seq in seqs:
        outbox.put(numbered_frame(seq))


def take(outbox: Outbox, *, credits: int = CREDITS) -> list[int | tuple[int, int, Reason]]:
    taken: list[int | tuple[int, int, Reason]] = []
    while (item := outbox.next(credits=credits)) is not None:
        taken.append(item.info.seq if isinstance(item, Frame) else (item.first, item.last, item.reason))
    return taken


def test_frames_leave_in_order_as_far_as_the_credit_goes() -> None:
    outbox = Outbox("wait", capacity=9)
    put(outbox, 1, 2, 3, 4)
    assert take(outbox, credits=2) == [1, 2]
    outbox.acknowledge(1, 1)
    assert take(outbox, credits=2) == [3]


def test_what_a_new_worker_does_not_take_is_told_of_and_not_sent_again() -> None:
    outbox = Outbox("wait", capacity=9)
    put(outbox, 1, 2, 3, 4)
    take(outbox, credits=2)
    outbox.start_over(committed=0)
    outbox.give_up(lambda frame: frame.info.seq in (2, 3), Reason.TOO_LARGE)
    assert take(outbox) == [1, (2, 2, Reason.TOO_LARGE), (3, 3, Reason.TOO_LARGE), 4]
    assert outbox.frames_held == 2
    outbox.acknowledge(1, 4)
    assert outbox.empty


def test_drop_oldest_loses_the_oldest_frame_that_was_never_sent() -> None:
    outbox = Outbox("drop-oldest", capacity=2)
    put(outbox, 1, 2)
    assert take(outbox, credits=1) == [1]
    put(outbox, 3, 4, 5)
    outbox.acknowledge(1, 1)
    assert take(outbox) == [(2, 3, Reason.OVERLOAD), 4, 5]


def test_drop_newest_loses_the_new_frame_and_tells_of_it_after_the_older_ones() -> None:
    outbox = Outbox("drop-newest", capacity=2)
    put(outbox, 1, 2, 3, 4)
    assert take(outbox) == [1, 2, (3, 4, Reason.OVERLOAD)]


def test_a_frame_that_was_sent_is_never_dropped() -> None:
    outbox = Outbox("drop-oldest", capacity=2)
    put(outbox, 1, 2)
    assert take(outbox) == [1, 2]
    outbox.start_over(committed=0)
    put(outbox, 3, 4, 5)
    outbox.give_up_waiting(Reason.STOPPED)
    assert take(outbox) == [1, 2, (3, 3, Reason.OVERLOAD), (4, 5, Reason.STOPPED)]


def test_starting_over_forgets_what_is_committed_and_sends_the_rest_again() -> None:
    outbox = Outbox("wait", capacity=9)
    put(outbox, 1, 2)
    outbox.lose(3, 3, Reason.UNREADABLE)
    put(outbox, 4, 5)
    assert take(outbox, credits=3) == [1, 2, (3, 3, Reason.UNREADABLE), 4]
    outbox.start_over(committed=2)
    assert take(outbox, credits=3) == [(3, 3, Reason.UNREADABLE), 4, 5]


def test_a_long_outage_is_one_range_and_leaves_in_pieces() -> None:
    outbox = Outbox("drop-newest", capacity=1)
    put(outbox, *range(1, 3 * NOTICE_FRAMES))
    first = take(outbox)
    assert first == [
        1,
        (2, NOTICE_FRAMES + 1, Reason.OVERLOAD),
        (NOTICE_FRAMES + 2, 2 * NOTICE_FRAMES + 1, Reason.OVERLOAD),
    ]
    outbox.acknowledge(1, MOST_TOLD)
    assert take(outbox) == [(2 * NOTICE_FRAMES + 2, 3 * NOTICE_FRAMES - 1, Reason.OVERLOAD)]


def test_frames_are_held_from_the_camera_to_the_acknowledgement_also_over_a_workers_death() -> None:
    outbox = Outbox("wait", capacity=5)
    put(outbox, 1, 2, 3, 4)
    outbox.lose(5, 5, Reason.UNREADABLE)
    assert take(outbox, credits=2) == [1, 2]
    assert outbox.frames_held == 4
    outbox.acknowledge(1, 1)
    assert outbox.frames_held == 3
    outbox.start_over(committed=1)
    assert outbox.frames_held == 3
    outbox.give_up_waiting(Reason.STOPPED)
    assert outbox.frames_held == 1, "2 was sent, and is sent again"


class OutboxMachine(RuleBasedStateMachine):
    """Against a worker that commits, dies, and comes back: in the end every number has exactly one outcome."""

    def __init__(self) -> None:
        super().__init__()
        self.outbox = Outbox("drop-oldest", capacity=3)
        self.numbered = 0
        self.with_worker: list[int] = []  # sent in this session and not committed
        self.sent_once: set[int] = set()
        self.outcomes: dict[int, str] = {}
        self.last_sent = 0

    @rule()
    def camera_delivers(self) -> None:
        self.numbered += 1
        put(self.outbox, self.numbered)

    @rule()
    def camera_delivers_rubbish(self) -> None:
        self.numbered += 1
        self.outbox.lose(self.numbered, self.numbered, Reason.UNREADABLE)

    @rule()
    def capture_sends(self) -> None:
        item = self.outbox.next(credits=CREDITS)
        if item is None:
            return
        seqs = [item.info.seq] if isinstance(item, Frame) else list(range(item.first, item.last + 1))
        assert seqs[0] == self.last_sent + 1, "out of order"
        self.last_sent = seqs[-1]
        if isinstance(item, Frame):
            self.sent_once.add(item.info.seq)
        elif item.reason is Reason.OVERLOAD:
            assert not self.sent_once & set(seqs), "a frame that was sent has been dropped"
        self.with_worker += seqs

    @precondition(lambda self: self.with_worker)
    @rule(data=st.data())
    def worker_commits(self, data: st.DataObject) -> None:
        count = data.draw(st.integers(1, len(self.with_worker)))
        acknowledged = data.draw(st.booleans())
        for seq in self.with_worker[:count]:
            self.outcomes.setdefault(seq, "done")
            if acknowledged:
                self.outbox.acknowledge(seq, seq)
        if acknowledged:
            del self.with_worker[:count]

    @rule()
    def worker_dies_and_comes_back(self) -> None:
        committed = 0
        while committed + 1 in self.outcomes:
            committed += 1
        self.with_worker.clear()
        self.last_sent = committed
        self.outbox.start_over(committed=committed)

    @rule()
    def a_worker_comes_that_takes_less(self) -> None:
        self.worker_dies_and_comes_back()
        self.outbox.give_up(lambda frame: frame.info.seq % 3 == 0, Reason.TOO_LARGE)

    @invariant()
    def credit_is_kept(self) -> None:
        assert self.outbox.frames_out <= CREDITS
        assert self.outbox.frames_out <= self.outbox.frames_held <= self.numbered

    def teardown(self) -> None:
        self.worker_dies_and_comes_back()
        while (item := self.outbox.next(credits=10**6)) is not None:
            first, last = (item.info.seq, item.info.seq) if isinstance(item, Frame) else (item.first, item.last)
            for seq in range(first, last + 1):
                self.outcomes.setdefault(seq, "done")
                self.outbox.acknowledge(seq, seq)
        assert sorted(self.outcomes) == list(range(1, self.numbered + 1))
        assert self.outbox.empty
        assert self.outbox.frames_held == 0


TestOutboxAgainstADyingWorker = OutboxMachine.TestCase
TestOutboxAgainstADyingWorker.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)


def test_a_lost_range_is_cut_at_what_is_committed() -> None:
    outbox = Outbox("wait", capacity=1)
    outbox.lose(1, 10, Reason.CAPTURE_DIED)
    outbox.start_over(committed=7)
    assert outbox.next(credits=1) == Lost(8, 10, Reason.CAPTURE_DIED)


@pytest.mark.parametrize("committed", [10, 11])
def test_nothing_is_left_when_all_is_committed(committed: int) -> None:
    outbox = Outbox("wait", capacity=1)
    outbox.lose(1, 10, Reason.CAPTURE_DIED)
    outbox.start_over(committed=committed)
    assert outbox.empty
