"""Frames' record ids as people type them: 12,15-18."""

from collections.abc import Sequence

from edge.errors import EdgeError

MOST = 10_000
"""Ids in one command: a slip such as 1-1000000000 is told at once."""


def parse_frame_ids(words: Sequence[str], *, called: str) -> list[int]:
    """`["12,15-18", "20"]` -> [12, 15, 16, 17, 18, 20], each once; called: the option or command, for the message.

    Raises EdgeError for what is no such list.
    """
    wanted: dict[int, None] = {}
    for text in words:
        for part in text.split(","):
            first, dash, last = part.strip().partition("-")
            if not first.isdecimal() or (dash and not (last.isdecimal() and int(first) <= int(last))):
                raise EdgeError(f"{called} {text!r}: {part!r} is no number and no range. Write for example 12,15-18.")
            if int(last or first) - int(first) + len(wanted) >= MOST:
                raise EdgeError(f"{called} {text!r}: that is more than {MOST} frames. Give fewer at a time.")
            wanted |= dict.fromkeys(range(int(first), int(last or first) + 1))
    return list(wanted)
