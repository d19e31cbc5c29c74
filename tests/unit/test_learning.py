"""The line learns from its operators: false alarms become references, replays say what flips."""

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from calibration.ingredients import gather_ingredients
from calibration.known_parts import Shown
from calibration.learning import replay
from calibration.learning.learn import Lesson, Offer
from calibration.learning.learn_cli import refuse_known_defects
from calibration.learning.made_with import references_of
from calibration.learning.promotion_guard import guard_promotion
from calibration.learning.replay import Replay
from calibration.learning.replay_page import render, write_page
from calibration.learning.rescore import Rescorer
from calibration.promise.words import sentences
from calibration.references.collect import Taken
from edge.check import check_kept, conclude
from edge.errors import EdgeError
from edge.frame import FrameInfo, Pixels
from edge.ledger.record import open_engine, unit_of_work
from edge.ledger.reviewed import boxes_of, count_without_picture, judged_frames, stored_frames
from edge.ledger.reviews import ReviewVerdict, add_reviews, reviews_of, undo_reviews
from edge.ledger.writer import Entry, Writer
from edge.settings import Settings
from edge.verdict import Outcome
from edge.vision.area import Area
from edge.vision.bundle import Bundle, load_bundle
from edge.vision.bundle_promotion import promote
from edge.vision.features import Encoder
from edge.vision.recipe import parse_recipe
from edge.vision.scene import Scene
from edge.vision.scorer import VisionScorer
from tests.in_use import build_in_use
from tests.new_record import new_record
from tests.patch_encoder import PatchEncoder, grey_part

FALSE_ALARM, CONFIRMED, UNSURE = ReviewVerdict.FALSE_ALARM, ReviewVerdict.CONFIRMED_DEFECT, ReviewVerdict.UNSURE


def part(light: int, *, label: bool = False, spot: bool = False) -> Pixels:
    """A good part in more or less light, which is all that tells good ones apart; a blue label, or a red spot."""
    pixels = grey_part(0) // 2
    if label:
        pixels[8:24, 8:24] = (40, 40, 150)
    if spot:
        pixels[40:56, 40:56] = (255, 0, 0)
    return np.clip(pixels.astype(np.int16) + light, 0, 255).astype(np.uint8)


@dataclass
class Station:
    """A calibrated line with a record, whose camera is called `top`."""

    settings: Settings
    encoder: PatchEncoder
    scorer: VisionScorer
    writer: Writer
    shown: int = 0

    def inspect(self, *pictures: Pixels) -> list[int]:
        """Let the line judge and record these parts; their record ids."""
        verdicts = self.scorer.score(pictures, ["pcb"] * len(pictures))
        infos = [
            FrameInfo("run", "top", self.shown + n, time.time_ns(), f"{self.shown + n}.png")
            for n in range(1, len(pictures) + 1)
        ]
        self.shown += len(pictures)
        self.writer.write([Entry(*each) for each in zip(infos, verdicts, pictures, strict=True)])
        return [info.seq for info in infos]  # the first run's first camera: ids are its numbers

    def say(self, verdict: ReviewVerdict, *frames: int) -> None:
        engine = open_engine(self.settings.database, writes=True)
        add_reviews(engine, frames, verdict, reviewer="anna", reviewed_ns=time.time_ns())
        engine.dispose()

    def bundle(self, version: int | None = None) -> Bundle:
        return load_bundle(self.settings.bundles, "pcb", version)

    def lesson(self) -> Lesson:
        return Lesson(self.encoder, self.bundle(), self.settings)

    def learn(self, *frames: int) -> Bundle:
        lesson = self.lesson()
        name = lesson.learn(lesson.offer().chosen(frames)).name
        return self.bundle(name.version)

    def replay(self, bundle: Bundle) -> Replay:
        engine = open_engine(self.settings.database)
        frames, unkept = stored_frames(engine, "pcb"), count_without_picture(engine, "pcb")
        engine.dispose()
        rescorer = Rescorer(self.encoder, bundle, self.settings)
        return replay.run(rescorer, frames, bundle=bundle, unkept=unkept, advance=lambda _: None)

    def guard(self, bundle: Bundle, *, force: str | None = None) -> tuple[str | None, list[str]]:
        """The reason to be recorded, and what was said."""
        said: list[str] = []

        def encoder_for(_bundle: Bundle, _settings: Settings) -> Encoder:
            return self.encoder

        reason = guard_promotion(self.settings, bundle.name, force=force, say=said.append, encoder_for=encoder_for)
        return reason, said

    def lose_picture(self, frame: int) -> None:
        engine = open_engine(self.settings.database)
        (found,) = [each for each in stored_frames(engine, "pcb") if each.id == frame]
        engine.dispose()
        assert found.picture_path is not None
        (self.settings.media / found.picture_path).unlink()


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of bundles with one, to be copied; its recipe is one that need not look for the part's place."""
    folder = tmp_path_factory.mktemp("taught")
    encoder = PatchEncoder()
    ingredients = gather_ingredients(encoder, parse_recipe("few-shot"))
    references = [Taken(part(light), f"{light}.png") for light in (-9, -3, 3, 9)]
    build_in_use(encoder, references, category="pcb", bundles_dir=folder, ingredients=ingredients)
    return folder


