"""open_clip encoders, real architectures with seeded random weights: the right layers, sizes, pictures and numbers."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import Tensor, nn
from torch.nn import functional

from edge.errors import EdgeError
from edge.frame import Pixels
from edge.vision.clip import ClipEncoder, default_input_size
from edge.vision.clip_models import skeleton
from edge.vision.clip_stages import layout_of
from edge.vision.encoder import open_encoder
from edge.vision.features import Features, StageSpec
from edge.vision.store import find, weights_file

SMALL, VIT, RESNET, CONVNEXT = "ViT-S-32-alt", "ViT-B-16-plus-240", "RN50", "convnext_tiny"


@pytest.fixture(scope="module")
def models(random_models: Callable[[str], Path]) -> Iterator[Path]:
    """A store with random weights of four architectures."""
    for name in (SMALL, VIT, RESNET, CONVNEXT):
        folder = random_models(name)
    yield folder
    encoder.cache_clear()


@cache
def encoder(
    models: Path, name: str, size: int | None = None, *, device: str = "cpu", precision: str = "fp32"
) -> ClipEncoder:
    """Opened once a module: they are frozen."""
    opened = open_encoder(f"{name}:random", input_size=size, device=device, precision=precision, models=models)
    assert isinstance(opened, ClipEncoder)
    return opened


def stored(models: Path, name: str) -> dict[str, Tensor]:
    """The image tower's tensors as they lie in the store."""
    record = find(models, name, "random")
    assert record
    tensors = safetensors.torch.load_file(weights_file(models, record))
    return {part.removeprefix("visual."): tensor for part, tensor in tensors.items() if part.startswith("visual.")}


