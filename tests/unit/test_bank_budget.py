"""A memory budget: it is kept, shared equally, refused where nothing useful is left, and its cost is measured."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from calibration.bank.budget import HEADER_BYTES, LEAST_TOKENS, bank_bytes, parse_budget, share, size_text
from calibration.bank.coreset import keep_farthest
from calibration.bank.picture_features import MOST_KEPT, PictureFeatures
from calibration.build import build
from calibration.described import name_references
from calibration.ingredients import gather_ingredients
from calibration.known_parts import Shown
from calibration.leave_one_out import leave_one_out, left_out_rows
from calibration.promise.inspected import cost_words
from calibration.reference_heads import AT_ONCE, heads_of, look_at, memory_bank, neighbour_bank
from calibration.references.collect import Taken
from edge.errors import EdgeError
from edge.vision.bundle import load_bundle
from edge.vision.recipe import parse_recipe
from edge.vision.scorer import VisionScorer
from tests.in_use import build_in_use
from tests.patch_encoder import PatchEncoder, grey_part

PARTS = [Taken(grey_part(number), f"{number}.png") for number in range(6)]


@pytest.mark.parametrize(
    ("text", "size"), [("64MB", 64_000_000), ("512kB", 512_000), ("1GB", 10**9), ("1.5 MB", 1_500_000), ("100B", 100)]
)
def test_a_size_is_read(text: str, size: int) -> None:
    assert parse_budget(text) == size


@pytest.mark.parametrize("text", ["64", "MB", "-1MB", "0MB", "64 MiB", "many", ""])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(EdgeError, match=r"is no size\. Write for example 512kB, 64MB or 1GB"):
        parse_budget(text)


sizes = st.dictionaries(st.sampled_from(["whole", "part", "s8"]), st.tuples(st.integers(8, 2000), st.integers(1, 900)))


@given(tokens=sizes.filter(bool), references=st.integers(1, 3000), budget=st.integers(10_000, 10**9))
def test_what_is_shared_out_fits_and_is_not_next_to_nothing(
    tokens: dict[str, tuple[int, int]], references: int, budget: int
) -> None:
    full = bank_bytes(tokens, references=references)
    try:
        kept = share(tokens, references=references, budget_bytes=budget)
    except EdgeError as error:
        assert full > budget - HEADER_BYTES
        enough = str(error).partition("Give ")[2].partition(" or more")[0]
        assert share(tokens, references=references, budget_bytes=parse_budget(enough))
        return
    assert all(LEAST_TOKENS <= kept[name] <= count for name, (count, _) in tokens.items())
    used = bank_bytes({name: (kept[name], channels) for name, (_, channels) in tokens.items()}, references=references)
    assert used <= max(0, budget - HEADER_BYTES) or kept == {name: count for name, (count, _) in tokens.items()}


def test_sizes_are_said_in_their_unit() -> None:
    assert [size_text(size) for size in (12, 4_100, 64_000_000, 2.5e9)] == ["12 B", "4.1 kB", "64 MB", "2.5 GB"]


def test_tokens_of_any_length_are_kept_by_their_euclidean_distance() -> None:
    vectors = torch.tensor([[[0.0, 1.0], [0.0, 1.1], [0.0, 9.0], [5.0, 0.0], [0.0, 1.2]]])
    assert keep_farthest(vectors, 3, unit=False)[0].tolist() == [[0.0, 1.0], [0.0, 9.0], [5.0, 0.0]]


def test_a_bundle_keeps_to_its_budget_and_says_what_that_cost(tmp_path: Path) -> None:
    good = [Shown(f"g{n}", [grey_part(100 + n)]) for n in range(5)]
    bad = [Shown(f"b{n}", [grey_part(200 + n, spot=True)]) for n in range(5)]
    build_in_use(
        PatchEncoder(input_size=128),
        PARTS,
        category="part",
        bundles_dir=tmp_path,
        budget_bytes=8_000,
        good=good,
        bad=bad,
    )
    loaded = load_bundle(tmp_path, "part")
    assert (loaded.folder / "neighbours.safetensors").stat().st_size <= 8_000
    cost = loaded.manifest.calibration.bank_cost
    assert cost is not None and cost.whole is not None and cost.kept is not None
    assert (cost.measure, cost.parts, cost.whole) == ("image AUROC", 10, 1.0)
    assert 0.5 < cost.kept <= 1
    assert cost.kept_bytes <= 8_000 < cost.whole_bytes == 6 * 64 * 8 * 4
    scorer = VisionScorer(PatchEncoder(input_size=128), tmp_path)
    scorer.load("part")
    (verdict,) = scorer.score([grey_part(0)], ["part"])
    assert verdict.nearest is not None and verdict.nearest.reference == "01.png"


def test_without_held_out_defects_it_says_how_far_leave_one_out_scores_moved(tmp_path: Path) -> None:
    built = build(PatchEncoder(input_size=128), PARTS, category="part", bundles_dir=tmp_path, budget_bytes=8_000)
    cost = built.manifest.calibration.bank_cost
    assert cost is not None and cost.kept is not None and cost.whole is not None
    assert cost.kept > cost.whole > 0, "with fewer tokens a good part is further from the rest"
    assert cost_words(cost).startswith("3.84 kB of 12.3 kB, within 8 kB. median leave-one-out score")


def test_a_bank_that_fits_is_kept_to_the_bit(tmp_path: Path) -> None:
    for folder, budget in (("free", None), ("large", 10**9)):
        build_in_use(PatchEncoder(), PARTS, category="part", bundles_dir=tmp_path / folder, budget_bytes=budget)
    free, large = (load_bundle(tmp_path / folder, "part") for folder in ("free", "large"))
    assert np.array_equal(free.neighbours["whole"], large.neighbours["whole"])
    assert free.manifest.calibration.loo_scores == large.manifest.calibration.loo_scores
    assert large.manifest.calibration.bank_cost is None


def test_a_budget_for_next_to_nothing_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(EdgeError, match=r"leaves . patch tokens to each of 6 references, .* Give 5\..* kB or more"):
        build(PatchEncoder(input_size=128), PARTS, category="part", bundles_dir=tmp_path, budget_bytes=4_500)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("recipe", ["neighbourhood", "few-shot"])
def test_references_taken_in_turn_are_as_if_all_were_taken_at_once(recipe: str) -> None:
    encoder = PatchEncoder()
    pictures = [grey_part(number) for number in range(AT_ONCE + 3)]
    looks = look_at(encoder, pictures, closer=False)
    heads = heads_of(looks, gather_ingredients(encoder, parse_recipe(recipe)), keep=16)
    if recipe == "neighbourhood":
        assert heads.neighbours is not None and torch.equal(heads.neighbours.whole, neighbour_bank(looks).whole)
    else:
        assert heads.bank is not None
        for name, vectors in memory_bank(looks.whole, keep=16).items():
            torch.testing.assert_close(heads.bank[name], vectors)


def test_features_of_many_pictures_are_not_kept() -> None:
    encoder = PatchEncoder()
    few = PictureFeatures(encoder, [grey_part(n) for n in range(2)])
    assert few[0] is few[0] and few[1:][0] is few[1]
    many = PictureFeatures(encoder, [grey_part(n % 2) for n in range(MOST_KEPT + 1)])
    assert many[0] is not many[0]
    assert torch.equal(many[MOST_KEPT].stages["s8"], few[0].stages["s8"])
    with pytest.raises(IndexError):
        few[2]


def test_files_sort_in_the_order_of_references_beyond_99() -> None:
    files = [reference.file for reference in name_references([Taken(PARTS[0].kept, str(n)) for n in range(101)])]
    assert files == sorted(files)
    assert (files[0], files[-1]) == ("001.png", "101.png")
    assert [each.file for each in name_references(PARTS)][::5] == ["01.png", "06.png"]  # as bundles already written


def test_of_many_references_some_are_scored_against_all_others() -> None:
    encoder = PatchEncoder()
    looks = look_at(encoder, [grey_part(number, spot=number == 3) for number in range(6)], closer=False)
    heads = heads_of(looks, gather_ingredients(encoder, parse_recipe("neighbourhood")), keep=16)
    every, some = (leave_one_out(looks, heads, side=64, most=most).scores for most in (6, 3))
    assert some == tuple(every[row] for row in left_out_rows(6, most=3))