@pytest.fixture
def station(tmp_path: Path, taught: Path) -> Iterator[Station]:
    settings, encoder = Settings(data=tmp_path / "data"), PatchEncoder()
    shutil.copytree(taught, settings.bundles)
    new_record(settings.database)
    engine = open_engine(settings.database, writes=True)
    writer = Writer(engine, settings.media)
    writer.register("run", "top", source="folder", category="pcb")
    scorer = VisionScorer(encoder, settings.bundles)
    scorer.load("pcb")
    yield Station(settings, encoder, scorer, writer)
    engine.dispose()


def candidates(offer: Offer) -> list[int]:
    return [candidate.frame.id for candidate in offer.candidates]


def test_what_is_learned_passes_from_then_on_and_defects_do_not(station: Station) -> None:
    alarm, defect = station.inspect(part(0, label=True), part(1, spot=True))
    station.say(FALSE_ALARM, alarm)
    new = station.learn(alarm)
    scorer = VisionScorer(station.encoder, station.settings.bundles)
    scorer.use(new)
    verdicts = scorer.score([part(2, label=True), part(1, spot=True)], ["pcb", "pcb"])
    assert [verdict.outcome for verdict in verdicts] == [Outcome.OK, Outcome.DEFECT]
    assert {verdict.bundle for verdict in verdicts} == {new.sha256}
    assert defect not in candidates(station.lesson().offer())


def test_the_next_bundle_keeps_references_and_recipe_and_is_not_in_use(station: Station) -> None:
    (alarm,) = station.inspect(part(0, label=True))
    station.say(FALSE_ALARM, alarm)
    old, new = station.bundle(), station.learn(alarm)
    assert (station.bundle().version, new.version) == (1, 2)
    assert new.manifest.recipe == old.manifest.recipe
    assert [each.source for each in new.manifest.references[:4]] == [each.source for each in old.manifest.references]
    assert new.manifest.references[4].source == f"frame run/top/{alarm}"
    for number in range(1, 5):
        name = f"references/{number:02}.png"
        assert (new.folder / name).read_bytes() == (old.folder / name).read_bytes()


def test_the_threshold_is_kept_and_frames_chosen_by_their_score_have_no_say_in_what_it_promises(
    station: Station,
) -> None:
    alarms = station.inspect(part(0, label=True), part(5, label=True))
    station.say(FALSE_ALARM, *alarms)
    old, new = station.bundle().manifest, station.learn(*alarms).manifest
    assert [each.learned for each in new.references] == [False] * 4 + [True] * 2
    assert len(new.calibration.loo_scores) == 4
    assert new.threshold == old.threshold is not None


