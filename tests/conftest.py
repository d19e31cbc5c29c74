"""Shared fixtures: where the real parts lie, and a rule that CI may not skip them."""

import os
from pathlib import Path

import hypothesis
import pytest

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
