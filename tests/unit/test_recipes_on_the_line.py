"""A recipe's way to the line: calibration puts all it needs into the bundle, and the scorer judges by it."""

import shutil
from pathlib import Path

import pytest
import torch

from calibration.ingredients import Ingredients, gather_ingredients
from calibration.references.collect import Taken
from edge.errors import EdgeError
from edge.verdict import Outcome
from edge.vision.adapters import AdapterCard, save_adapters
from edge.vision.net_card import NetCard, PromptPlan, Training
from edge.vision.random_words import RandomWordNet, save_net
from edge.vision.recipe import NAMED, parse_recipe
from edge.vision.scorer import VisionScorer
from edge.vision.zero_shot import Adapters
from tests.in_use import build_in_use
from tests.patch_encoder import PatchEncoder, grey_part

PARTS = [Taken(grey_part(number), f"{number}.png") for number in range(4)]
RED = grey_part(9, spot=True)


def trained(encoder: PatchEncoder, folder: Path) -> tuple[Path, Path]:
    """Files of adapters and of a network for the encoder, seeded and untrained."""
    torch.manual_seed(0)
    weights = {stage.name: torch.randn(3, stage.channels) for stage in encoder.stages}
    card = AdapterCard(
        encoder=encoder.name, weights_sha256=encoder.weights_sha256, input_size=encoder.input_size,
        stages=tuple(weights), dim=3, learned_classes=False, trained_on=("nothing",), pictures=(), protocol="test",
        command="test", seed=None, epochs=None, created="",
    )  # fmt: skip
    folder.mkdir()
    save_adapters(folder / "a.safetensors", Adapters(weights, {name: torch.randn(3) for name in weights}), card)
    training = Training(widths=(8, 8, 8), dropout=0.1)
    net_card = NetCard(
        encoder=encoder.name, weights_sha256=encoder.weights_sha256, precision="fp32", dim=3,
        prompts=PromptPlan(anomaly="a broken"), training=training, seed=0, command="test",
    )  # fmt: skip
    save_net(folder / "n.safetensors", RandomWordNet(3, widths=(8, 8, 8), dropout=0.1), net_card)
    return folder / "a.safetensors", folder / "n.safetensors"


def ingredients(encoder: PatchEncoder, recipe: str, folder: Path) -> Ingredients:
    adapters, net = trained(encoder, folder)
    return gather_ingredients(
        encoder, parse_recipe(recipe), object_name="metal_nut", adapters=adapters, random_words=net
    )


@pytest.mark.parametrize("recipe", [*NAMED, "text*1 + few-shot*0.5"])
def test_every_recipe_is_taught_kept_and_judged_by(tmp_path: Path, recipe: str) -> None:
    encoder = PatchEncoder(reads=True)
    built = build_in_use(
        encoder, PARTS, category="nut", bundles_dir=tmp_path / "b",
        ingredients=ingredients(encoder, recipe, tmp_path / "trained"),
    )  # fmt: skip
    shutil.rmtree(tmp_path / "trained")  # the bundle holds all it needs
    assert encoder.text is not None
    said = len(encoder.text.sentences)
    scorer = VisionScorer(encoder, tmp_path / "b")
    scorer.load("nut")
    verdicts = scorer.score([*(part.pixels for part in PARTS), RED], ["nut"] * 5)
    assert len(encoder.text.sentences) == said  # texts are embedded once a bundle, never on the line
    heads = set(parse_recipe(recipe).heads)
    for verdict in verdicts:
        assert set(verdict.head_scores) == set(verdict.head_limits) == heads
        assert verdict.recipe == built.manifest.recipe
        assert (verdict.anomaly_map is None) == (not parse_recipe(recipe).maps)
    assert [verdict.outcome for verdict in verdicts[:4]] == [Outcome.OK] * 4
    limits = built.manifest.head_limits
    assert all(verdict.head_scores[head] <= limits[head] + 1e-5 for verdict in verdicts[:4] for head in heads)


@pytest.mark.parametrize("recipe", ["few-shot", "april-gan", "random-words"])
def test_a_red_spot_is_a_defect_by_what_the_references_did_not_show(tmp_path: Path, recipe: str) -> None:
    encoder = PatchEncoder(reads=True)
    build_in_use(
        encoder, PARTS, category="nut", bundles_dir=tmp_path / "b",
        ingredients=ingredients(encoder, recipe, tmp_path / "trained"),
    )  # fmt: skip
    scorer = VisionScorer(encoder, tmp_path / "b")
    scorer.load("nut")
    (verdict,) = scorer.score([RED], ["nut"])
    assert verdict.outcome is Outcome.DEFECT
    assert any(verdict.head_scores[head] > limit for head, limit in verdict.head_limits.items())


def test_prompts_name_the_part_and_ask_with_the_networks_own_words(tmp_path: Path) -> None:
    encoder = PatchEncoder(reads=True)
    ingredients(encoder, "random-words", tmp_path / "trained")
    assert encoder.text is not None
    assert encoder.text.sentences == ["a photo of a metal nut", "a photo of a broken metal nut"]


@pytest.mark.parametrize(
    ("recipe", "reads", "said"),
    [
        ("random-words", True, r"'random-words' needs .*--random-words FILE"),
        ("text*1+few-shot", False, "'text' needs an encoder with a text tower"),
        ("references*1", False, "'references' needs reference pictures, and an encoder with an embedding"),
    ],
)
def test_a_recipe_that_cannot_run_is_refused_before_a_reference_is_taken(recipe: str, reads: bool, said: str) -> None:
    with pytest.raises(EdgeError, match=said):
        gather_ingredients(PatchEncoder(reads=reads), parse_recipe(recipe))