def test_what_was_kept_for_the_check_before_a_shift_is_kept_again_with_new_scores(station: Station) -> None:
    good, bad = [Shown("good", [part(11)])], [Shown("bad", [part(12, spot=True)])]
    references = references_of(station.bundle())
    build_in_use(station.encoder, references, category="pcb", bundles_dir=station.settings.bundles, good=good, bad=bad)
    (alarm,) = station.inspect(part(0, label=True))
    station.say(FALSE_ALARM, alarm)
    old, new = station.bundle(), station.learn(alarm)
    assert [(each.file, each.source, each.good) for each in new.manifest.check] == [
        ("check/good/01.png", "good", True), ("check/bad/01.png", "bad", False)
    ]  # fmt: skip
    assert [each.flagged for each in new.manifest.check] == [each.flagged for each in old.manifest.check]
    assert (new.folder / "check/bad/01.png").read_bytes() == (old.folder / "check/bad/01.png").read_bytes()


def test_more_references_raise_no_score(station: Station) -> None:
    alarms = station.inspect(part(0, label=True), part(5, label=True))
    station.say(FALSE_ALARM, *alarms)
    scorer = VisionScorer(station.encoder, station.settings.bundles)
    scorer.use(station.learn(*alarms))
    parts = [
        part(light, label=label, spot=spot) for light in (-8, 4) for label in (False, True) for spot in (False, True)
    ]
    before, after = (each.score(parts, ["pcb"] * len(parts)) for each in (station.scorer, scorer))
    assert all(new.score <= old.score + 1e-6 for new, old in zip(after, before, strict=True))  # type: ignore[operator]
    assert any(new.score < old.score / 2 for new, old in zip(after, before, strict=True))  # type: ignore[operator]


def test_the_next_bundle_keeps_what_was_told_of_the_scene(station: Station) -> None:
    mask = np.ones((64, 64), bool)
    mask[:, 60:] = False  # a bar code, say
    references = [Taken(part(light), f"{light}.png") for light in (-9, -3, 3, 9)]
    belts = [Taken(np.full((64, 64, 3), grey, np.uint8), f"{grey}") for grey in (200, 204)]
    recipe = gather_ingredients(station.encoder, parse_recipe("few-shot"))
    told = {"ingredients": recipe, "scene": Scene(area=Area(mask, (64, 64, 64))), "empties": belts}
    build_in_use(station.encoder, references, category="pcb", bundles_dir=station.settings.bundles, **told)  # type: ignore[arg-type]
    station.scorer.load("pcb")
    (alarm,) = station.inspect(part(0, label=True))
    station.say(FALSE_ALARM, alarm)
    old, new = station.bundle().manifest, station.learn(alarm).manifest
    assert (new.area, new.empty is None) == (old.area, False)
    assert new.files["area.png"] == old.files["area.png"]
    assert [new.files[f"empty/0{n}.png"] for n in (1, 2)] == [old.files[f"empty/0{n}.png"] for n in (1, 2)]


def test_learning_again_keeps_what_was_learned_and_offers_it_no_more(station: Station) -> None:
    first, second = station.inspect(part(0, label=True), part(5, label=True))
    station.say(FALSE_ALARM, first, second)
    learned = station.learn(first)
    lesson = Lesson(station.encoder, learned, station.settings)
    offer = lesson.offer()
    assert candidates(offer) == [second]
    assert [frame.id for frame in offer.learned] == [first]
    again = lesson.learn(offer.candidates).manifest
    assert [each.learned for each in again.references] == [False] * 4 + [True] * 2
    with pytest.raises(EdgeError, match="a reference already"):
        offer.chosen([first])


def test_only_frames_whose_latest_review_says_false_alarm_are_offered(station: Station) -> None:
    alarm, doubted, gone = station.inspect(part(0, label=True), part(5, label=True), part(1, label=True))
    station.say(FALSE_ALARM, alarm, doubted, gone)
    station.say(UNSURE, doubted)
    station.lose_picture(gone)
    offer = station.lesson().offer()
    assert candidates(offer) == [alarm]
    assert [frame.id for frame, _ in offer.gone] == [gone]
    with pytest.raises(EdgeError, match="not a false alarm"):
        offer.chosen([alarm, doubted])
    with pytest.raises(EdgeError, match="edge verify"):
        offer.chosen([gone])