def noise(count: int, height: int = 100, width: int = 130) -> list[Pixels]:
    """Pictures of coloured blocks, each another."""
    rng = np.random.default_rng(0)
    blocks = rng.integers(0, 256, (count, -(-height // 10), -(-width // 10), 3), np.uint8)
    return list(blocks.repeat(10, axis=1).repeat(10, axis=2)[:, :height, :width])


def far(here: Tensor, there: Tensor) -> float:
    """The largest difference in units of 1e-5 + 1e-4 |x|."""
    return float(((here - there).abs() / (1e-5 + 1e-4 * there.abs())).max())


def watched(tower: nn.Module, parts: list[nn.Module], batch: Tensor) -> tuple[list[Tensor], Tensor]:
    """What each part gives while open_clip's own forward embeds the batch, and the embedding."""
    seen: list[Tensor] = []
    hooks = [part.register_forward_hook(lambda _, __, output: seen.append(output.clone())) for part in parts]
    with torch.inference_mode():
        embedding: Tensor = tower(batch)
    for hook in hooks:
        hook.remove()
    return seen, embedding


def test_a_vits_stages_are_the_patch_tokens_after_each_quarter_of_its_blocks(models: Path) -> None:
    ours = encoder(models, VIT)
    batch = ours.prepare(noise(1))
    features = ours.encode(batch)
    blocks = ours.tower.transformer.resblocks
    seen, embedding = watched(ours.tower, [blocks[number - 1] for number in (3, 6, 9, 12)], batch)
    assert list(features.stages) == ["block3", "block6", "block9", "block12"]
    for tokens, expected in zip(features.stages.values(), seen, strict=True):
        assert tokens.shape == (1, 15 * 15, 896)
        assert far(tokens, expected[:, 1:]) < 1
    assert_pooled(features, embedding)


@pytest.mark.parametrize("name", [RESNET, CONVNEXT])
def test_a_cnns_stages_are_its_four_stages(models: Path, name: str) -> None:
    ours = encoder(models, name)
    batch = ours.prepare(noise(2))
    features = ours.encode(batch)
    tower = ours.tower
    parts = list(tower.trunk.stages) if name == CONVNEXT else [tower.layer1, tower.layer2, tower.layer3, tower.layer4]
    seen, embedding = watched(tower, parts, batch)
    assert list(features.stages) == ["stage1", "stage2", "stage3", "stage4"]
    for stage, expected in zip(ours.stages, seen, strict=True):
        side = 224 // stage.stride
        assert expected.shape == (2, stage.channels, side, side)
        assert features.grids[stage.name] == (side, side)
        assert far(features.stages[stage.name], expected.permute(0, 2, 3, 1).flatten(1, 2)) < 1
    assert_pooled(features, embedding)


def assert_pooled(features: Features, embedding: Tensor) -> None:
    assert features.pooled is not None
    assert features.pooled.dtype == torch.float32
    assert far(features.pooled, functional.normalize(embedding, dim=-1)) < 1
    torch.testing.assert_close(features.pooled.norm(dim=-1), torch.ones(len(embedding)))


@pytest.mark.parametrize("name", [VIT, RESNET])
def test_eight_pictures_together_have_the_features_that_one_has_alone(models: Path, name: str) -> None:
    ours = encoder(models, name)
    batch = ours.prepare(noise(8))
    together = ours.encode(batch)
    assert together.pooled is not None
    for row in (0, 3, 7):
        alone = ours.encode(batch[row : row + 1])
        assert alone.pooled is not None
        assert far(together.pooled[row], alone.pooled[0]) < 1
        for stage, tokens in alone.stages.items():
            assert far(together.stages[stage][row], tokens[0]) < 1


def test_the_same_weights_opened_twice_give_the_same_numbers(models: Path) -> None:
    first, second = encoder(models, SMALL), encoder.__wrapped__(models, SMALL)
    assert first is not second
    pictures = noise(2)
    one, two = first.encode(first.prepare(pictures)), second.encode(second.prepare(pictures))
    assert all(torch.equal(tokens, two.stages[stage]) for stage, tokens in one.stages.items())
    assert one.pooled is not None
    assert two.pooled is not None
    assert torch.equal(one.pooled, two.pooled)


@pytest.mark.parametrize(
    ("name", "key", "size"),
    [
        (SMALL, "positional_embedding", 160),
        (SMALL, "positional_embedding", 288),
        (RESNET, "attnpool.positional_embedding", 288),
    ],
)
def test_at_another_size_the_position_embedding_is_resized_and_nothing_else(
    models: Path, name: str, key: str, size: int
) -> None:
    ours, native = encoder(models, name, size), stored(models, name)
    grid = size // 32
    features = ours.encode(ours.prepare(noise(1)))
    deepest = ours.stages[-1]
    assert features.grids[deepest.name] == (grid, grid)
    assert features.stages[deepest.name].shape == (1, grid * grid, deepest.channels)
    resized = ours.tower.state_dict()
    assert resized.keys() == native.keys()
    for part, original in native.items():
        if part != key:
            assert torch.equal(resized[part], original.to(resized[part].dtype))
    token, positions = native[key].float().split([1, 49])
    square = positions.T.reshape(1, -1, 7, 7)
    expected = functional.interpolate(square, (grid, grid), mode="bicubic", antialias=True).flatten(2)[0].T
    assert torch.equal(resized[key][:1], token)
    assert far(resized[key][1:], expected) < 1


def test_a_timm_trunk_takes_another_size(models: Path) -> None:
    ours = encoder(models, CONVNEXT, 256)
    features = ours.encode(ours.prepare(noise(1)))
    assert [features.grids[stage.name][0] for stage in ours.stages] == [64, 32, 16, 8]
    assert all(tokens.isfinite().all() for tokens in features.stages.values())


@pytest.mark.parametrize(
    ("name", "size", "near"), [(SMALL, 250, "224 or 256"), (RESNET, 20, "32"), (VIT, 518, "512 or 528")]
)
def test_a_size_that_does_not_fit_is_refused_with_the_nearest(models: Path, name: str, size: int, near: str) -> None:
    with pytest.raises(EdgeError, match=rf"{name}:random: input size {size} .* Use {near}\."):
        encoder(models, name, size)


def test_without_a_size_it_is_the_papers_or_the_published_one() -> None:
    names = ("ViT-L-14-336", VIT, RESNET, "ViT-SO400M-14-SigLIP-384")
    assert [default_input_size(name) for name in names] == [518, 240, 224, 378]


@pytest.mark.parametrize(
    ("name", "stages"),
    [
        ("ViT-L-14-336", [("block6", 14, 1024), ("block12", 14, 1024), ("block18", 14, 1024), ("block24", 14, 1024)]),
        ("RN50x4", [("stage1", 4, 320), ("stage2", 8, 640), ("stage3", 16, 1280), ("stage4", 32, 2560)]),
        ("PE-Core-T-16-384", [("block3", 16, 192), ("block6", 16, 192), ("block9", 16, 192), ("block12", 16, 192)]),
        ("convnext_base_w", [("stage1", 4, 128), ("stage2", 8, 256), ("stage3", 16, 512), ("stage4", 32, 1024)]),
    ],
)
def test_stages_of_more_architectures(name: str, stages: list[tuple[str, int, int]]) -> None:
    assert layout_of(skeleton(name).visual).stages == tuple(StageSpec(*stage) for stage in stages)


@pytest.mark.parametrize("name", [SMALL, RESNET])
def test_a_defect_in_any_corner_of_a_wide_picture_is_seen_there(models: Path, name: str) -> None:
    """A centre crop would lose 80 pixels on each side of 640 x 480."""
    ours = encoder(models, name)
    pictures = [np.full((480, 640, 3), 128, np.uint8) for _ in range(5)]
    corners = [(0, 0), (0, 592), (432, 0), (432, 592)]
    for picture, (top, left) in zip(pictures[1:], corners, strict=True):
        picture[top : top + 48, left : left + 48] = (250, 20, 20)
    features = ours.encode(ours.prepare(pictures))
    first = ours.stages[0].name
    rows, columns = features.grids[first]
    change = (features.stages[first][1:] - features.stages[first][:1]).norm(dim=-1)
    for strongest, (top, left) in zip(change.argmax(dim=-1), corners, strict=True):
        row, column = divmod(int(strongest), columns)
        assert (row < rows * 0.2, row > rows * 0.8) == (top == 0, top > 0)
        assert (column < columns * 0.2, column > columns * 0.8) == (left == 0, left > 0)


def test_pictures_enter_with_the_published_mean_and_deviation(models: Path) -> None:
    ours = encoder(models, SMALL)
    pixels = np.empty((50, 70, 3), np.uint8)
    pixels[:] = (255, 0, 51)
    batch = ours.prepare([pixels, pixels])
    mean, deviation = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
    expected = [(value - m) / d for value, m, d in zip((1.0, 0.0, 0.2), mean, deviation, strict=True)]
    assert batch.shape == (2, 3, 224, 224)
    torch.testing.assert_close(batch, torch.tensor(expected).view(1, 3, 1, 1).expand_as(batch))


@pytest.mark.parametrize(("precision", "least_cosine"), [("bf16", 0.998), ("fp16", 0.9999)])
def test_lower_precision_stays_within_its_bound(models: Path, precision: str, least_cosine: float) -> None:
    whole, lower = encoder(models, SMALL), encoder(models, SMALL, precision=precision)
    pictures = noise(2)
    here, there = whole.encode(whole.prepare(pictures)), lower.encode(lower.prepare(pictures))
    for stage, tokens in here.stages.items():
        assert there.stages[stage].dtype == {"bf16": torch.bfloat16, "fp16": torch.float16}[precision]
        assert functional.cosine_similarity(tokens, there.stages[stage].float(), dim=-1).min() > least_cosine
    assert here.pooled is not None
    assert there.pooled is not None
    assert there.pooled.dtype == torch.float32
    assert (here.pooled * there.pooled).sum(dim=-1).min() > least_cosine
    assert whole.text
    assert lower.text
    texts = [tower.embed(["a photo of a damaged bolt"])[0] for tower in (whole.text, lower.text)]
    assert texts[0] @ texts[1] > least_cosine


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device here")
@pytest.mark.parametrize("name", [SMALL, VIT, RESNET, CONVNEXT])
def test_cuda_gives_the_features_of_the_cpu(models: Path, name: str) -> None:
    """Convolutions use TF32 there (10 bits of mantissa), so the bound is on direction."""
    here, there = encoder(models, name), encoder(models, name, device="cuda")
    pictures = noise(2)
    ours, theirs = here.encode(here.prepare(pictures)), there.encode(there.prepare(pictures))
    for stage, tokens in ours.stages.items():
        assert functional.cosine_similarity(tokens, theirs.stages[stage].cpu(), dim=-1).min() > 0.999
    assert ours.pooled is not None
    assert theirs.pooled is not None
    assert (ours.pooled * theirs.pooled.cpu()).sum(dim=-1).min() > 0.999
