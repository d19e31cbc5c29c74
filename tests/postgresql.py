"""A throwaway PostgreSQL: a cluster in a folder of its own, on a Unix socket alone, and databases in it."""

import itertools
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import psycopg
import pytest

from edge.ledger.schema import prepare
from edge.settings import Settings

USER = "postgres"
STATION = "press-3"
DURABLE = "-c max_connections=100 -c listen_addresses=''"
FAST = f"-c fsync=off -c full_page_writes=off {DURABLE}"


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running cluster; `folder` holds its socket."""

    folder: Path
    options: str
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _made: list[str] = field(default_factory=list)

    def url(self, name: str) -> str:
        return f"postgresql://{USER}@/{name}?host={self.folder}"

    def new_database(self, *, template: str = "template0") -> str:
        """The address of a new database; empty, or a copy of another one."""
        name = f"record_{next(self._numbers)}"
        self.admin(f"CREATE DATABASE {name} TEMPLATE {template} ENCODING 'UTF8'")
        return self.url(name)

    def new_record(self) -> str:
        """The address of a new database with the record's tables, which are made once."""
        if not self._made:
            self.admin("CREATE DATABASE made TEMPLATE template0")
            prepare(Settings(database_url=self.url("made"), station=STATION).database)
            self._made.append("made")
        return self.new_database(template="made")

    def drop(self, url: str) -> None:
        """Remove a database, whoever still uses it."""
        self.admin(f"DROP DATABASE {urlsplit(url).path[1:]} WITH (FORCE)")

    def admin(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def control(self, *words: str) -> None:
        """pg_ctl, for example `restart`."""
        command = ["-D", self.folder / "data", "-w", "-o", f"-k {self.folder} {self.options}", *words]
        as_postgres([_program("pg_ctl"), *command, "-l", self.folder / "log"])


@contextmanager
def cluster(options: str = FAST) -> Iterator[Cluster]:
    """Skips the test without PostgreSQL; fails it in CI."""
    if _program("initdb") is None:
        if os.environ.get("CI"):
            pytest.fail("needs PostgreSQL: apt-get install postgresql")
        pytest.skip("needs PostgreSQL: apt-get install postgresql")
    with TemporaryDirectory(prefix="edge-pg-") as name:
        folder = Path(name)
        shutil.chown(folder, USER) if os.getuid() == 0 else None
        one = Cluster(folder, options)
        auth = ["-A", "trust", "-U", USER, "--locale=C.UTF-8", "--encoding=UTF8", "--no-sync"]
        as_postgres([_program("initdb"), "-D", folder / "data", *auth])
        one.control("start")
        try:
            yield one
        finally:
            one.control("stop", "-m", "immediate")


def as_postgres(command: list[object]) -> None:
    """Run a program of PostgreSQL, which refuses to be root."""
    words = [str(word) for word in command]
    before = ["runuser", "-u", USER, "--"] if os.getuid() == 0 else []
    done = subprocess.run([*before, *words], capture_output=True, text=True, cwd="/", stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr


def _program(name: str) -> str | None:
    """Debian keeps the server's programs off the path."""
    newest = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: float(path.parts[4]))
    return str(newest[-1]) if newest else shutil.which(name)
