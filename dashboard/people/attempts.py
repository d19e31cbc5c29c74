"""How often somebody may try a password: counted by account and by address, in memory, for a quarter of an hour."""

import ipaddress
import threading
from collections import deque

from edge.ledger.accounts import same_name

WINDOW_S = 15 * 60.0
MOST_FOR_ACCOUNT = 8
MOST_FROM_ADDRESS = 40
"""Higher: a whole shift may share one address."""
MOST_KEYS = 10_000

Key = tuple[str, str]


class Attempts:
    """Counts tries that did not turn out right; safe to use from many threads. A restart of the page forgets them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tries: dict[Key, deque[float]] = {}

    def begin(self, account: str, address: str | None, now_s: float) -> float:
        """Count a try before it is made, so that tries at the same moment count too.

        Returns 0 if it may be made, or how many seconds to wait; then it is not counted.
        """
        with self._lock:
            keys = _keys(account, address)
            wait_s = max(self._wait_s(key, most, now_s) for key, most in keys.items())
            if wait_s > 0:
                return wait_s
            for key in keys:
                self._tries.setdefault(key, deque()).append(now_s)
            while len(self._tries) > MOST_KEYS:
                del self._tries[next(iter(self._tries))]
            return 0.0

    def was_right(self, account: str, address: str | None) -> None:
        """The try turned out right: the account starts afresh, and the address has one try less against it."""
        with self._lock:
            by_account, by_address = _keys(account, address)
            self._tries.pop(by_account, None)
            if self._tries.get(by_address):
                self._tries[by_address].pop()

    def _wait_s(self, key: Key, most: int, now_s: float) -> float:
        tries = self._tries.get(key)
        if tries is None:
            return 0.0
        while tries and tries[0] <= now_s - WINDOW_S:
            tries.popleft()
        if not tries:
            del self._tries[key]
        return tries[0] + WINDOW_S - now_s if len(tries) >= most else 0.0


def _keys(account: str, address: str | None) -> dict[Key, int]:
    """account: as it was typed, which the record reads in one way only"""
    name = same_name(account).casefold()[:200]
    return {("account", name): MOST_FOR_ACCOUNT, ("address", _network(address or "")): MOST_FROM_ADDRESS}


def _network(address: str) -> str:
    """An IPv4 address, or the /64 of an IPv6 one, all of which one machine may use; other text as it is."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return address if found.version == 4 else str(ipaddress.ip_network(f"{found}/64", strict=False))