def test_what_adds_little_and_what_looks_like_a_defect_is_named(station: Station) -> None:
    parts = part(0, label=True), part(0, label=True), part(7, label=True)[::-1].copy(), part(4, spot=True)
    first, twin, other, wrong = station.inspect(*parts)
    station.say(FALSE_ALARM, first, twin, other, wrong)
    by_id = {candidate.frame.id: candidate for candidate in station.lesson().offer().candidates}
    assert by_id[first].same_as is None
    assert by_id[twin].same_as == f"frame run/top/{first}"
    assert by_id[other].same_as is None
    assert {frame for frame, candidate in by_id.items() if candidate.strange} == {wrong}


def test_a_candidate_alone_scores_as_it_did_on_the_line(station: Station) -> None:
    """Whatever the recipe: one with a map's maximum in its score divides that by what the references reached."""
    encoder = station.encoder = PatchEncoder(reads=True)
    references = references_of(station.bundle())
    recipe = gather_ingredients(encoder, parse_recipe("text+few-shot"))
    build_in_use(encoder, references, category="pcb", bundles_dir=station.settings.bundles, ingredients=recipe)
    station.scorer = VisionScorer(encoder, station.settings.bundles)
    station.scorer.load("pcb")
    assert station.bundle().manifest.peak_scale != 1
    (alarm,) = station.inspect(part(0, label=True))
    station.say(FALSE_ALARM, alarm)
    (candidate,) = station.lesson().offer().candidates
    assert candidate.score == pytest.approx(candidate.frame.score, rel=0.2), "but for what JPEG makes of it"


def test_the_same_bundle_says_again_what_the_line_said(station: Station) -> None:
    station.inspect(*(part(light, spot=light % 2 == 0) for light in range(-4, 5)))
    done = station.replay(station.bundle())
    assert done.complete and done.flips == []
    assert done.turns == {(Outcome.DEFECT, Outcome.DEFECT): len(done.replayed)}
    assert len(done.replayed) + done.unkept == 9
    assert done.largest_change is not None
    recorded = min(each.frame.score or 0 for each in done.replayed)
    assert done.largest_change < recorded / 5  # what JPEG makes of it


def test_a_replay_names_each_flip_and_what_the_bundle_learned(station: Station) -> None:
    alarm, like_it, _ = station.inspect(part(0, label=True), part(2, label=True), part(2, spot=True))
    station.say(FALSE_ALARM, alarm)
    done = station.replay(station.learn(alarm))
    assert [(each.frame.id, each.learned) for each in done.flips] == [(alarm, True), (like_it, False)]
    assert done.turns[Outcome.DEFECT, Outcome.OK] == 2
    assert done.largest_change is None


def test_a_replay_goes_on_past_a_missing_picture_and_says_so(station: Station) -> None:
    first, gone, last = station.inspect(*(part(light, spot=True) for light in range(3)))
    station.lose_picture(gone)
    done = station.replay(station.bundle())
    assert [each.frame.id for each in done.replayed] == [first, last]
    assert [unseen.frame.id for unseen in done.gone] == [gone]
    assert not done.complete and not done.interrupted


def test_an_interrupted_replay_has_what_there_is_by_then(station: Station) -> None:
    station.inspect(*(part(light, spot=True) for light in range(9)))
    engine = open_engine(station.settings.database)
    frames = stored_frames(engine, "pcb")
    engine.dispose()
    seen: list[int] = []

    def advance(steps: int) -> None:
        seen.append(steps)
        if len(seen) == 6:
            raise KeyboardInterrupt

    rescorer = Rescorer(station.encoder, station.bundle(), station.settings)
    done = replay.run(rescorer, frames, bundle=station.bundle(), unkept=0, advance=advance)
    assert (len(done.replayed), done.interrupted) == (6, True)
    assert "3 of 9 frames were not looked at" in render(done, {})


