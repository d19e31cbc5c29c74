"""`edge verify` on files: half-written ones are strays, and one run's report names that run's alone."""

from edge.ledger.verify import verify
from tests.ledger_rows import Ledger


def test_what_a_kill_left_is_a_stray_of_its_own_run(ledger: Ledger) -> None:
    ledger.add_defect()
    (run,) = {path.parts[-3] for path in ledger.settings.media.rglob("*.jpg")}
    for other in (run, "other-run"):
        left = ledger.settings.media / "2026-11-22" / other / "cam" / "00000099.jpg.part"
        left.parent.mkdir(parents=True, exist_ok=True)
        left.write_bytes(b"half")
    (ledger.settings.data / "thumbnails").mkdir(exist_ok=True)
    (ledger.settings.data / "thumbnails" / "1.jpg").write_bytes(b"made again at will")

    def strays(run: str | None) -> list[str]:
        return verify(
            ledger.engine, journals=ledger.settings.journals, media=ledger.settings.media, run=run
        ).stray_files

    assert strays(run) == [f"2026-11-22/{run}/cam/00000099.jpg.part"]
    assert strays(None) == [f"2026-11-22/{name}/cam/00000099.jpg.part" for name in sorted((run, "other-run"))]
