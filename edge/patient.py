"""The record as the supervisor sees it while it cannot be reached: nothing that is told or counted ends the line."""

import logging
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import OperationalError

log = logging.getLogger(__name__)
T = TypeVar("T")


def last_known(look: Callable[[], T]) -> Callable[[], T]:
    """What was counted last, while the record cannot be reached: the processes are tended all the same."""
    known = look()

    def looked() -> T:
        nonlocal known
        try:
            known = look()
        except OperationalError as error:
            log.warning("the record cannot be reached now (%s); showing what was counted last", error.orig)
        return known

    return looked


def patient(tend: Callable[[], None]) -> Callable[[], None]:
    """What is told to record and files never ends the line, whether others hold them or the disk is full.

    The next tick tries anew.
    """

    def tended() -> None:
        try:
            tend()
        except OperationalError as error:
            log.warning("the record cannot be reached now (%s); trying again", error.orig)
        except OSError as error:
            log.warning("not everything can be told now (%s); trying again", error)

    return tended
