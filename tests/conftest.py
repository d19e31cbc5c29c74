"""Shared fixtures: where the real parts lie, with a rule that CI may not skip them, and random weights, made once."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

# Two processes share the tests (see addopts in pyproject.toml), and start others: one thread each, in all of them. It
# also keeps sums the same, which differ with the number of threads. Before torch and OpenCV are imported.
os.environ |= {"OMP_NUM_THREADS": "1", "OPENCV_FOR_THREADS_NUM": "1"}

from edge.process import tune_for_scoring

tune_for_scoring()  # as our processes do; beside other work, torch's threads take up to 200 times as long without

hypothesis.settings.register_profile("busy", deadline=None)  # how long a case takes says more about the neighbours
hypothesis.settings.load_profile("busy")

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


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
