"""What an evaluation leaves on disk, and how a second run goes on from it."""

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from calibration.datasets import open_dataset
from calibration.evaluation.prepare import Options, prepare_with
from calibration.evaluation.run import run_category
from calibration.evaluation.session import Session, open_session
from calibration.evaluation.show import as_data, ending, tables
from calibration.evaluation.tables import MEAN
from edge.errors import EdgeError
from edge.line.opencv import cv2
from tests.patch_encoder import PatchEncoder
from tests.tiny_dataset import tiny_dataset

SIDE = 32


@pytest.fixture
def options(tmp_path: Path) -> Options:
    for name in ("bolt", "nut"):
        tiny_dataset(tmp_path / "parts" / name, good=3, bad=3, size=32)
    return Options(
        dataset="folder", root=tmp_path / "parts", shots=(1, 2), seeds=2, report=tmp_path / "report",
        save_scores=tmp_path / "scores.csv", save_maps=tmp_path / "maps",
    )  # fmt: skip


def opened(options: Options, encoder: PatchEncoder | None = None) -> Session:
    dataset = open_dataset("folder", options.root, categories=options.categories or None)
    prepared = prepare_with(options, dataset, encoder or PatchEncoder(input_size=SIDE))
    return open_session(prepared, command="calibrate evaluate ...")


def run(options: Options, *, categories: int | None = None) -> Session:
    session = opened(options)
    for category in session.remaining()[:categories]:
        session.keep(category, *run_category(session.prepared, category, done=lambda _: None))
    return session


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as lines:
        return list(csv.DictReader(lines))


def test_the_scores_on_disk_have_one_row_a_picture_and_column(options: Options) -> None:
    run(options)
    assert options.save_scores is not None
    header = options.save_scores.read_text().splitlines()[0]
    assert header == "category,shots,seed,image,label,score"
    written = rows(options.save_scores)
    assert len(written) == 2 * 6 * 4
    first = written[0]
    assert {key: first[key] for key in ("category", "shots", "seed", "image", "label")} == {
        "category": "bolt", "shots": "1", "seed": "0", "image": "bolt/test/good/00.png", "label": "0",
    }  # fmt: skip
    assert {row["label"] for row in written if "/defect/" in row["image"]} == {"1"}


def test_maps_on_disk_are_float32_at_the_input_size_and_named_as_the_picture(options: Options) -> None:
    run(options)
    assert options.save_maps is not None
    files = sorted(file.relative_to(options.save_maps).as_posix() for file in options.save_maps.rglob("*.npy"))
    assert len(files) == 2 * 6 * 4
    assert "shots-2_seed-1/nut/test/defect/01.npy" in files
    one = np.load(options.save_maps / "shots-2_seed-1/nut/test/defect/01.npy", allow_pickle=False)
    assert (one.shape, one.dtype) == ((SIDE, SIDE), np.float32)


def test_an_interrupted_run_goes_on_with_the_next_category_and_ends_as_one_that_was_not(
    options: Options, tmp_path: Path
) -> None:
    stopped = run(options, categories=1)
    assert list(ending(stopped, complete=False)) == [
        f"Stopped. 1 of 2 categories are complete (bolt), kept in {options.report}: the same command goes on from "
        "there."
    ]
    second = opened(options)
    assert [category.name for category in second.remaining()] == ["nut"]
    went_on = run(options)
    whole = run(replace(options, report=tmp_path / "other", save_scores=tmp_path / "other.csv"))
    assert went_on.cells() == whole.cells()
    assert options.save_scores is not None
    assert options.save_scores.read_text() == (tmp_path / "other.csv").read_text()
    assert opened(options).remaining() == []


def test_a_finished_category_is_run_again_if_what_is_asked_for_now_was_not_kept(options: Options) -> None:
    run(replace(options, save_scores=None, save_maps=None))
    assert opened(replace(options, save_scores=None, save_maps=None)).remaining() == []
    assert len(opened(replace(options, save_maps=None)).remaining()) == 2, "the scores are wanted now"
    assert len(opened(replace(options, save_scores=None)).remaining()) == 2, "the maps are wanted now"


def test_a_category_with_other_pictures_is_run_again(options: Options) -> None:
    bare = replace(options, save_scores=None, save_maps=None)
    run(bare)
    (options.root / "nut/test/good/02.png").unlink()
    assert [category.name for category in opened(bare).remaining()] == ["nut"]


def test_equally_many_other_pictures_are_no_finished_category(options: Options) -> None:
    bare = replace(options, save_scores=None, save_maps=None)
    run(bare)
    file = options.root / "bolt/test/defect/01.png"
    cv2.imwrite(str(file), np.zeros((32, 32, 3), np.uint8))
    assert [category.name for category in opened(bare).remaining()] == ["bolt"]


