"""Scores, maps and metrics of a category, streamed through an encoder once."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score

from calibration.bank.coreset import tokens_to_keep
from calibration.datasets import Category, Sample, open_dataset, read_mask, references
from calibration.evaluation.category import Measured, check_image_score, evaluate_category, min_max_scores
from calibration.evaluation.columns import Setting
from calibration.evaluation.prepare import Options, prepare_with
from calibration.evaluation.read_ahead import read_ahead
from calibration.evaluation.run import category_heads, run_category
from calibration.reference_heads import memory_bank
from calibration.references.collect import Taken
from edge.errors import EdgeError
from edge.line.opencv import cv2
from edge.line.picture import read_picture
from edge.vision.adapters import AdapterCard, save_adapters
from edge.vision.bundle import load_bundle
from edge.vision.crops import crops_of
from edge.vision.heads import run_heads
from edge.vision.recipe import NAMED, parse_recipe
from edge.vision.scorer import VisionScorer
from edge.vision.zero_shot import Adapters
from tests.in_use import build_in_use
from tests.patch_encoder import PatchEncoder, grey_part, placed_part
from tests.tiny_dataset import tiny_dataset

SIDE = 32
Maps = dict[tuple[Setting, Path], NDArray[np.float32]]


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    """Parts with red spots, one defect without a mask, and two whose masks show nothing that can be seen."""
    root = tiny_dataset(tmp_path / "nut", bad=6, unmasked=1, size=48)
    mask = np.zeros((48, 48), np.uint8)
    mask[10:16, 30:44] = 255
    for number in (90, 91):
        cv2.imwrite(str(root / "test/defect" / f"{number}.png"), grey_part(number, size=(48, 48)))
        cv2.imwrite(str(root / "masks" / f"{number}.png"), mask)
    return root


@pytest.fixture
def adapters(tmp_path: Path) -> Path:
    """Adapters that see red, with a card that says what they were trained on."""
    weight = torch.tensor([[1.0, 0.0, 0.0, 0.0], [0.0, 3.0, -1.5, -1.5], [0.0, 0.1, 0.1, 0.1]])
    said = AdapterCard(
        encoder="patches", weights_sha256="0" * 64, input_size=SIDE, stages=("s8", "s16"), dim=3, learned_classes=False,
        trained_on=("folder:bolt",), pictures=(), protocol="paper", command="", seed=0, epochs=1, created="",
    )  # fmt: skip
    stages = ("s8", "s16")
    made = Adapters({stage: weight.clone() for stage in stages}, {stage: torch.zeros(3) for stage in stages})
    save_adapters(tmp_path / "adapters.safetensors", made, said)
    return tmp_path / "adapters.safetensors"


def evaluated(
    root: Path, encoder: PatchEncoder, *, batch: int = 3, **more: Any
) -> tuple[Category, list[Measured], Maps]:
    """The only category, measured in every column, and all maps."""
    options = Options(dataset="folder", root=root, batch=batch, **more)
    prepared = prepare_with(options, open_dataset("folder", root), encoder)
    (category,) = prepared.dataset.categories
    maps: Maps = {}

    def keep(setting: Setting, sample: Sample, one: NDArray[np.float32]) -> None:
        maps[setting, sample.file] = one.copy()

    heads = category_heads(prepared, category, done=lambda: None)
    measured, _ = evaluate_category(
        encoder, category, heads, image_score=options.image_score, multi_crop=prepared.multi_crop, batch=batch,
        on_map=keep,
    )  # fmt: skip
    return category, measured, maps


def best_f1(truth: NDArray[np.bool_], scores: NDArray[np.float32]) -> float:
    precision, recall, _ = precision_recall_curve(truth, scores)
    return float(np.max(2 * precision * recall / np.maximum(precision + recall, 1e-12)))


def test_metrics_are_scikit_learns_on_the_same_scores_and_maps(parts: Path, adapters: Path) -> None:
    reads = PatchEncoder(input_size=SIDE, reads=True)
    category, measured, maps = evaluated(parts, reads, shots=(0, 2), seeds=2, adapters=adapters)
    assert [one.setting for one in measured] == [Setting(0, 0), Setting(2, 0), Setting(2, 1)]
    labels = np.array([sample.defect for sample in category.test])
    known = [sample for sample in category.test if sample.pixels_known]
    masks = np.stack([read_mask(sample, size=(SIDE, SIDE)) for sample in known]).ravel()
    for one in measured:
        values, scores = one.values, np.array(one.scores)
        pixels = np.stack([maps[one.setting, sample.file] for sample in known]).ravel()
        assert 0 < roc_auc_score(masks, pixels) < 1, "a test that cannot fail"
        assert values["image_auroc"] == pytest.approx(roc_auc_score(labels, scores))
        assert values["image_ap"] == pytest.approx(average_precision_score(labels, scores))
        assert values["image_f1_max"] == pytest.approx(best_f1(labels, scores))
        assert values["pixel_auroc"] == pytest.approx(roc_auc_score(masks, pixels), abs=2e-4)
        assert values["pixel_ap"] == pytest.approx(average_precision_score(masks, pixels), abs=2e-4)
        assert values["pixel_f1_max"] == pytest.approx(best_f1(masks, pixels), abs=2e-4)
        image, pixel = values["image_f1_max"], values["pixel_f1_max"]
        assert image and pixel
        assert values["harmonic_mean"] == pytest.approx(2 * image * pixel / (image + pixel))


def test_one_encoder_pass_a_picture_feeds_every_column(parts: Path) -> None:
    encoder = PatchEncoder(input_size=SIDE)
    category, measured, _ = evaluated(parts, encoder, shots=(1, 2, 3), seeds=4)
    assert len(measured) == 12
    assert sum(encoder.passes) == len(category.test) + len(category.normal), "each reference and picture once"


def test_scores_do_not_depend_on_the_batch(parts: Path) -> None:
    (_, one, _), (_, many, _) = (evaluated(parts, PatchEncoder(input_size=SIDE), shots=(2,), batch=b) for b in (1, 7))
    assert np.allclose(one[0].scores, many[0].scores, atol=1e-6)
    assert one[0].values == pytest.approx(many[0].values, abs=1e-3), "rounding may part pixels that were equal"


def test_a_column_scores_as_the_product_would_with_the_same_references(parts: Path) -> None:
    encoder = PatchEncoder(input_size=SIDE)
    options = Options(dataset="folder", root=parts, shots=(2,), seeds=1)
    prepared = prepare_with(options, open_dataset("folder", parts), encoder)
    (category,) = prepared.dataset.categories
    ((setting, heads),) = category_heads(prepared, category, done=lambda: None).items()
    (measured,), _ = evaluate_category(encoder, category, {setting: heads})
    for sample, score in zip(category.test, measured.scores, strict=True):
        features = encoder.encode(encoder.prepare([read_picture(sample.file)]))
        assert float(run_heads(features, heads, side=SIDE).score) == pytest.approx(score, abs=1e-6)


@pytest.mark.parametrize("crops", [1, 6])
def test_each_column_has_its_own_references_in_its_bank_and_among_its_embeddings(
    parts: Path, adapters: Path, crops: int
) -> None:
    encoder = PatchEncoder(input_size=SIDE, reads=True)
    options = Options(
        dataset="folder", root=parts, shots=(1, 2), seeds=3, adapters=adapters, image_score="line",
        recipe="few-shot*1+references*1", multi_crop=crops > 1,
    )  # fmt: skip
    prepared = prepare_with(options, open_dataset("folder", parts), encoder)
    (category,) = prepared.dataset.categories
    banks = set()
    for setting, heads in category_heads(prepared, category, done=lambda: None).items():
        files = references(category, shots=setting.shots, seed=setting.seed)
        pictures = [read_picture(file) for file in files]
        features = [encoder.encode(encoder.prepare([one])) for one in pictures]
        expected = memory_bank(features, keep=tokens_to_keep(SIDE))
        assert heads.bank is not None and heads.references is not None
        for name, vectors in expected.items():
            assert torch.allclose(heads.bank[name], vectors, atol=1e-6)
        seen = crops_of(pictures) if crops > 1 else pictures
        assert torch.allclose(heads.references, encoder.encode(encoder.prepare(seen)).pooled, atol=1e-6)
        banks.add(files)
    assert len(banks) > 3, "columns that differ"


def test_maps_come_at_the_input_size_whatever_grid_they_were_made_on(parts: Path) -> None:
    _, _, maps = evaluated(parts, PatchEncoder(input_size=SIDE), shots=(1,), seeds=1)
    assert {one.shape for one in maps.values()} == {(SIDE, SIDE)}
    assert {one.dtype for one in maps.values()} == {np.dtype(np.float32)}


def test_zero_shots_of_april_gan_take_the_text_score_and_the_adapted_map(parts: Path, adapters: Path) -> None:
    encoder = PatchEncoder(input_size=SIDE, reads=True)
    category, (zero, few), maps = evaluated(parts, encoder, shots=(0, 1), seeds=1, adapters=adapters)
    assert all(0 <= score <= 1 for score in zero.scores)
    file = category.test[0].file
    assert maps[few.setting, file].mean() > maps[zero.setting, file].mean(), "the few-shot map is added"


def test_min_max_is_half_of_the_text_score_and_of_the_maximum_over_the_test_set(parts: Path, adapters: Path) -> None:
    encoder = PatchEncoder(input_size=SIDE, reads=True)
    said = {"shots": (0, 1), "seeds": 1, "adapters": adapters, "image_score": "min-max"}
    category, (zero, few), maps = evaluated(parts, encoder, **said)
    peaks = np.array([maps[few.setting, sample.file].max() for sample in category.test])
    expected = 0.5 * (np.array(zero.scores) + (peaks - peaks.min()) / (peaks.max() - peaks.min()))
    assert np.allclose(few.scores, expected, atol=1e-6)
    assert min_max_scores([0.5, 1.0], [3.0, 3.0]) == [0.25, 0.5], "equal maxima count nothing"


def test_min_max_needs_a_text_score_and_a_map() -> None:
    with pytest.raises(EdgeError, match="recipe few-shot lacks one of them"):
        check_image_score("min-max", {1: NAMED["few-shot"]})
    with pytest.raises(EdgeError, match="lacks one of them"):
        check_image_score("min-max", {1: parse_recipe("text+neighbourhood")})
    check_image_score("min-max", {0: NAMED["april-gan-0"], 1: NAMED["april-gan"]})


def test_with_crops_an_embedding_is_scored_by_crop_and_a_map_of_the_whole(parts: Path, adapters: Path) -> None:
    whole, crops = PatchEncoder(input_size=SIDE, reads=True), PatchEncoder(input_size=SIDE, reads=True)
    category, (one,), maps = evaluated(parts, whole, multi_crop=False, shots=(0,), adapters=adapters)
    _, (many,), same = evaluated(parts, crops, multi_crop=True, shots=(0,), adapters=adapters)
    assert sum(crops.passes) == 6 * sum(whole.passes) == 6 * len(category.test)
    assert not np.allclose(one.scores, many.scores)
    assert all(np.allclose(maps[key], same[key], atol=1e-6) for key in maps)


def test_with_crops_a_sum_adds_the_crops_score_and_the_whole_pictures_maximum(parts: Path, adapters: Path) -> None:
    said = {"shots": (1,), "seeds": 1, "adapters": adapters, "multi_crop": True}
    _, (text,), _ = evaluated(parts, PatchEncoder(input_size=SIDE, reads=True), recipe="text", **said | {"shots": (0,)})
    category, (both,), maps = evaluated(parts, PatchEncoder(input_size=SIDE, reads=True), **said)
    peaks = [float(maps[both.setting, sample.file].max()) for sample in category.test]
    assert np.allclose(both.scores, np.array(text.scores) + peaks, atol=1e-5), "one reference: the maximum as it is"


def test_a_defect_without_a_mask_counts_in_image_metrics_only(parts: Path) -> None:
    encoder = PatchEncoder(input_size=SIDE)
    _, (before,), _ = evaluated(parts, encoder, shots=(1,), seeds=1)
    (parts / "test/defect/05.png").unlink()  # the one without a mask
    _, (after,), _ = evaluated(parts, encoder, shots=(1,), seeds=1)
    assert len(before.scores) == len(after.scores) + 1
    assert before.values["pixel_ap"] == pytest.approx(after.values["pixel_ap"], abs=1e-3)


def test_a_data_set_without_masks_has_image_metrics_only(tmp_path: Path) -> None:
    root = tiny_dataset(tmp_path / "nut", bad=3, unmasked=3, size=32)
    _, (measured,), _ = evaluated(root, PatchEncoder(input_size=SIDE), shots=(1,), seeds=1)
    assert set(measured.values) == {"image_auroc", "image_ap", "image_f1_max"}


def test_a_broken_network_is_no_result(parts: Path) -> None:
    with pytest.raises(EdgeError, match="not a finite number"):
        evaluated(parts, PatchEncoder(input_size=SIDE, broken=True), shots=(1,), seeds=1)


def test_an_unreadable_picture_is_named(parts: Path) -> None:
    (parts / "test/good/00.png").write_bytes(b"no picture")
    with pytest.raises(EdgeError, match=r"00\.png"):
        evaluated(parts, PatchEncoder(input_size=SIDE), shots=(1,), seeds=1)


def test_pictures_are_read_in_order_with_a_short_last_batch(parts: Path) -> None:
    samples = open_dataset("folder", parts).categories[0].test
    batches = list(read_ahead(samples, 5, side=SIDE))
    assert [len(chunk) for chunk, _, _ in batches] == [5, 5, 2]
    assert [sample for chunk, _, _ in batches for sample in chunk] == list(samples)
    unknown = [mask is None for _, _, masks in batches for mask in masks]
    assert unknown == [not sample.pixels_known for sample in samples]
    assert list(read_ahead([], 5, side=None)) == []


def test_the_line_calibrates_as_the_product_does_and_the_reproduction_keeps_every_token(
    parts: Path, adapters: Path
) -> None:
    encoder = PatchEncoder(input_size=SIDE, reads=True)
    dataset = open_dataset("folder", parts)
    made = {}
    for kind in ("line", "min-max"):
        options = Options(dataset="folder", root=parts, shots=(3,), seeds=1, adapters=adapters, image_score=kind)
        prepared = prepare_with(options, dataset, encoder)
        (made[kind],) = category_heads(prepared, dataset.categories[0], done=lambda: None).values()
    line, reproduction = made["line"], made["min-max"]
    assert line.bank is not None and reproduction.bank is not None
    assert line.bank["s8"].shape == (3, (SIDE // 16) ** 2, 4)
    assert reproduction.bank["s8"].shape == (3, (SIDE // 8) ** 2, 4)
    assert reproduction.peak_scale == 1
    peaks = []
    for one, file in enumerate(references(dataset.categories[0], shots=3, seed=0)):
        others = [other for other in range(3) if other != one]
        rest = replace(line, bank={name: vectors[others] for name, vectors in line.bank.items()})
        scored = run_heads(encoder.encode(encoder.prepare([read_picture(file)])), rest, side=SIDE)
        assert scored.peak is not None
        peaks.append(float(scored.peak))
    assert line.peak_scale == pytest.approx(max(peaks))


def test_a_record_says_what_was_drawn_and_counted(parts: Path) -> None:
    options = Options(dataset="folder", root=parts, shots=(2,), seeds=2)
    prepared = prepare_with(options, open_dataset("folder", parts), PatchEncoder(input_size=SIDE))
    told: list[int] = []
    record, _ = run_category(prepared, prepared.dataset.categories[0], done=told.append)
    assert (record.pictures, record.defects, record.unknown) == (12, 8, 1)
    assert {key: len(files) for key, files in record.references.items()} == {"2/0": 2, "2/1": 2}
    assert sum(told) == prepared.pictures(prepared.dataset.categories[0])


def test_a_closer_look_is_measured_as_the_line_takes_it(tmp_path: Path) -> None:
    root = tmp_path / "placed"
    for name, numbers in (("normal", range(4)), ("test/good", range(4, 7)), ("test/defect", range(7, 9))):
        (root / name).mkdir(parents=True)
        for number in numbers:
            pixels = placed_part(number, spot=name == "test/defect")
            cv2.imwrite(str(root / name / f"{number}.png"), cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    encoder = PatchEncoder(input_size=320)
    category, (measured,), _ = evaluated(root, encoder, shots=(3,), seeds=1)
    taken = [Taken(read_picture(file), file.name) for file in references(category, shots=3, seed=0)]
    build_in_use(encoder, taken, category="placed", bundles_dir=tmp_path / "bundles")
    scorer = VisionScorer(encoder, tmp_path / "bundles")
    scorer.load("placed")
    assert load_bundle(tmp_path / "bundles", "placed").manifest.part_box is not None
    verdicts = scorer.score([read_picture(sample.file) for sample in category.test], ["placed"] * 5)
    assert [verdict.score for verdict in verdicts] == pytest.approx(measured.scores)
    assert measured.values["image_auroc"] == 1.0
