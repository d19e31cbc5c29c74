"""An alarm's sentence never reads as if the value were allowed."""

from edge.vision.drift_words import difference, raised
from edge.vision.normal import Band

BAND = Band(count=8, mean=85.2, spread=2.0, reach=8.46, least=8.46, students_t=2.4)


def test_a_value_just_beyond_a_limit_is_written_with_the_decimals_that_tell_them_apart() -> None:
    assert raised("brightness", 93.85, BAND).startswith(
        "Brightness 93.8 of 255; good parts had 85.2 of 255, allowed is 76.7 of 255 to 93.7 of 255. "
    )
    assert "94 of 255; good parts had 85 of 255, allowed is 77 of 255 to 94" not in raised("brightness", 93.85, BAND)
    assert difference("brightness", 93.6601, BAND, parts=3).startswith("brightness 93.6601 of 255, mean of 3; ")


def test_a_value_far_from_its_limits_needs_no_decimals() -> None:
    assert raised("brightness", 120.3, BAND).startswith(
        "Brightness 120 of 255; good parts had 85 of 255, allowed is 77"
    )
    assert "up to 94 of 255" not in raised("brightness", 120.3, BAND)
