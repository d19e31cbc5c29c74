"""Shared fixtures: a record and its page, the real parts, which CI may not skip, and random weights, made once."""

import gc
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

# Two processes share the tests (see addopts in pyproject.toml), and start others: one thread each, in all of them. It
# also keeps sums the same, which differ with the number of threads. Before torch and OpenCV are imported.
os.environ |= {"OMP_NUM_THREADS": "1", "OPENCV_FOR_THREADS_NUM": "1"}

from edge.process import tune_for_scoring

tune_for_scoring()  # as our processes do; beside other work, torch's threads take up to 200 times as long without

gc.set_threshold(50_000, 50, 1000)  # looking through all that torch and SQLAlchemy keep is a seventh of the time

hypothesis.settings.register_profile("busy", deadline=None)  # how long a case takes says more about the neighbours
hypothesis.settings.load_profile("busy")

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

    from tests.ledger_rows import Ledger
    from tests.postgresql import Cluster

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def postgresql() -> "Iterator[Cluster]":
    """A PostgreSQL of this process's own; skips where it is not installed, fails in CI."""
    from tests.postgresql import cluster

    with cluster() as running:
        yield running


@pytest.fixture
def postgresql_url(postgresql: "Cluster", monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of an empty database, which every Settings of the test names, as station press-3."""
    from tests.postgresql import STATION

    url = postgresql.new_database()
    monkeypatch.setenv("EDGE_DATABASE_URL", url)
    monkeypatch.setenv("EDGE_STATION", STATION)
    yield url
    postgresql.drop(url)


@pytest.fixture(autouse=True)
def _database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """With TEST_DATABASE=postgresql every record of a test is there: each test has a database of its own."""
    if os.environ.get("TEST_DATABASE") != "postgresql":
        yield
        return
    if request.node.get_closest_marker("sqlite"):
        pytest.skip("about the SQLite file itself")
    from tests.postgresql import STATION

    running: Cluster = request.getfixturevalue("postgresql")
    url = running.new_record()
    monkeypatch.setenv("EDGE_DATABASE_URL", url)
    monkeypatch.setenv("EDGE_STATION", STATION)
    yield
    running.drop(url)


@pytest.fixture
def ledger(tmp_path: Path) -> "Iterator[Ledger]":
    """A record that grows, in a data folder of its own."""
    from tests.ledger_rows import new_ledger

    ledger = new_ledger(tmp_path / "data")
    yield ledger
    ledger.engine.dispose()


@pytest.fixture
def client(ledger: "Ledger") -> "Iterator[TestClient]":
    """The page on `ledger`, asked by the local operator."""
    from tests.page_client import page_client

    with page_client(ledger.settings) as client:
        yield client


@pytest.fixture(scope="session")
def real_parts() -> Path:
    """The folder of real pictures, `../shared/data`; skips where it is absent, fails in CI."""
    if not DATA.is_dir():
        reason = f"needs real pictures in {DATA}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return DATA


@pytest.fixture(scope="session")
def random_models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Path]]:
    """Gives a store in which an open_clip architecture lies as NAME:random. It is shared: nothing in it may change.

    Up to 0.8 GB, so it does not stay.
    """
    from tests.clip_weights import random_store

    folder = tmp_path_factory.mktemp("models")
    made: set[str] = set()

    def store(name: str) -> Path:
        if name not in made:
            random_store(folder, name, "random")
            made.add(name)
        return folder

    yield store
    for file in folder.rglob("*.safetensors"):
        file.unlink()
