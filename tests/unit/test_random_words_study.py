"""The study of the lost hyperparameters: what it tries, what it marks, and when it calls a difference one."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from calibration.datasets import Category, open_dataset
from calibration.random_words.exam import Exam, Pictures, embed_pictures, marks_of
from calibration.random_words.report import markdown, read_study, write_study
from calibration.random_words.study import (
    FACTORS,
    Candidate,
    Row,
    Study,
    candidates,
    combined,
    compared,
    examined,
    least_seeds,
    sign_flip_p,
)
from calibration.random_words.training import train
from edge.errors import EdgeError
from edge.vision.crops import CROPS
from edge.vision.net_card import PromptPlan, Training
from edge.vision.random_words import random_word_score
from edge.vision.zero_shot import text_score
from tests.hashed_words import HashedEncoder, two_clouds
from tests.patch_encoder import PatchEncoder
from tests.tiny_dataset import tiny_dataset

TINY = Training(widths=(16, 12, 8), batch=16, lr=1e-2)


def exam_of(pictures: list[Pictures] | None = None) -> Exam:
    return Exam(two_clouds(40, seed=8), two_clouds(20, seed=9, apart=1.0), pictures or [])


def row(factor: str, value: str, *numbers: float, **changes: object) -> Row:
    training = Training().model_copy(update=changes)
    pairs = int(value) if factor == "pairs" else 100
    candidate = Candidate(factor=factor, value=value, training=training, pairs=pairs)
    return Row(candidate=candidate, marks={"plain_auroc": numbers})


def study_of(rows: list[Row], *, dataset: str | None = None, published: bool = True) -> Study:
    return Study(
        encoder="hashed:words",
        weights_sha256="ab" * 32,
        published=published,
        plan=PromptPlan(pairs=100),
        seeds=tuple(range(len(rows[0].marks["plain_auroc"]))),
        shared_prompts=True,
        dataset=dataset,
        crops=True,
        criterion="plain_auroc",
        rows=tuple(rows),
        chosen=combined(rows, "plain_auroc"),
        command="calibrate random-words-study",
    )


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Category:
    return open_dataset("folder", tiny_dataset(tmp_path_factory.mktemp("set") / "spot")).categories[0]


def test_each_candidate_differs_from_the_default_in_one_thing() -> None:
    first, *others = candidates(Training(), 10_000)
    assert first.factor == "default"
    default = first.training.model_dump() | {"pairs": first.pairs}
    for candidate in others:
        now = candidate.training.model_dump() | {"pairs": candidate.pairs}
        assert [name for name in now if now[name] != default[name]] == [candidate.factor]
    assert {candidate.factor for candidate in others} == {*FACTORS, "pairs"}


def test_every_candidate_is_trained_with_every_seed_on_its_own_pairs() -> None:
    asked: list[int] = []

    def texts(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        asked.append(seed)
        return two_clouds(48, seed=seed)

    steps: list[int] = []
    tried = [candidate.model_copy(update={"training": TINY}) for candidate in candidates(TINY, 48)[-3:]]
    rows = examined(tried, (0, 1), texts, exam_of(), advance=steps.append)
    assert asked == [0, 1]
    assert len(steps) == 2 * len(tried)
    for each in rows:
        for number, seed in enumerate((0, 1)):
            normal, anomalous = two_clouds(48, seed=seed)
            kept = each.candidate.pairs
            marks = marks_of(train(normal[:kept], anomalous[:kept], TINY, seed=seed), exam_of())
            assert {name: values[number] for name, values in each.marks.items()} == marks


def test_marks_are_good_for_a_network_that_knows_and_bad_for_one_that_has_it_backwards() -> None:
    normal, anomalous = two_clouds(200)
    good = marks_of(train(normal, anomalous, TINY, seed=0), exam_of())
    bad = marks_of(train(anomalous, normal, TINY, seed=0), exam_of())
    assert good["held_out_accuracy"] > 0.8 > 0.2 > bad["held_out_accuracy"]
    assert good["plain_auroc"] > 0.8 > 0.2 > bad["plain_auroc"]
    assert good["held_out_bce"] < bad["held_out_bce"]


@pytest.mark.parametrize("crops", [True, False])
def test_image_marks_are_those_of_the_scores_on_the_line(parts: Category, crops: bool) -> None:
    encoder = HashedEncoder()
    pictures = embed_pictures(encoder, parts, PromptPlan(), crops=crops, known_object=False)
    assert encoder.passes == len(parts.test) * (CROPS if crops else 1)
    net = train(*two_clouds(64), TINY, seed=0)
    ours = random_word_score(pictures.pooled, net).reshape(len(parts.test), -1).mean(dim=1)
    defects, goods = ours[torch.tensor(pictures.labels)], ours[~torch.tensor(pictures.labels)]
    wins = [float(d > g) + 0.5 * float(d == g) for d in defects for g in goods]
    marks = marks_of(net, exam_of([pictures]))
    assert marks["image_auroc"] == pytest.approx(np.mean(wins))
    assert 0 <= marks["image_auroc_with_clip"] <= 1


def test_a_known_object_changes_clips_pair_of_prompts_and_nothing_else(parts: Category) -> None:
    asked, found = [], []
    for known_object in (False, True):
        encoder = HashedEncoder()
        found.append(embed_pictures(encoder, parts, PromptPlan(), crops=False, known_object=known_object))
        asked.append(encoder.text.asked)
    assert asked == [
        ["a photo of a object", "a photo of a damaged object"],
        ["a photo of a spot", "a photo of a damaged spot"],
    ]
    assert torch.equal(found[0].pooled, found[1].pooled)
    assert not torch.equal(found[0].clip, found[1].clip)
    pair = HashedEncoder().text.embed(asked[1])
    torch.testing.assert_close(found[1].clip, text_score(found[1].pooled, pair))


def test_the_words_of_the_network_are_those_of_clips_pair(parts: Category) -> None:
    encoder = HashedEncoder()
    plan = PromptPlan(normal="a good", anomaly="a broken")
    embed_pictures(encoder, parts, plan, crops=False, known_object=False)
    assert encoder.text.asked == ["a photo of a good object", "a photo of a broken object"]


def test_pictures_need_an_encoder_with_a_text_tower(parts: Category) -> None:
    with pytest.raises(EdgeError, match="no text tower"):
        embed_pictures(PatchEncoder(), parts, PromptPlan(), crops=False, known_object=False)


def test_p_is_the_share_of_sign_patterns_as_far_from_zero() -> None:
    assert sign_flip_p(np.array([1.0, 1.0, 1.0])) == 2 / 8
    assert sign_flip_p(np.array([3.0, 1.0, -1.0])) == 4 / 8 + 2 / 8
    assert sign_flip_p(np.zeros(4)) == 1


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=8))
def test_p_knows_no_direction_and_is_never_below_what_the_seeds_allow(differences: list[float]) -> None:
    values = np.asarray(differences)
    assert 2 / 2 ** len(values) <= sign_flip_p(values) <= 1
    assert sign_flip_p(values) == sign_flip_p(-values)


def test_a_difference_matters_only_with_enough_seeds() -> None:
    for seeds, enough in ((3, False), (least_seeds(1), True)):
        rows = compared([row("default", "", *[0.5] * seeds), row("lr", "1", *[0.9] * seeds)], "plain_auroc")
        assert rows[1].matters is enough
    assert least_seeds(15) == 10


def test_the_best_of_each_factor_that_matters_are_put_together() -> None:
    seeds = 12
    rows = [
        row("default", "", *[0.5] * seeds),
        row("lr", "0.1", *[0.6] * seeds, lr=0.1),
        row("lr", "0.2", *[0.7] * seeds, lr=0.2),
        row("dropout", "0.5", *[0.4] * seeds, dropout=0.5),
        row("epochs", "9", *([0.9] * 6 + [0.2] * 6), epochs=9),
        row("pairs", "30", *[0.8] * seeds),
    ]
    best = combined(compared(rows, "plain_auroc"), "plain_auroc")
    assert best.factor == "lr+pairs"
    assert best.training == Training(lr=0.2)
    assert best.pairs == 30


def test_nothing_that_matters_leaves_the_default() -> None:
    rows = compared([row("default", "", 0.5, 0.5), row("lr", "0.1", 0.9, 0.9, lr=0.1)], "plain_auroc")
    assert combined(rows, "plain_auroc") == rows[0].candidate


def test_a_study_without_pictures_validates_nothing(tmp_path: Path) -> None:
    rows = [row("default", "", 0.5, 0.7), row("lr", "0.1", 0.9, 0.9, lr=0.1)]
    study = study_of(compared(rows, "plain_auroc"))
    assert study.hyperparameters == "unvalidated"
    assert "remain `unvalidated`: No picture" in markdown(study)
    table = write_study(tmp_path / "study.json", study)
    assert read_study(tmp_path / "study.json") == study
    assert "| default |  | 0.6000 ± 0.1414 |  |  |" in table.read_text().splitlines()


def test_a_file_that_is_no_study_is_refused(tmp_path: Path) -> None:
    (tmp_path / "study.json").write_text("{}")
    for name in ("study.json", "none.json"):
        with pytest.raises(EdgeError, match="random-words-study"):
            read_study(tmp_path / name)


def test_a_study_validates_with_pictures_published_weights_and_enough_seeds_only() -> None:
    enough = [row("default", "", *[0.5] * 10), row("lr", "0.1", *[0.9] * 10, lr=0.1)]
    few = [row("default", "", 0.5, 0.5), row("lr", "0.1", 0.9, 0.9, lr=0.1)]
    said = study_of(enough, dataset="mvtec")
    assert said.hyperparameters == "validated on mvtec, 10 seeds, weights abababababababab"
    assert "no longer a fair test" in markdown(said)
    for study in (study_of(enough, dataset="mvtec", published=False), study_of(few, dataset="mvtec")):
        assert study.hyperparameters == "unvalidated"
        assert str(study.shortfall) in markdown(study)
