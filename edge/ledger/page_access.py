"""Whether the page may open on its address: at once on loopback, elsewhere with accounts and an encrypted way."""

import ipaddress
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy.orm import Session

from edge.database import Database
from edge.errors import EdgeError
from edge.ledger.accounts import clean_name, has_accounts
from edge.ledger.record import open_engine
from edge.ledger.schema import prepare
from edge.settings import FIRST_ACCOUNT, FIRST_ACCOUNT_FILE, Settings

SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 1000


@dataclass(frozen=True, slots=True)
class FirstAccount:
    """The admin that is made where no account exists yet."""

    name: str
    password: str = field(repr=False)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def needs_accounts(settings: Settings) -> bool:
    """Whether anybody but whoever sits at this machine can reach the page: by its address, or through a proxy."""
    return not is_loopback(settings.page_host) or settings.page_proxy is not None


def check_page(settings: Settings, environment: Mapping[str, str] = os.environ) -> FirstAccount | None:
    """Find out before anything is started whether the page may open; the first account, if it is to be made.

    Prepares the record where accounts are needed. Raises EdgeError for a page that others can reach without accounts,
    or without a certificate or a stated proxy, and for a certificate, proxy or first account that cannot be used.
    """
    _check_certificate(settings)
    if not needs_accounts(settings):
        return None
    if settings.page_proxy is not None:
        _check_proxy(settings.page_proxy)
    elif settings.page_certificate is None:
        raise EdgeError(
            f"page on {settings.page_host}: other machines can reach it, and passwords would travel unencrypted. Give "
            "a certificate with EDGE_PAGE_CERTIFICATE and EDGE_PAGE_KEY, or the address of the proxy that encrypts "
            "with EDGE_PAGE_PROXY, or stay on this machine with --host 127.0.0.1."
        )
    first = first_account(environment)
    prepare(settings.database)
    if _anybody(settings.database):
        return None
    if first is None:
        raise EdgeError(
            f"page on {settings.page_host}: others can reach it, and the record {settings.database} has no account. "
            f"Make one with `dashboard accounts add NAME --role admin --data {settings.data}`, or name a file that "
            f"holds NAME:PASSWORD in {FIRST_ACCOUNT_FILE}, or stay on this machine with --host 127.0.0.1."
        )
    return first


def first_account(environment: Mapping[str, str]) -> FirstAccount | None:
    """The account that the environment gives as NAME:PASSWORD, itself or in a file. Errors do not repeat passwords."""
    text, path = environment.get(FIRST_ACCOUNT), environment.get(FIRST_ACCOUNT_FILE)
    if text and path:
        raise EdgeError(f"{FIRST_ACCOUNT} and {FIRST_ACCOUNT_FILE} are both set. Take one away.")
    if path:
        try:
            text = Path(path).read_text().strip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise EdgeError(
                f"{FIRST_ACCOUNT_FILE}={path} cannot be read: {error}. Mend the file or the path."
            ) from error
    if not text:
        return None
    source = f"{FIRST_ACCOUNT_FILE}={path}" if path else FIRST_ACCOUNT
    name, colon, password = text.partition(":")
    if not colon:
        raise EdgeError(f"{source} has no colon. Write NAME:PASSWORD.")
    try:
        check_password(password)
        return FirstAccount(clean_name(name), password)
    except EdgeError as error:
        raise EdgeError(f"{source}: {error}") from error


def check_password(password: str) -> None:
    """Raise EdgeError, which does not repeat it, for a password that is too short to hold or absurdly long."""
    if len(password) < SHORTEST_PASSWORD:
        raise EdgeError(f"the password has {len(password)} characters; it needs {SHORTEST_PASSWORD} or more.")
    if len(password) > LONGEST_PASSWORD:
        raise EdgeError(f"the password has {len(password)} characters; {LONGEST_PASSWORD} is the most.")


def _anybody(database: Database) -> bool:
    engine = open_engine(database)
    try:
        with Session(engine) as session:
            return has_accounts(session)
    finally:
        engine.dispose()


def _check_certificate(settings: Settings) -> None:
    certificate, key = settings.page_certificate, settings.page_key
    if certificate is None and key is None:
        return
    if certificate is None or key is None:
        raise EdgeError("EDGE_PAGE_CERTIFICATE and EDGE_PAGE_KEY (both PEM files) go together; one of them is missing.")
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key, password="")
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        swapped = _swapped(certificate, key)
        raise EdgeError(
            f"certificate {certificate} with key {key} cannot be used: {error}.{swapped} Both are PEM files, "
            "the key without a password; mend EDGE_PAGE_CERTIFICATE and EDGE_PAGE_KEY."
        ) from error


def _check_proxy(proxy: str) -> None:
    for address in proxy.split(","):
        try:
            network = ipaddress.ip_network(address.strip(), strict=False)
        except ValueError as error:
            raise EdgeError(
                f"EDGE_PAGE_PROXY={proxy!r}: {error}. Give the proxy's IP address, for example 10.0.0.2."
            ) from error
        if network.prefixlen == 0:
            raise EdgeError(f"EDGE_PAGE_PROXY={proxy!r} would believe everybody. Give the proxy's own IP address.")


def _swapped(certificate: Path, key: Path) -> str:
    """A sentence if the one file holds what the other should."""
    try:
        held, other = certificate.read_bytes(), key.read_bytes()
    except OSError:
        return ""
    swapped = b"PRIVATE KEY-----" in held and b"-----BEGIN CERTIFICATE-----" in other and b"CERTIFICATE" not in held
    return " They look swapped: the first holds a key and the second a certificate." if swapped else ""
