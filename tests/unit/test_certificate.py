"""The page to sign: everything it says is the bundle's, nothing comes from outside, and a name cannot become markup."""

from pathlib import Path

import pytest

from calibration.build import build
from calibration.known_parts import Shown
from calibration.promise.certificate import write_certificate
from calibration.promise.threshold import Wish
from calibration.promise.words import sentences
from calibration.references.collect import Taken
from tests.patch_encoder import PatchEncoder, grey_part

REFERENCES = [Taken(grey_part(number), f"{number}.png") for number in range(4)]
GOOD = [Shown(f"<script>{number}", [grey_part(number)]) for number in range(10, 22)]
BAD = [Shown("scratch", [grey_part(30, spot=True)]), Shown("unseen", [grey_part(31)])]


def page_of(tmp_path: Path, *, references: int = 4, good: bool = False, bad: bool = False, target: float = 0.01) -> str:
    built = build(
        PatchEncoder(),
        REFERENCES[:references],
        category="part",
        bundles_dir=tmp_path,
        good=GOOD if good else (),
        bad=BAD if bad else (),
        wish=Wish(target_false_reject=target),
    )
    return write_certificate(tmp_path / "reports", built.folder).read_text()


@pytest.mark.parametrize(
    ("given", "grade", "said"),
    [
        ({"references": 1}, "no promise", "Every frame will be unsure"),
        ({}, "estimate", "up to 52.7% of good parts"),
        ({"good": True}, "not certified", "299 good parts outside the references would do"),
        ({"good": True, "target": 0.3}, "certified", "certified for a false-reject rate of 30%"),
        ({"bad": True}, "estimate", "1 would pass as ok: miss rate 50.0% (95 % interval 1.3% to 98.7%"),
    ],
)  # fmt: skip
def test_each_grade_is_named_for_what_it_is(tmp_path: Path, given: dict[str, float], grade: str, said: str) -> None:
    page = page_of(tmp_path, **given)
    assert f'<span class="grade">{grade}</span>' in page
    assert said in page
    assert "prove nothing about another day" in page


def test_the_page_needs_nothing_from_outside_and_names_are_text(tmp_path: Path) -> None:
    page = page_of(tmp_path, good=True, bad=True)
    assert page.count("<svg") == 2
    assert "&lt;script&gt;10" in page
    assert "<script" not in page
    for outside in ('src="', 'href="http', "@import", "url(http"):
        assert outside not in page


def test_the_same_bundle_gives_the_same_page(tmp_path: Path) -> None:
    built = build(PatchEncoder(), REFERENCES, category="part", bundles_dir=tmp_path)
    first, second = (write_certificate(tmp_path / name, built.folder) for name in ("a", "b"))
    assert first.name == "part@1.html"
    assert first.read_bytes() == second.read_bytes()


def test_what_is_said_without_defects_is_that_misses_are_unknown(tmp_path: Path) -> None:
    made = build(PatchEncoder(), REFERENCES, category="part", bundles_dir=tmp_path).manifest
    assert any("how many it misses is unknown" in sentence for sentence in sentences(made))
