"""What starts often, or watches only, does not load torch: that alone takes seconds."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["edge.worker", "edge.capture", "edge.supervisor", "dashboard.app"])
def test_a_module_that_needs_no_torch_does_not_load_it(module: str) -> None:
    asked = f"import sys, {module}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