def test_the_page_holds_its_pictures_and_shows_text_as_text(station: Station, tmp_path: Path) -> None:
    alarm, defect = station.inspect(part(0, label=True), part(1, spot=True))
    engine = open_engine(station.settings.database, writes=True)
    add_reviews(engine, [alarm], FALSE_ALARM, reviewer="<script>alert(1)</script>", reviewed_ns=1)
    done = station.replay(station.learn(alarm))
    page = write_page(tmp_path / "new" / "folder", done, boxes_of(engine, [alarm])).read_text()
    engine.dispose()
    assert page.count("data:image/jpeg;base64,") == 1
    assert f"Frame {alarm}" in page and f"Frame {defect}" not in page
    assert "<script" not in page and "&lt;script&gt;" in page
    assert "http" not in page
    assert 'class="then"' in page
    with pytest.raises(EdgeError, match="cannot be written"):
        write_page(station.settings.database.file, done, {})


def passing(station: Station) -> tuple[int, int, Bundle]:
    """A confirmed defect, another one, and a bundle under which the first would be ok, learned from its like."""
    looks_learned, spotted, alarm = station.inspect(part(2, label=True), part(1, spot=True), part(0, label=True))
    station.say(CONFIRMED, looks_learned, spotted)
    station.say(FALSE_ALARM, alarm)
    return looks_learned, spotted, station.learn(alarm)


def test_a_bundle_that_would_pass_a_confirmed_defect_is_refused_with_the_frame(station: Station) -> None:
    frame, spotted, new = passing(station)
    with pytest.raises(
        EdgeError, match=rf"pcb@2 is not promoted: 1 of 2 .* would be ok: frame {frame}\..*--force REASON"
    ):
        station.guard(new)
    station.say(UNSURE, frame)  # the latest review counts
    reason, said = station.guard(new)
    assert reason is None
    assert said == ["None of 1 confirmed defects would be ok under pcb@2."]
    assert spotted not in {each.id for each in judged(station, FALSE_ALARM)}


def test_a_confirmation_that_was_undone_holds_no_bundle_back(station: Station) -> None:
    frame, _, new = passing(station)
    engine = open_engine(station.settings.database, writes=True)
    with unit_of_work(engine) as session:
        undo_reviews(session, [reviews_of(session, frame)[0].id], reviewer="anna", reviewed_ns=1)
    engine.dispose()
    assert station.guard(new)[1] == ["None of 1 confirmed defects would be ok under pcb@2."]
    (seen,) = [each for each in station.replay(new).replayed if each.frame.id == frame]
    assert seen.frame.review is None


def judged(station: Station, verdict: ReviewVerdict) -> list[replay.ReviewedFrame]:
    engine = open_engine(station.settings.database)
    found = judged_frames(engine, "pcb", verdict)
    engine.dispose()
    return found


def test_force_needs_a_reason_which_is_kept_with_what_it_overrode(station: Station) -> None:
    frame, _, new = passing(station)
    reason, said = station.guard(new, force="rework finds them")
    assert reason is not None
    assert reason.startswith("rework finds them (forced: ") and f"frame {frame}" in reason
    assert "Forced" in said[0]
    with pytest.raises(EdgeError, match="needs a reason"):
        station.guard(new, force=" ")


def test_a_confirmed_defect_without_its_picture_is_no_consent(station: Station) -> None:
    (frame,) = station.inspect(part(1, spot=True))
    station.say(CONFIRMED, frame)
    assert station.guard(station.bundle())[0] is None
    station.lose_picture(frame)
    with pytest.raises(EdgeError, match=rf"1 confirmed defects cannot be scored: frame {frame};.*edge verify"):
        station.guard(station.bundle())


def test_a_defect_that_the_line_let_pass_and_kept_no_picture_of_is_mentioned(station: Station) -> None:
    (passed,) = station.inspect(part(1))
    station.say(CONFIRMED, passed)
    reason, said = station.guard(station.bundle())
    assert reason is None
    assert f"frame {passed}" in said[0]


def test_another_encoder_is_no_consent_either(station: Station) -> None:
    (frame,) = station.inspect(part(1, spot=True))
    station.say(CONFIRMED, frame)
    station.encoder.weights_sha256 = "1" * 64
    with pytest.raises(EdgeError, match=r"1 confirmed defects cannot be scored with it: .*weights"):
        station.guard(station.bundle())


def test_without_a_record_nothing_forbids(station: Station, tmp_path: Path) -> None:
    station.settings = Settings(data=tmp_path / "elsewhere")
    bundle = load_bundle(tmp_path / "data" / "bundles", "pcb")
    assert station.guard(bundle, force=None) == (None, [])
    assert not (tmp_path / "elsewhere").exists()


