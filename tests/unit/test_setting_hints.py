"""A setting that is misspelt: which was meant?"""

from pathlib import Path

import pytest

from edge.errors import EdgeError
from edge.settings import Settings


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("EDGE_PAGE_CERT", "EDGE_PAGE_CERTIFICATE"),  # by its letters alone, EDGE_PAGE_PORT is nearer
        ("EDGE_PAGE_PROT", "EDGE_PAGE_PORT"),
    ],
)
def test_what_begins_so_is_meant_before_what_is_spelt_alike(
    given: str, meant: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(given, "x")
    with pytest.raises(EdgeError, match=f"unknown setting {given} .* Did you mean {meant}\\?"):
        Settings.read(data=tmp_path)
