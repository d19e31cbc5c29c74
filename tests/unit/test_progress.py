"""Long work says how far it is also where stderr is a file."""

import pytest

from calibration.progress import bar


def test_a_redirected_run_says_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    with bar("frames", 3, every_s=0) as advance:
        advance(1)
        advance(1)
    out, err = capsys.readouterr()
    first, second = err.splitlines()
    assert first.startswith("frames: 1 of 3, ") and second.startswith("frames: 2 of 3, ")
    assert "s left" in first
    assert out == ""


def test_short_work_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with bar("frames", 3) as advance:
        advance(1)
    with bar("frames", 3, shown=False, every_s=0) as advance:
        advance(3)
    assert capsys.readouterr().err == ""