def marked(number: int) -> Pixels:
    """A part with a blue mark, no lighter or darker than the part, where JPEG keeps it as it is."""
    pixels = grey_part(number).astype(np.int16)
    pixels[16:48, 16:48] += np.array((-12, -12, 80), np.int16)
    return np.clip(pixels, 0, 255).astype(np.uint8)


def taught_a_defect(station: Station) -> tuple[int, Bundle]:
    """A frame of a known defect, called a false alarm, and the bundle that was made to learn from it all the same."""
    good, bad = [Shown("good", [grey_part(9)])], [Shown("spot.png", [marked(7)])]
    references = [Taken(grey_part(number), f"{number}.png") for number in range(4)]
    build_in_use(station.encoder, references, category="pcb", bundles_dir=station.settings.bundles, good=good, bad=bad)
    station.scorer.load("pcb")
    shown, other = station.inspect(marked(7), marked(8))
    station.say(FALSE_ALARM, shown, other)
    by_id = {each.frame.id: each for each in station.lesson().offer().candidates}
    assert (by_id[shown].defect, by_id[other].defect) == ("spot.png", None)
    lossless = replace(by_id[shown], taken=Taken(marked(7), f"frame run/top/{shown}", learned=True))
    return shown, station.bundle(station.lesson().learn([lossless]).name.version)


def test_a_frame_that_shows_a_known_defect_is_named_and_refused(station: Station) -> None:
    shown, _ = taught_a_defect(station)
    chosen = station.lesson().offer().chosen([shown])
    with pytest.raises(EdgeError, match=rf"frame {shown} shows spot\.png, known to pcb@2 as a defect"):
        refuse_known_defects(chosen, station.bundle())


def test_a_known_defect_that_was_learned_as_good_is_said_and_fails_every_check_from_then_on(station: Station) -> None:
    _, new = taught_a_defect(station)
    (lost,) = [kept for kept in new.manifest.check if not kept.good]
    assert (lost.source, lost.flagged, lost.caught_by) == ("spot.png", False, "pcb@2")
    assert any("spot.png passes: pcb@2 caught it" in sentence for sentence in sentences(new.manifest))
    again = Lesson(station.encoder, new, station.settings)
    shown_anew = again.learn(again.offer().candidates, bad=[Shown("hole.png", [grey_part(6)[::-1] // 9])])
    for version in (new.version, shown_anew.name.version):
        assert version is not None
        promote(station.settings.bundles, "pcb", version)
        station.scorer.load("pcb")
        result = conclude(station.bundle(), check_kept(station.scorer, station.bundle()))
        assert not result.passed
        assert "known bad spot.png" in result.reason and "pcb@2 caught it" in result.reason


def test_a_known_defect_that_would_turn_ok_holds_a_bundle_back_like_a_confirmed_one(station: Station) -> None:
    _, new = taught_a_defect(station)
    with pytest.raises(EdgeError, match=r"pcb@3 is not promoted: 1 known defect .*would be ok: spot\.png\."):
        station.guard(new)
    reason, _ = station.guard(new, force="it is a label")
    assert reason is not None and "spot.png" in reason


def test_a_defect_that_the_bundle_in_use_passes_as_well_holds_nothing_back_and_is_named(station: Station) -> None:
    escape, alarm = station.inspect(part(2, label=True), part(0, label=True))
    station.say(FALSE_ALARM, alarm)
    new = station.learn(alarm)
    station.say(CONFIRMED, escape)
    with pytest.raises(EdgeError, match=rf"frame {escape}\."):
        station.guard(new)
    promote(station.settings.bundles, "pcb", new.version)
    lesson = station.lesson()
    (second,) = station.inspect(part(5, label=True))
    station.say(FALSE_ALARM, second)
    next_one = station.bundle(lesson.learn(lesson.offer().candidates).name.version)
    reason, said = station.guard(next_one)
    assert reason is None
    assert said == [f"Passes as before: frame {escape}, called defects by people, ok under pcb@2 in use as well."]
