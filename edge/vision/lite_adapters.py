"""The adapters of the embedded encoder that come with this release; LITE_ADAPTERS.md beside them is their card."""

from pathlib import Path

FILE = Path(__file__).with_name("data") / "lite_adapters.safetensors"

INPUT_SIZE = 320
"""Pixels a side that they were trained at, and are run at alone."""


def shipped_adapters_path() -> Path:
    """The shipped file, for `edge.vision.adapters.load_adapters`."""
    return FILE
