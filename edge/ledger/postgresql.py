"""The record in PostgreSQL: how it is opened, read and written.

Each station has its tables in a schema of its own, with its name. There writers take turns, as in SQLite: a transaction
that writes takes the station's advisory lock at its start, and PostgreSQL lets go of it after the commit can be seen.
Row ids are drawn under it, so whoever has seen id n has seen all below: readers that go on from "id > last" miss none.
"""

import zlib

from sqlalchemy import Connection, Engine, ExceptionContext, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError

from edge.database import without_secrets
from edge.errors import EdgeError

WRITE_LOCK = 0x65646765  # "edge"
LINE_LOCK = WRITE_LOCK + 1
CONNECT_TIMEOUT_S = 5
HANGING_S = 10
"""A writer that hangs, or whose machine is gone, is cut off after this long, and others have their turn."""
LOCK_NOT_AVAILABLE, CUT_OFF = "55P03", "25P03"


def postgresql_engine(url: str, *, station: str, writes: bool, wait_s: float) -> Engine:
    """As `edge.ledger.record.open_engine`. Raises EdgeError for an address that cannot be one."""
    lock = f"SELECT pg_advisory_xact_lock({WRITE_LOCK}, {_number(station)})"
    options = {
        "search_path": f'"{station}"',
        # a transaction that writes sees what was committed before it got the lock; one that reads, a single state
        "default_transaction_isolation": "read\\ committed" if writes else "repeatable\\ read",
        "default_transaction_read_only": "off" if writes else "on",
        "synchronous_commit": "on",  # what is acknowledged is on disk
        "lock_timeout": f"{wait_s * 1000:.0f}ms",
        "idle_in_transaction_session_timeout": f"{HANGING_S}s",
        "tcp_user_timeout": f"{HANGING_S}s",
        "tcp_keepalives_idle": f"{HANGING_S // 2}s",
        "tcp_keepalives_interval": "2s",
        "tcp_keepalives_count": "3",
    }
    arguments = {
        "options": " ".join(f"-c {name}={value}" for name, value in options.items()),
        "connect_timeout": CONNECT_TIMEOUT_S,
        "tcp_user_timeout": HANGING_S * 1000,
        "keepalives_idle": HANGING_S // 2,
        "keepalives_interval": 2,
        "keepalives_count": 3,
    }
    try:
        address = make_url(url).set(drivername="postgresql+psycopg")
        engine = create_engine(address, connect_args=arguments, pool_pre_ping=True)
    except ArgumentError as error:
        raise EdgeError(f"EDGE_DATABASE_URL ({without_secrets(url)}) is no address of a database.") from error
    except ModuleNotFoundError as error:
        raise EdgeError("PostgreSQL needs psycopg: pip install 'edge-inspection[postgresql]'.") from error

    @event.listens_for(engine, "handle_error")
    def _cut_off(context: ExceptionContext) -> None:
        """Who was cut off for hanging meets what everybody expects whose database is gone."""
        if _sqlstate(context.original_exception) == CUT_OFF:
            raise OperationalError(
                context.statement, context.parameters, context.original_exception, connection_invalidated=True
            ) from context.original_exception

    if writes:

        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            connection.exec_driver_sql(lock)

    return engine


def be_the_line(connection: Connection, station: str) -> bool:
    """Whether this connection is the one that speaks for the station's line now, until it is closed."""
    return bool(connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({LINE_LOCK}, {_number(station)})").scalar())


def stations(connection: Connection) -> list[str]:
    """The stations whose records are in this database, by name."""
    query = (
        "SELECT nspname FROM pg_namespace JOIN pg_class ON relnamespace = pg_namespace.oid "
        "WHERE relname = 'camera_state' AND nspname ~ '^[A-Za-z0-9_-]+$' AND has_schema_privilege(nspname, 'USAGE') "
        "ORDER BY nspname"
    )
    return list(connection.exec_driver_sql(query).scalars())


def make_station(connection: Connection, station: str, *, named: bool) -> None:
    """Make a station's schema if it is not there. Raises EdgeError for a new one beside others that nobody named."""
    others = stations(connection)
    if station in others:
        return
    if others and not named:
        raise EdgeError(
            f"the database holds the records of {', '.join(others)}, and not of {station}, as this machine is called. "
            "Say which station this is with EDGE_STATION; a new name is a new record."
        )
    connection.exec_driver_sql(f'CREATE SCHEMA IF NOT EXISTS "{station}"')


def check_collation(connection: Connection) -> None:
    """Raise EdgeError unless texts are UTF-8 and in the order of their characters, as in SQLite.

    In any other order the search for a part's number by its beginning would miss some, or take all day.
    """
    query = (
        "SELECT pg_encoding_to_char(encoding), datcollate, datlocprovider FROM pg_database "
        "WHERE datname = current_database()"
    )
    encoding, collation, provider = connection.exec_driver_sql(query).one()
    if encoding == "UTF8" and provider == "c" and collation.upper().replace("-", "") in ("C", "POSIX", "C.UTF8"):
        return
    raise EdgeError(
        f"the database has encoding {encoding} and collation {collation}; the record needs UTF8 and C. Make it anew: "
        "CREATE DATABASE edge TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'."
    )


def lock_not_available(error: DBAPIError) -> bool:
    """Whether other writers held the lock for too long."""
    return _sqlstate(error.orig) == LOCK_NOT_AVAILABLE


def _number(station: str) -> int:
    """A station's number among advisory locks."""
    return zlib.crc32(station.encode()) - 2**31


def _sqlstate(error: BaseException | None) -> str | None:
    return getattr(error, "sqlstate", None)
