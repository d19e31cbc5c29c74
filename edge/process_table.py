"""The line's processes as a table: what each is for, and what has become of it."""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, IntEnum, auto

from edge.hang import Limits


class Role(IntEnum):
    """What a process does; they are stopped in this order, so that what captures sent is still recorded."""

    CAPTURE = 0
    WORKER = 1
    OUTPUTS = 2
    PAGE = 3


@dataclass(frozen=True, slots=True)
class Program:
    """One row of the process table. Its secrets go into `environment`, never into `arguments`.

    patience_s: how long a stop waits before it kills
    limits:     when it counts as hung; None: it has no heartbeat
    """

    name: str
    role: Role
    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    patience_s: float = 8.0
    limits: Limits | None = None


class LineStopped(Exception):
    """The line cannot go on: the message says which process failed, how, and where its log is."""


class Status(Enum):
    """What a program is doing."""

    WAITING = auto()  # to be started, for the first time or again
    RUNNING = auto()
    STOPPING = auto()  # on `hold`
    HELD = auto()
    FAILED = auto()  # it could not work after a `release`, and is held
    DONE = auto()  # a capture whose source came to its end


@dataclass(slots=True)
class Child:
    """A program that was started at least once.

    held:     it is not to run until `release`;  kill_at_s: when a hold loses its patience
    released: somebody asked for it on a running line, so that what it cannot do must not end the line
    failure:  its last words, if it failed after that or was given up
    given_up: it was started again in vain too often, and others go on without it
    lost:     why its camera was lost when it ended last
    hung:     why it was killed as hung, until it has ended
    """

    program: Program
    process: subprocess.Popen[bytes] | None = None
    done: bool = False
    held: bool = False
    kill_at_s: float = 0.0
    released: bool = False
    failure: str | None = None
    given_up: bool = False
    lost: str | None = None
    hung: str | None = None
    starts: int = 0
    restarts: int = 0
    in_vain: int = 0  # restarts since the record last grew
    rows_at_start: int = 0
    start_at_s: float = 0.0
    started_s: float = 0.0
