"""Is a running process hung? What its last heartbeat says, against limits."""

from dataclasses import dataclass

from edge.ledger.beats import Beat


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a process may leave others without a sign of life or of progress.

    start_s:   from its start to its first beat
    silence_s: between two beats
    owes_s:    for what it owes, see `Beat.waits_since_s`; None: for ever
    """

    start_s: float
    silence_s: float
    owes_s: float | None = None


def why_hung(
    beat: Beat | None, limits: Limits, *, pid: int, started_s: float, awake_since_s: float, now_s: float
) -> str | None:
    """Why the process with this id counts as hung, None if it does not; times of CLOCK_MONOTONIC.

    beat:          the last one under its name; one of another process id is its predecessor's
    awake_since_s: since when who asks has been awake without a break. What stood still before that may have stood still
                   with the whole machine, so it counts from then on
    """
    if beat is None or beat.pid != pid:
        silent_s = now_s - max(started_s, awake_since_s)
        return f"no heartbeat within {silent_s:.1f} s of its start" if silent_s > limits.start_s else None
    silent_s = now_s - max(beat.at_s, awake_since_s)
    if silent_s > limits.silence_s:
        return f"no heartbeat for {silent_s:.1f} s"
    if limits.owes_s is None or beat.waits_since_s is None or beat.held_by is not None:
        return None
    owes_s = now_s - max(beat.waits_since_s, awake_since_s)
    return f"nothing has come of what it had to do for {owes_s:.1f} s" if owes_s > limits.owes_s else None
