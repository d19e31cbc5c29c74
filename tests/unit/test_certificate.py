"""The page to sign: everything it says is the bundle's, nothing comes from outside, and a name cannot become markup."""

from base64 import b64decode
from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np
import pytest

from calibration.build import build
from calibration.known_parts import Shown
from calibration.promise.certificate import write_certificate
from calibration.promise.page_pictures import what_counts
from calibration.promise.threshold import Wish
from calibration.promise.words import sentences
from calibration.references.collect import Taken
from calibration.scene.drawn_region import DrawnRegion
from calibration.scene.options import SceneOptions
from calibration.scene.teach import teach_scene
from calibration.session import command_line
from edge.vision.bundle import picture_to_png
from edge.vision.manifest import Session
from tests.patch_encoder import PatchEncoder, grey_part

REFERENCES = [Taken(grey_part(number), f"{number}.png") for number in range(4)]
GOOD = [Shown(f"<script>{number}", [grey_part(number)]) for number in range(10, 22)]
BAD = [Shown("scratch", [grey_part(30, spot=True)]), Shown("unseen", [grey_part(31)])]
BY_HAND = Wish(threshold=0.005)


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
        ({"good": True}, "not certified, 1%", "299 good parts outside the references would do"),
        ({"good": True, "target": 0.3}, "certified, 30%", "certified for a false-reject rate of 30%"),
        ({"bad": True}, "estimate", "1 would pass as ok: miss rate 50.0% (95 % interval 1.3% to 98.7%"),
    ],
)  # fmt: skip
def test_each_grade_is_named_for_what_it_is(tmp_path: Path, given: dict[str, float], grade: str, said: str) -> None:
    page = page_of(tmp_path, **given)
    assert f'<span class="grade">{grade}' in page
    assert said in page
    assert "prove nothing about another day" in page


def test_the_page_needs_nothing_from_outside_and_names_are_text(tmp_path: Path) -> None:
    page = page_of(tmp_path, good=True, bad=True)
    assert page.count("<svg") == 2
    assert "&lt;script&gt;10" in page
    assert "<script" not in page
    assert page.count('src="') == page.count('src="data:image/jpeg;base64,') > 4
    for outside in ('href="http', "@import", "url(http"):
        assert outside not in page


def test_the_same_bundle_gives_the_same_page(tmp_path: Path) -> None:
    built = build(PatchEncoder(), REFERENCES, category="part", bundles_dir=tmp_path)
    first, second = (write_certificate(tmp_path / name, built.folder) for name in ("a", "b"))
    assert first.name == "part@1.html"
    assert first.read_bytes() == second.read_bytes()


def test_what_is_said_without_defects_is_that_misses_are_unknown(tmp_path: Path) -> None:
    made = build(PatchEncoder(), REFERENCES, category="part", bundles_dir=tmp_path).manifest
    assert any("how many it misses is unknown" in sentence for sentence in sentences(made))


def test_a_signer_sees_what_is_inspected_and_how(tmp_path: Path) -> None:
    area = DrawnRegion(Path("area.json"), polygons=[[(0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)]])
    scene = teach_scene(REFERENCES, SceneOptions(area=area))
    built = build(PatchEncoder(), REFERENCES, category="part", bundles_dir=tmp_path, scene=scene, budget_bytes=6000)
    page = write_certificate(tmp_path / "reports", built.folder).read_text()
    for said in ("52% of the picture counts", "What does not count is dark", "kB, within 6 kB", "no --align"):
        assert said in page
    shown = what_counts(built.manifest, built.folder).partition(",")[2]
    pixels = cv2.imdecode(np.frombuffer(b64decode(shown), np.uint8), cv2.IMREAD_GRAYSCALE)
    assert pixels[:, 40:].mean() < 0.5 * pixels[:, :24].mean()


def test_a_signer_sees_who_made_it_from_what_and_which_defects_were_judged_right(tmp_path: Path) -> None:
    session = Session(
        host="cell-3", station="press", account="ina", version="9.9", command="calibrate --bad defects", folder="/home",
        good="/mnt/monday", bad="/mnt/defects",
    )  # fmt: skip
    (tmp_path / "scratch.png").write_bytes(picture_to_png(grey_part(30, spot=True)))
    bad = [Shown("scratch", [tmp_path / "scratch.png"]), Shown("unseen", [grey_part(31)])]
    built = build(
        PatchEncoder(), REFERENCES, category="part", bundles_dir=tmp_path, good=GOOD, bad=bad, session=session,
        wish=BY_HAND, made_from="part@7",
    )  # fmt: skip
    page = write_certificate(tmp_path / "reports", built.folder).read_text()
    hashed = sha256((tmp_path / "scratch.png").read_bytes()).hexdigest()
    for said in ("ina on cell-3, station press", "calibrate --bad defects", "12, from /mnt/monday", "4 from part@7"):
        assert said in page
    assert f"sha256 {hashed}" in page, "as sha256sum tells it"
    assert "unseen" in page
    assert "Decision" in page


def test_a_list_is_folded_and_never_cut_off(tmp_path: Path) -> None:
    bad = [Shown(f"missed-{number}", [grey_part(number)]) for number in range(40, 60)]
    built = build(
        PatchEncoder(), REFERENCES, category="part", bundles_dir=tmp_path, bad=bad, wish=Wish(threshold=0.005)
    )
    page = write_certificate(tmp_path / "reports", built.folder).read_text()
    assert all(f">missed-{number}<" in page for number in range(40, 60))
    assert page.count("ok: passes") == 20
    assert "<details><summary>8 more that would pass</summary>" in page


def test_a_learned_reference_is_marked(tmp_path: Path) -> None:
    references = [*REFERENCES, Taken(grey_part(9), "frame a/b/9", learned=True)]
    built = build(PatchEncoder(), references, category="part", bundles_dir=tmp_path, made_from="part@3")
    page = write_certificate(tmp_path / "reports", built.folder).read_text()
    assert "5: 4 from part@3 and 1 that the line had flagged" in page
    assert page.count('<figure class="learned">') == 1


def test_a_password_is_not_part_of_the_command_that_is_kept() -> None:
    words = ["--camera", "rtsp://ina:secret@cell-3/left?token=abc=pcb", "--category", "pcb", "--good", "a b"]
    assert "secret" not in command_line(words) and "abc" not in command_line(words)
    assert command_line(words).endswith("--category pcb --good 'a b'")


def test_a_target_chosen_after_its_parts_had_been_seen_is_said(tmp_path: Path) -> None:
    said = []
    for target in (0.01, 0.01, 0.3):
        built = build(
            PatchEncoder(), REFERENCES, category="part", bundles_dir=tmp_path, good=GOOD,
            wish=Wish(target_false_reject=target),
        )  # fmt: skip
        said.append(" ".join(sentences(built.manifest)))
    assert "had been seen" not in said[0] + said[1], "the same question twice is no choice"
    assert "chosen after these parts had been seen: 12 good parts had been scored before, for part@1" in said[2]
    assert "if the target was chosen without looking at these parts" in said[2]


def test_other_parts_may_be_asked_for_another_target(tmp_path: Path) -> None:
    build(PatchEncoder(), REFERENCES, category="part", bundles_dir=tmp_path, good=GOOD)
    others = [Shown(str(number), [grey_part(number)]) for number in range(50, 62)]
    wish = Wish(target_false_reject=0.3)
    built = build(PatchEncoder(), REFERENCES, category="part", bundles_dir=tmp_path, good=others, wish=wish)
    assert built.manifest.calibration.seen_before is None
