"""The record in a real PostgreSQL: ids in the order of commits, what the database itself refuses, and what is told."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from edge import cli
from edge.database import Database
from edge.errors import EdgeError
from edge.ledger.counts import RunCount
from edge.ledger.record import Inspection, Run, is_busy, open_engine, unit_of_work
from edge.ledger.schema import exists, open_existing, prepare
from edge.settings import Settings
from tests.fakes import numbered_picture
from tests.here import run_here
from tests.ledger_rows import Ledger, new_ledger
from tests.lines import RUN, number_line, report, wait_until
from tests.page_client import page_client
from tests.postgresql import STATION, Cluster

SECRET = "s3cret-of-the-plant"


@pytest.fixture
def ledger(postgresql_url: str, tmp_path: Path) -> Iterator[Ledger]:
    ledger = new_ledger(tmp_path / "data")
    yield ledger
    ledger.engine.dispose()


def frame(ledger: Ledger, seq: int) -> Inspection:
    return Inspection(
        run_id=ledger.run_id, camera_id=ledger.cameras["top"], seq=seq, captured_ns=seq, outcome="ok", source="test",
        latency_ms=1.0,
    )  # fmt: skip


def other_writer(ledger: Ledger, stack: ExitStack, *, wait_s: float = 10.0) -> Engine:
    engine = open_engine(ledger.settings.database, writes=True, wait_s=wait_s)
    stack.callback(engine.dispose)
    return engine


def test_a_reader_who_goes_on_from_the_last_id_misses_no_row_of_two_writers_at_once(ledger: Ledger) -> None:
    """Without the lock the second writer would commit the higher id first, and the lower one would never be counted."""
    ledger.add("ok")
    with ExitStack() as stack:
        reads = open_engine(ledger.settings.database)
        stack.callback(reads.dispose)
        count, second = RunCount(reads, "night-1"), other_writer(ledger, stack)
        written = threading.Event()

        def write_second() -> None:
            with unit_of_work(second) as session:
                session.add(frame(ledger, 3))
            written.set()

        late = threading.Thread(target=write_second)
        stack.callback(late.join)
        with unit_of_work(ledger.engine) as session:
            session.add(frame(ledger, 2))
            session.flush()  # it has its id now, and is not committed
            late.start()
            assert not written.wait(0.5), "the second writer overtook the first"
            assert count.look().total == 1
        assert written.wait(5)
        assert count.look().total == 3
        with Session(reads) as session:
            assert session.scalars(select(Inspection.seq).order_by(Inspection.id)).all() == [1, 2, 3]


def test_who_waits_too_long_for_the_other_writer_is_told_that_the_record_is_busy(ledger: Ledger) -> None:
    with ExitStack() as stack:
        hasty = other_writer(ledger, stack, wait_s=0.05)
        with ledger.engine.begin(), pytest.raises(OperationalError) as refused, hasty.begin():
            pass
        assert is_busy(refused.value)
        with hasty.begin() as connection:
            assert connection.scalar(text("SELECT 1")) == 1


def test_a_writer_that_hangs_is_cut_off_and_others_have_their_turn(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.ledger.postgresql.HANGING_S", 1)
    with ExitStack() as stack:
        hangs, waits = other_writer(ledger, stack), other_writer(ledger, stack)
        with pytest.raises(OperationalError), unit_of_work(hangs) as session:
            session.add(Run(name="never", started_ns=1, version="0"))
            session.flush()
            with unit_of_work(waits) as other:  # as if from another machine: this one says nothing meanwhile
                other.add(Run(name="night-2", started_ns=1, version="0"))
        with Session(ledger.engine) as session:
            assert session.scalars(select(Run.name).order_by(Run.id)).all() == ["night-1", "night-2"]


def test_what_reads_sees_one_state_and_cannot_write(ledger: Ledger) -> None:
    with ExitStack() as stack:
        reads = open_engine(ledger.settings.database)
        stack.callback(reads.dispose)
        with Session(reads) as session:
            before = session.scalar(select(func.count(Inspection.id)))
            ledger.add("ok")
            assert session.scalar(select(func.count(Inspection.id))) == before == 0
        with pytest.raises(Exception, match="read-only"), unit_of_work(reads) as session:
            session.add(Run(name="x", started_ns=1, version="0"))


@pytest.mark.parametrize("statement", ["TRUNCATE review", "TRUNCATE audit_event", "UPDATE review SET kind = 'x'"])
def test_rows_that_are_only_added_cannot_be_emptied_away(ledger: Ledger, statement: str) -> None:
    frame_id = ledger.add_defect()
    with page_client(ledger.settings) as client:
        said = {"frames": [frame_id], "verdict": "unsure", "seen": {str(frame_id): None}}
        assert client.post("/api/v1/reviews", json=said).status_code < 300
    with pytest.raises(IntegrityError, match="append-only"), ledger.engine.begin() as connection:
        connection.execute(text(statement))


def test_every_revision_goes_down_and_up_again_with_its_rows(ledger: Ledger) -> None:
    from alembic import command
    from alembic.config import Config

    from edge.ledger.schema import MIGRATIONS

    frame_id = ledger.add_defect()
    with page_client(ledger.settings) as client:
        said = {"frames": [frame_id], "verdict": "false_alarm", "seen": {str(frame_id): None}}
        assert client.post("/api/v1/reviews", json=said).status_code < 300
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with ledger.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "r0004")
        command.upgrade(config, "head")
    with Session(ledger.engine) as session:
        row = session.get_one(Inspection, frame_id)
        assert (row.outcome, row.reviewed_as) == ("defect", "false_alarm")
    with ledger.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        command.upgrade(config, "head")


def test_the_queue_is_read_from_its_own_index(ledger: Ledger) -> None:
    from dashboard.review.queue import WAITING

    with ledger.engine.begin() as connection:
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        statement = select(Inspection.id).where(WAITING).order_by(Inspection.id.desc())
        plan = connection.scalars(text(f"EXPLAIN {statement.compile(ledger.engine)}")).all()
    assert "ix_inspection_queue" in plan[0]


def test_a_database_in_another_order_of_texts_is_refused(postgresql: Cluster) -> None:
    postgresql.admin("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    with pytest.raises(EdgeError, match="needs UTF8 and C"):
        prepare(Database(url=postgresql.url("latin")))
    postgresql.drop(postgresql.url("latin"))


def test_there_is_no_record_until_it_is_prepared(postgresql_url: str) -> None:
    database = Settings().database
    assert not exists(database)
    with pytest.raises(EdgeError, match="no record in postgresql://postgres@/record_"):
        open_existing(database)
    prepare(database)
    assert exists(database)


def test_no_error_and_no_answer_tells_the_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_STATION", STATION)
    monkeypatch.setenv("EDGE_DATABASE_URL", f"postgresql://edge:{SECRET}@127.0.0.1:1/plant?application_name={SECRET}")
    settings = Settings(data=tmp_path / "data")
    assert settings.child_environment()["EDGE_DATABASE_URL"].count(SECRET) == 2
    told = [repr(settings), str(settings.database), repr(settings.database)]
    told += [str(run_here(cli.main, *words)) for words in (["doctor", "--json"], ["verify", "--json"], ["export"])]
    with page_client(settings) as client:
        answer = client.get("/api/v1/line")
        assert (answer.status_code, "cannot be reached" in answer.text) == (503, True)
        told.append(answer.text)
    for wrong in ("mysql://", "postgresql://edge:{}@", "postgresql://edge:{}@host:x/plant", "postgresql://x:{}@host"):
        monkeypatch.setenv("EDGE_DATABASE_URL", wrong.format(SECRET))
        told.append(str(run_here(cli.main, "verify")))
        assert "database_url" in told[-1]
    assert "postgresql://edge@127.0.0.1:1/plant (station press-3) cannot be reached" in " ".join(told)
    assert not [text for text in told if SECRET in text]


def test_a_line_goes_on_when_the_server_was_restarted_and_all_is_accounted_for(
    postgresql_url: str, tmp_path: Path
) -> None:
    import cv2

    folder = tmp_path / "parts"
    folder.mkdir()
    for number in range(60):
        cv2.imwrite(str(folder / f"{number:04}.png"), numbered_picture(number)[..., ::-1])
    settings = Settings(data=tmp_path / "data")
    line = number_line(settings, folder, delay_s=0.01)
    with psycopg.connect(postgresql_url, autocommit=True) as watching:

        def recorded() -> int:
            return int(watching.execute(f'SELECT count(*) FROM "{STATION}".inspection').fetchone()[0])  # noqa: S608

        wait_until(lambda: recorded() > 5, timeout_s=60, tick=line.tick)
        watching.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = %s",
            [watching.info.dbname],
        )
        wait_until(lambda: line.captures_done, timeout_s=60, tick=line.tick)
    line.stop()
    (account,) = report(settings).accounts
    assert report(settings).good_while(running=False)
    assert (account.run, account.numbered, sum(account.outcomes.values())) == (RUN, 60, 60)
    with page_client(settings) as client:
        assert client.get("/").status_code == 200
        assert client.get("/api/v1/frames?limit=5").json()["frames"][0]["run"] == RUN


def test_a_machine_that_is_called_otherwise_now_is_no_new_station_until_somebody_says_so(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EDGE_STATION")
    with pytest.raises(EdgeError, match=r"records of press-3, and not of .* EDGE_STATION"):
        prepare(Settings(data=ledger.settings.data).database)
