"""How the page may be reached: who needs to sign in, by which names, and whether the way is encrypted."""

import ipaddress
import secrets
import socket
from dataclasses import dataclass, field
from typing import Self

from starlette.datastructures import Headers

from edge.ledger.page_access import is_loopback, needs_accounts
from edge.settings import Settings

UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True, slots=True)
class Access:
    """Decided once, from the settings.

    local:      whoever reaches the page sits at this machine, and needs no account
    names:      what a Host header may say besides loopback names and, where accounts are needed, IP addresses
    local_csrf: what a write by the local operator must carry, new with every process
    """

    local: bool
    names: frozenset[str]
    local_csrf: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The access that these settings ask for."""
        local = not needs_accounts(settings)
        named = {name.strip().lower() for name in (settings.page_hosts or "").split(",") if name.strip()}
        own = set() if local else {socket.gethostname().lower()}
        return cls(local, frozenset(named | own))

    def knows(self, host: str) -> bool:
        """Whether a Host header names this page.

        A browser that a hostile page has led here under that page's own name (DNS rebinding) sends that name. It cannot
        send a bare address without its user having asked for one.
        """
        name = host_name(host)
        return is_loopback(name) or name in self.names or (not self.local and _is_address(name))


def host_name(host: str) -> str:
    """The name in a Host header, lower case, without port, brackets and a last dot; empty if there is none."""
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    return name.lower().removesuffix(".")


def from_our_own_page(headers: Headers, *, scheme: str) -> bool:
    """Whether a browser says that one of our own pages, or no page, asked. Programs that are no browser say nothing."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None:
        return site in ("same-origin", "none")
    return origin is None or origin == f"{scheme}://{headers.get('host')}"


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
