"""What a copied data folder lacks, in words: rows against journals and files, as `edge verify` compares them."""

from collections.abc import Iterator
from dataclasses import dataclass

from edge.ledger.record import open_engine
from edge.ledger.verify import Account, verify
from edge.settings import Settings


@dataclass(frozen=True, slots=True)
class Checked:
    """troubles: what does not balance;  not_compared: cameras whose journal is not there, as those of other machines"""

    troubles: list[str]
    not_compared: list[str]


def check(copied: Settings, *, in_flight: bool) -> Checked:
    """Look at a data folder that nobody writes to; in_flight: numbered frames may still be without an outcome."""
    engine = open_engine(copied.database)
    found = verify(engine, journals=copied.journals, media=copied.media)
    engine.dispose()
    troubles = [trouble for account in found.accounts for trouble in _troubles(account, in_flight=in_flight)]
    for files, what in (
        (found.missing_files, "files that the record names are missing"),
        (found.stray_files, "files are there that the record does not name"),
    ):
        if files:
            troubles.append(f"{len(files)} {what}, first {files[0]}")
    return Checked(troubles, [_name(account) for account in found.accounts if not account.compared])


def _troubles(account: Account, *, in_flight: bool) -> Iterator[str]:
    if account.unnumbered:
        yield f"{_name(account)}: {_frames(account.unnumbered)} recorded and not in its journal"
    if account.missing and not in_flight:
        yield f"{_name(account)}: {_frames(account.missing)} in its journal and not recorded"
    if not account.in_order:
        yield f"{_name(account)}: its journal does not number 1, 2, 3, ..."


def _name(account: Account) -> str:
    return f"camera {account.camera} of run {account.run}"


def _frames(numbers: list[int]) -> str:
    return f"{len(numbers)} frames (number {numbers[0]} to {numbers[-1]})"
