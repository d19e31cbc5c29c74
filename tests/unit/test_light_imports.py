"""What starts often, or watches only, does not load what takes seconds: torch, or SciPy's and scikit-learn's bulk."""

import subprocess
import sys

import pytest


def loaded_by(module: str) -> set[str]:
    """All that is imported with a module."""
    asked = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("module", ["edge.worker", "edge.capture", "edge.supervisor", "dashboard.app"])
def test_a_module_that_needs_no_torch_does_not_load_it(module: str) -> None:
    assert not loaded_by(module) & {"torch", "scipy.stats", "sklearn"}


def test_a_capture_loads_no_database_and_no_web_server() -> None:
    assert not loaded_by("edge.cli, edge.capture") & {"sqlalchemy", "alembic", "fastapi", "uvicorn"}


def test_a_calibration_does_not_load_what_few_calibrations_need() -> None:
    loaded = loaded_by("calibration.teach")
    assert "torch" in loaded
    assert not loaded & {"scipy.stats", "sklearn", "open_clip"}
