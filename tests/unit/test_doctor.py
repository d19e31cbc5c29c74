"""What `edge doctor` says of encoders, the record, its disk and the page's port."""

import shutil
import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest
import torch

from edge import lock
from edge.doctor import Finding, page_port, record, room, slow_precision, store, weights
from edge.ledger.schema import downgrade, way_back
from edge.settings import Precision, Settings
from edge.vision.store import Record
from tests.ledger_rows import Ledger

AVX2 = "processor : 0\nflags : fpu sse4_2 avx avx2 sha_ni\n"
NATIVE = "processor : 0\nflags : fpu avx2 avx512f avx512_bf16 amx_bf16 avx512_fp16\n"


def test_missing_weights_of_the_configured_encoder_are_not_well_and_say_what_to_do(tmp_path: Path) -> None:
    finding = weights(Settings(encoder="RN50:openai", models=tmp_path))
    assert not finding.well
    assert "edge models fetch RN50:openai" in finding.advice


def test_the_configured_encoder_is_named_with_its_size_and_precision() -> None:
    finding = weights(Settings(encoder="lite", input_size=160))
    assert finding.well
    assert "lite at 160 px, fp32" in finding.state


def test_an_empty_store_is_well_and_what_lies_in_it_is_named(tmp_path: Path) -> None:
    empty = store(Settings(models=tmp_path))
    assert empty.well
    assert "edge models fetch" in empty.advice
    record = Record(
        name="RN50", tag="openai", activation="quick_gelu", mean=(0, 0, 0), std=(1, 1, 1), sha256="", bytes=0,
        source="", source_sha256="", added=datetime.now(UTC),
    )  # fmt: skip
    (tmp_path / "RN50").mkdir()
    (tmp_path / "RN50" / "openai.json").write_text(record.model_dump_json())
    assert "RN50:openai" in store(Settings(models=tmp_path)).state
    (tmp_path / "RN50" / "openai.json").write_text("{}")
    assert not store(Settings(models=tmp_path)).well


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here, so the CPU does not matter")
@pytest.mark.parametrize(
    ("precision", "flags", "slow"),
    [
        ("bf16", AVX2, True),
        ("fp16", AVX2, True),
        ("fp32", AVX2, False),
        ("bf16", NATIVE, False),
        ("fp16", NATIVE, False),
        ("bf16", "Features : fp asimd bf16", False),
    ],
)
def test_a_precision_that_this_cpu_only_imitates_is_pointed_out(
    tmp_path: Path, precision: Precision, flags: str, *, slow: bool
) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(flags)
    advice = slow_precision(Settings(precision=precision), cpuinfo)
    assert (f"no native {precision}" in advice) == slow
    assert bool(advice) == slow


def test_a_look_at_a_folder_without_a_record_makes_none(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    assert record(settings).state.startswith("none yet")
    assert not (tmp_path / "record.sqlite").exists()


def test_a_record_of_an_earlier_version_is_left_as_it_is(ledger: Ledger) -> None:
    assert record(ledger.settings) == Finding("record", f"{ledger.settings.database} can be written")
    downgrade(ledger.settings.database, way_back(ledger.settings.database, "r0009"))
    for _ in range(2):
        assert record(ledger.settings).advice.startswith("an earlier version's")


@pytest.mark.sqlite
def test_a_record_that_is_no_database_is_named(ledger: Ledger) -> None:
    ledger.engine.dispose()
    assert ledger.settings.database.file is not None
    ledger.settings.database.file.write_bytes(b"no database at all, " * 500)
    found = record(ledger.settings)
    assert not found.well and "no whole database" in found.advice


def test_a_disk_whose_reserve_is_not_whole_is_pointed_out(tmp_path: Path) -> None:
    free_bytes = shutil.disk_usage(tmp_path).free
    assert room(Settings(data=tmp_path, disk_reserve=0)).well
    assert not room(Settings(data=tmp_path, disk_reserve=free_bytes * 2)).well


def test_the_port_of_a_line_that_runs_here_is_not_missing(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        settings = Settings(data=tmp_path, page_port=taken.getsockname()[1])
        assert not page_port(settings).well
        with lock.hold(tmp_path, run="night"):
            assert page_port(settings).well
