"""Shared fixtures: where the real parts lie, and a rule that CI may not skip them."""

import os
from pathlib import Path

import pytest

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