def test_maps_that_are_gone_are_made_again(options: Options) -> None:
    run(options)
    assert options.save_maps is not None
    options.save_maps.rename(options.save_maps.with_name("elsewhere"))
    assert len(opened(options).remaining()) == 2


@pytest.mark.parametrize("option", ["report", "save_maps", "save_scores"])
def test_a_place_that_cannot_be_written_to_is_said_before_the_work(options: Options, option: str) -> None:
    blocked = options.root.parent / "file"
    blocked.write_text("no folder")
    with pytest.raises(EdgeError, match=f"--{option.replace('_', '-')}: .*cannot be written to"):
        opened(replace(options, **{option: blocked / "below" / "out"}))


@pytest.mark.parametrize("said", [{"adapters": Path("no")}, {"random_words": (Path("no"),)}, {"prompts": Path("no")}])
def test_a_file_that_is_not_there_is_named_even_if_the_recipe_could_do_without(
    options: Options, said: dict[str, Any]
) -> None:
    with pytest.raises(EdgeError, match="no: there is no such file"):
        opened(replace(options, **said))


def test_results_of_other_settings_are_not_gone_on_from(options: Options) -> None:
    run(options, categories=1)
    with pytest.raises(EdgeError, match=r"results.json holds results with columns .*, this run has .*another --report"):
        opened(replace(options, seeds=1))
    with pytest.raises(EdgeError, match="holds results with weights_sha256 0000"):
        opened(options, PatchEncoder(input_size=SIDE, weights_sha256="1" * 64))


def test_a_damaged_file_of_results_is_named(options: Options) -> None:
    assert options.report is not None
    options.report.mkdir()
    (options.report / "results.json").write_text("{")
    with pytest.raises(EdgeError, match=r"results\.json: not as"):
        opened(options)


def test_without_a_report_nothing_is_kept_and_the_end_says_so(options: Options) -> None:
    session = run(replace(options, report=None, save_scores=None, save_maps=None), categories=1)
    assert "not kept: give --report DIR" in next(iter(ending(session, complete=False)))
    assert not list(options.root.parent.glob("report*"))


def test_two_pictures_that_differ_in_their_ending_cannot_have_one_map(options: Options) -> None:
    picture = cv2.imread(str(options.root / "nut/test/good/00.png"))
    cv2.imwrite(str(options.root / "nut/test/good/00.jpg"), picture)
    with pytest.raises(EdgeError, match=r"00\.jpg and .*00\.png would have one map"):
        opened(options)
    opened(replace(options, save_maps=None))


def test_too_few_normal_pictures_are_said_before_any_picture_is_run(options: Options) -> None:
    with pytest.raises(EdgeError, match="bolt: 4 references asked for, 3 normal"):
        opened(replace(options, shots=(4,)))


def test_the_report_shows_tables_pictures_and_what_was_run(options: Options) -> None:
    session = run(options)
    assert options.report is not None
    text = (options.report / "report.md").read_text()
    assert "    calibrate evaluate ..." in text
    assert "| weights sha256 | " + "0" * 64 in text
    assert "## 1 shot\n" in text and "## 2 shots\n" in text
    cell = session.cells()["ours", 2, MEAN, "pixel_auroc"]
    assert cell.mean is not None and cell.deviation is not None
    assert f"**{100 * cell.mean:.1f} ± {100 * cell.deviation:.1f}**" in text
    for name in ("bolt", "nut"):
        assert f"![{name}](pictures/{name}.png)" in text
        figure = session.results.categories[name].figure
        assert figure is not None
        low, high = figure.scales["1-shot map"]
        assert f"1-shot map {low:.3g} to {high:.3g}" in text
        picture = cv2.imread(str(options.report / figure.file))
        assert picture is not None and picture.shape[0] > 300


def test_the_colours_of_the_report_span_all_maps_of_seed_0(options: Options) -> None:
    session = run(options)
    assert options.save_maps is not None
    folder = options.save_maps / "shots-2_seed-0/nut"
    values = np.concatenate([np.load(file).ravel() for file in folder.rglob("*.npy")])
    figure = session.results.categories["nut"].figure
    assert figure is not None
    assert figure.scales["2-shot map"] == pytest.approx((float(values.min()), float(values.max())))


def test_what_a_program_gets_holds_every_cell(options: Options) -> None:
    session = run(options)
    told = json.loads(json.dumps(as_data(session, complete=True)))
    cell = next(
        one for one in told["table"] if (one["category"], one["shots"], one["metric"]) == ("nut", 2, "image_auroc")
    )
    ours = session.cells()["ours", 2, "nut", "image_auroc"]
    assert (cell["mean"], cell["deviation"], cell["seeds"]) == (ours.mean, ours.deviation, 2)
    assert cell["published"] is None and told["published"] == []
    assert told["settings"]["dataset"] == "folder:parts"
    assert [table.title for table in tables(session.cells())] == ["1 shot", "2 shots"]
