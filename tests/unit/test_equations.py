"""Every head against the papers' equations written out slowly, on features of the papers' architectures.

Weights are random and seeded. RN50 runs whole, with its texts, through the store; of both ViTs the image tower alone is
made, and ViT-L-14-336 at 518 looks at one picture, which is what a test suite can afford. Where looping over all places
would take minutes, places are drawn by a seeded generator.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from calibration.evaluation.category import min_max_scores
from edge.vision.encoder import open_encoder
from edge.vision.features import Encoder, Features
from edge.vision.heads import Heads, run_heads
from edge.vision.prompts import PromptEnsemble, class_embeddings, pair_embeddings
from edge.vision.zero_shot import Adapters
from tests import equations
from tests.clip_weights import random_like
from tests.slow_heads import PEAK_SCALE, RECIPE, WEIGHTS, Slow, float64, random_heads

PLACES = 10
"""Pixels, each mixed from four tokens of every stage: with the four corners up to 44 tokens a stage."""

BF16_BOUND = 0.03
"""Of a map (0..8) and of each score: bfloat16 keeps 8 bits of a token, and a cosine is multiplied by 100."""


def close(found: object, slow: object) -> None:
    np.testing.assert_allclose(np.asarray(found, np.float64), np.asarray(slow), atol=1e-5, rtol=1e-4)


def check_at_places(features: Features, heads: Heads, *, side: int, row: int = 0) -> None:
    """All scores, and the map at drawn places and in its corners."""
    found, slow = run_heads(features, heads, side=side), Slow(features, heads, side=side, row=row)
    assert found.map is not None and found.peak is not None
    scores = slow.scores()
    close([found.head_scores[head][row] for head in scores], list(scores.values()))
    rng = np.random.default_rng(1)
    places = [(0, 0), (0, side - 1), (side - 1, 0), (side - 1, side - 1), *rng.integers(0, side, (PLACES, 2)).tolist()]
    close([found.map[row, y, x] for y, x in places], [slow.pixel(y, x) for y, x in places])
    close(found.peak[row], float64(found.map[row]).max())
    total = sum(WEIGHTS[head] * score for head, score in scores.items())
    close(found.score[row], total + float(found.peak[row]) / PEAK_SCALE)


def vit_features(name: str, size: int, *, count: int) -> Features:
    """What the image tower of an open_clip ViT with random weights gives for random pictures."""
    config = open_clip.get_model_config(name)
    config["vision_cfg"]["image_size"] = size
    with torch.device("meta"):
        tower = open_clip.CLIP(**config).visual
    tower.load_state_dict(random_like(tower.state_dict()), assign=True)
    tower.eval()
    blocks = len(tower.transformer.resblocks)
    indices = [blocks * quarter // 4 - 1 for quarter in (1, 2, 3, 4)]
    batch = torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        given = tower.forward_intermediates(batch, indices=indices, output_fmt="NLC")
    stages = dict(zip((f"block{index + 1}" for index in indices), given["image_intermediates"], strict=True))
    grid = size // tower.patch_size[0], size // tower.patch_size[1]
    return Features(functional.normalize(given["image_features"], dim=-1), stages, dict.fromkeys(stages, grid))


@pytest.fixture(scope="module")
def vit_b() -> Features:
    features = vit_features("ViT-B-16-plus-240", 240, count=4)
    assert {tuple(tokens.shape) for tokens in features.stages.values()} == {(4, 225, 896)}
    return features


@pytest.fixture(scope="module")
def rn50(random_models: Callable[[str], Path]) -> Encoder:
    return open_encoder("RN50:random", models=random_models("RN50"), device="cpu")


def test_every_place_of_vit_b_is_as_the_equations_say(vit_b: Features) -> None:
    side = 45
    features = vit_b.select([1])
    heads = random_heads(features, vit_b.select([2, 3]))
    found, slow = run_heads(features, heads, side=side), Slow(features, heads, side=side)
    assert found.map is not None
    adapted = np.array([[slow.adapted_pixel(y, x) for x in range(side)] for y in range(side)])
    few_shot = np.array([[slow.few_shot_pixel(y, x) for x in range(side)] for y in range(side)])
    both = WEIGHTS["adapters"] * adapted + WEIGHTS["few-shot"] * few_shot
    close(found.map[0], both)
    scores = slow.scores() | {"adapters": adapted.max(), "few-shot": few_shot.max()}
    close([found.head_scores[head][0] for head in scores], list(scores.values()))
    close(found.score[0], sum(WEIGHTS[head] * scores[head] for head in RECIPE.scores) + both.max() / PEAK_SCALE)


def test_vit_l_at_518_is_as_the_equations_say() -> None:
    features = vit_features("ViT-L-14-336", 518, count=1)
    assert {tuple(tokens.shape) for tokens in features.stages.values()} == {(1, 1369, 1024)}
    generator = torch.Generator().manual_seed(2)
    alike = {  # stands for two references, which would take two more passes
        stage: torch.cat([tokens.roll(50, dims=1), tokens.flip(1)])
        + 0.3 * tokens.std() * torch.randn(2, *tokens.shape[1:], generator=generator)
        for stage, tokens in features.stages.items()
    }
    pooled = functional.normalize(torch.randn(2, 768, generator=generator), dim=-1)
    check_at_places(features, random_heads(features, Features(pooled, alike, features.grids)), side=518)


def test_rn50_is_as_the_equations_say(rn50: Encoder) -> None:
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (48, 64, 3), dtype=np.uint8) for _ in range(4)]
    whole = rn50.encode(rn50.prepare(pictures))
    assert [tokens.shape[-1] for tokens in whole.stages.values()] == [256, 512, 1024, 2048]
    features = whole.select([0, 1])
    check_at_places(features, random_heads(features, whole.select([2, 3])), side=rn50.input_size, row=1)


def test_a_text_tower_gives_the_class_vectors_of_its_sentences(rn50: Encoder) -> None:
    assert rn50.text is not None
    ensemble = PromptEnsemble(normal=("{}", "flawless {}"), abnormal=("damaged {}",), templates=("a {}.", "the {}"))
    said = [["a nut.", "the nut", "a flawless nut.", "the flawless nut"], ["a damaged nut.", "the damaged nut"]]
    slow = [equations.mean_of_sentences(float64(rn50.text.embed([one]))[0] for one in sentences) for sentences in said]
    close(class_embeddings(rn50.text, ensemble, "nut"), slow)
    pair = [float64(rn50.text.embed([f"a photo of {words} nut"]))[0] for words in ("a", "a damaged")]
    close(pair_embeddings(rn50.text, object_name="nut"), [equations.mean_of_sentences([one]) for one in pair])


def test_released_few_shot_score_is_as_written_out() -> None:
    rng = np.random.default_rng(4)
    texts, peaks = rng.uniform(0, 1, 30).tolist(), rng.uniform(0.1, 3, 30).tolist()
    close(min_max_scores(texts, peaks), equations.released_few_shot_scores(texts, peaks))


def test_a_batch_of_eight_is_eight_batches_of_one(vit_b: Features) -> None:
    assert vit_b.pooled is not None
    turned = {stage: tokens.roll(100, dims=1) for stage, tokens in vit_b.stages.items()}
    stages = {stage: torch.cat([tokens, turned[stage]]) for stage, tokens in vit_b.stages.items()}
    eight = Features(torch.cat([vit_b.pooled, vit_b.pooled.flip(1)]), stages, vit_b.grids)
    heads = random_heads(eight, vit_b.select([2, 3]))
    together = run_heads(eight, heads, side=240)
    assert together.map is not None and together.per_reference is not None
    for row in range(8):
        alone = run_heads(eight.select([row]), heads, side=240)
        assert alone.map is not None and alone.per_reference is not None
        close(together.map[row], alone.map[0])
        close(together.score[row], alone.score[0])
        close(together.per_reference[row], alone.per_reference[0])
        assert list(together.head_scores) == [*RECIPE.scores, *RECIPE.maps]
        close([one[row] for one in together.head_scores.values()], [one[0] for one in alone.head_scores.values()])


def test_bfloat16_tokens_change_little(vit_b: Features) -> None:
    features = vit_b.select([0, 1])
    heads = random_heads(features, vit_b.select([2, 3]))
    coarse = Features(features.pooled, {k: t.bfloat16() for k, t in features.stages.items()}, features.grids)
    fine, rough = run_heads(features, heads, side=240), run_heads(coarse, heads, side=240)
    assert fine.map is not None and rough.map is not None
    assert float((fine.map - rough.map).abs().max()) < BF16_BOUND
    for head, score in fine.head_scores.items():
        assert float((score - rough.head_scores[head]).abs().max()) < BF16_BOUND, head


def moved(heads: Heads, device: torch.device) -> Heads:
    """The same heads on another device."""
    parts = {name: getattr(heads, name) for name in ("text", "pair", "classes", "references", "net", "adapters")}
    there = {name: part.to(device) for name, part in parts.items() if isinstance(part, Tensor | nn.Module | Adapters)}
    bank = {stage: vectors.to(device) for stage, vectors in (heads.bank or {}).items()}
    return Heads(heads.recipe, bank=bank, peak_scale=heads.peak_scale, **there)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_equals_cpu(vit_b: Features) -> None:
    heads, device = random_heads(vit_b, vit_b.select([2, 3])), torch.device("cuda")
    here = run_heads(vit_b, heads, side=240)
    assert vit_b.pooled is not None and here.map is not None
    on_device = Features(
        vit_b.pooled.to(device), {stage: tokens.to(device) for stage, tokens in vit_b.stages.items()}, vit_b.grids
    )
    there = run_heads(on_device, moved(heads, device), side=240)
    assert there.map is not None
    torch.testing.assert_close(there.map.cpu(), here.map, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(there.score.cpu(), here.score, atol=1e-3, rtol=1e-3)
