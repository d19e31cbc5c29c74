from pathlib import Path

import pytest

from edge.line.suspects import Suspects

A, B = ("run", "cam", 1), ("run", "cam", 2)


class Killed(BaseException):
    """Stands for a death inside the block: nothing after it runs."""


def die_while_scoring(path: Path, *keys: tuple[str, str, int]) -> None:
    suspects = Suspects(path)
    with pytest.raises(Killed), suspects.scoring(keys):
        raise Killed


def test_frames_scored_in_peace_are_no_suspects(tmp_path: Path) -> None:
    suspects = Suspects(tmp_path / "scoring.json")
    with suspects.scoring([A]):
        pass
    assert Suspects(tmp_path / "scoring.json").deaths(A) == 0


def test_each_death_counts_for_the_frames_at_hand_only(tmp_path: Path) -> None:
    path = tmp_path / "scoring.json"
    die_while_scoring(path, A, B)
    die_while_scoring(path, A)
    suspects = Suspects(path)
    assert (suspects.deaths(A), suspects.deaths(B)) == (2, 1)


def test_a_suspect_that_survives_is_cleared(tmp_path: Path) -> None:
    path = tmp_path / "scoring.json"
    die_while_scoring(path, A)
    suspects = Suspects(path)
    with suspects.scoring([A]):
        pass
    assert Suspects(path).deaths(A) == 0


def test_a_death_before_scoring_begins_blames_nobody_again(tmp_path: Path) -> None:
    path = tmp_path / "scoring.json"
    die_while_scoring(path, A)
    Suspects(path)
    assert Suspects(path).deaths(A) == 1


@pytest.mark.parametrize("left", ["", '{"scoring": [["ru'])
def test_half_a_note_blames_nobody(tmp_path: Path, left: str) -> None:
    (tmp_path / "scoring.json").write_text(left)
    assert Suspects(tmp_path / "scoring.json").deaths(A) == 0
