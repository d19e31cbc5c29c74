"""Which database the record is in: a SQLite file of the data folder, or PostgreSQL by its address."""

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

POSTGRESQL = ("postgresql://", "postgresql+psycopg://")


@dataclass(frozen=True, slots=True)
class Database:
    """One of the two. `str` of it is for people: the file's path, or the address without password and options.

    file:    SQLite;  url: PostgreSQL, which may hold a password
    station: PostgreSQL: whose record it is; each station has its tables in a schema of its own
    named:   whether somebody gave the station this name, rather than that its machine has it
    """

    file: Path | None = None
    url: str | None = field(default=None, repr=False)
    station: str = "public"
    named: bool = True

    def __post_init__(self) -> None:
        if (self.file is None) == (self.url is None):
            raise ValueError("a database is a file or has an address")

    def __str__(self) -> str:
        return str(self.file) if self.url is None else f"{without_secrets(self.url)} (station {self.station})"


def without_secrets(url: str) -> str:
    """`postgresql://user:secret@host:5432/name?option=1` -> `postgresql://user@host:5432/name`."""
    parts = urlsplit(url)
    user = f"{parts.username}@" if parts.username else ""
    return f"postgresql://{user}{parts.netloc.rpartition('@')[2]}{parts.path}"


def check_url(url: str) -> None:
    """Raise ValueError, which does not repeat it, for what is no address of a PostgreSQL database."""
    if not url.startswith(POSTGRESQL):
        raise ValueError("give an address such as postgresql://USER:PASSWORD@HOST:5432/NAME")
    parts = urlsplit(url)
    try:
        named = parts.port is None or parts.port > 0
    except ValueError:
        raise ValueError("its port is no number; / ? # @ and : in a password are written as %XX") from None
    if not named or len(parts.path) < 2:
        raise ValueError("it names no database: end it with /NAME")
