"""An alarm's sentence never reads as if the value were allowed."""

from edge.vision.drift_words import cleared, difference, raised
from edge.vision.normal import Band

BAND = Band(count=8, mean=85.2, spread=2.0, reach=8.46, least=8.46, students_t=2.4)


def test_a_value_just_beyond_a_limit_is_written_with_the_decimals_that_tell_them_apart() -> None:
    said = raised("brightness", 93.85, BAND, seen=99.0, parts=10)
    assert "is 93.8 of 255, good parts had 85.2 of 255, allowed is 76.7 of 255 to 93.7 of 255. " in said
    assert difference("brightness", 93.6601, BAND, parts=3).startswith("brightness 93.6601 of 255, mean of 3; ")


def test_a_value_far_from_its_limits_needs_no_decimals() -> None:
    said = raised("brightness", 120.3, BAND, seen=140.2, parts=1)
    assert "moving average is 120 of 255, good parts had 85 of 255, allowed is 77 of 255 to 94 of 255" in said


def test_what_is_called_the_brightness_is_what_the_newest_pictures_have() -> None:
    said = raised("brightness", 70.1, BAND, seen=47.2, parts=10)
    assert said.startswith("Brightness 47 of 255, mean of the newest 10 parts; the moving average is 70")
    assert cleared("brightness", 84.0, BAND, seen=85.0, parts=1).startswith("Back to normal: brightness 85 of 255, the")
