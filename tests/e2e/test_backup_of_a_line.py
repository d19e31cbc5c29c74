"""Real processes: a backup while the line inspects, a restore of it, and retention within a worker."""

from pathlib import Path

from sqlalchemy import update

from edge.backup import back_up
from edge.ledger.record import Inspection, open_engine, unit_of_work
from edge.restore import restore
from edge.settings import Settings
from tests.fakes import numbered_folder
from tests.lines import number_line, recorded, report, rows, wait_until
from tests.page_client import page_client
from tests.slowness import slowness

FRAMES = 240


def test_a_line_keeps_its_budget_is_backed_up_as_it_runs_and_what_is_restored_is_whole(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "data", media_budget=10**6, disk_reserve=0)
    slow = slowness()
    line = number_line(settings, numbered_folder(tmp_path / "parts", FRAMES), delay_s=0.01)
    wait_until(lambda: recorded(settings) > FRAMES // 4, timeout_s=60 * slow, tick=line.tick)
    made = back_up(settings, tmp_path / "safe", keep=None)
    assert not line.captures_done, "the backup was to be made while the line was at work"
    wait_until(lambda: line.captures_done, timeout_s=60 * slow, tick=line.tick)
    line.stop()
    assert report(settings).good_while(running=False)
    assert FRAMES // 4 < made.frames < recorded(settings) == FRAMES

    restore(tmp_path / "safe", tmp_path / "new")

    restored = Settings(data=tmp_path / "new")
    found = report(restored)
    assert found.good_while(running=False)
    (account,) = found.accounts
    assert made.frames <= (account.numbered or 0) < FRAMES
    with page_client(restored) as page:
        assert page.get("/api/v1/frames?outcome=defect").json()["frames"]

    with unit_of_work(open_engine(settings.database, writes=True)) as session:
        session.execute(update(Inspection).where(Inspection.media_bytes > 0).values(media_bytes=100_000))
    again = number_line(settings, tmp_path / "parts", delay_s=0.0)
    wait_until(lambda: any(row.picture_gone_why for row in rows(settings)), timeout_s=60 * slow, tick=again.tick)
    again.stop()
    assert {row.picture_gone_why for row in rows(settings) if not row.picture_path and row.outcome == "defect"} == {
        "budget"
    }
    kept = sum(row.media_bytes or 0 for row in rows(settings))
    assert kept <= (settings.media_budget or 0)
    assert report(settings).good_while(running=False)
