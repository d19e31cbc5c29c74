import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from edge.errors import EdgeError
from edge.vision.adapters import load_adapters, save_adapters
from edge.vision.features import Features, StageSpec
from edge.vision.published_adapters import CHANNELS, DIM, INPUT_SIZE, STAGES, convert_published, open_adapters
from edge.vision.zero_shot import Adapters, zero_shot_map
from tests.described_encoder import Described, equal
from tests.equations import token_logits, zero_shot_pixel


def published(path: Path, *, seed: int = 0) -> tuple[Path, dict[str, Tensor]]:
    """A file as APRIL-GAN's authors publish them."""
    generator = torch.Generator().manual_seed(seed)
    layers: dict[str, Tensor] = {}
    for number in range(len(STAGES)):
        layers[f"fc.{number}.weight"] = torch.randn(DIM, CHANNELS, generator=generator) / CHANNELS**0.5
        layers[f"fc.{number}.bias"] = 0.1 * torch.randn(DIM, generator=generator)
    torch.save({"trainable_linearlayer": layers}, path)
    return path, layers


def vit_l_features(*, grid: int = 4) -> Features:
    generator = torch.Generator().manual_seed(9)
    stages = {stage: torch.randn(1, grid * grid, CHANNELS, generator=generator) for stage in STAGES}
    return Features(None, stages, dict.fromkeys(STAGES, (grid, grid)))


def test_a_published_file_gives_the_maps_of_its_layers(tmp_path: Path) -> None:
    path, layers = published(tmp_path / "mvtec_pretrained.pth")
    converted, card = convert_published(path)
    features, side = vit_l_features(), 14
    classes = torch.nn.functional.normalize(torch.randn(2, DIM, generator=torch.Generator().manual_seed(3)), dim=-1)
    direct = Adapters(
        {stage: layers[f"fc.{number}.weight"] for number, stage in enumerate(STAGES)},
        {stage: layers[f"fc.{number}.bias"] for number, stage in enumerate(STAGES)},
    )
    found = zero_shot_map(features, converted, classes, side=side)
    assert torch.equal(found, zero_shot_map(features, direct, classes, side=side))
    save_adapters(tmp_path / "a.safetensors", converted, card)
    loaded, read = load_adapters(tmp_path / "a.safetensors", device="cpu")
    assert read == card
    assert torch.equal(found, zero_shot_map(features, loaded, classes, side=side))

    normal, abnormal = classes.double().numpy()
    tables = []
    for number, stage in enumerate(STAGES):
        weight, bias = (layers[f"fc.{number}.{part}"].double().numpy() for part in ("weight", "bias"))
        tokens = features.stages[stage][0].double().numpy()
        tables.append([token_logits(token, weight, bias, normal, abnormal) for token in tokens])
    slow = [
        [
            zero_shot_pixel([lambda i, j, t=t: t[4 * i + j] for t in tables], [(4, 4)] * 4, side, y, x)
            for x in range(side)
        ]  # type: ignore[misc]
        for y in range(side)
    ]
    np.testing.assert_allclose(found[0].numpy(), slow, rtol=1e-4, atol=1e-5)


def test_a_published_file_has_a_card_that_says_what_it_is(tmp_path: Path) -> None:
    _, card = convert_published(published(tmp_path / "visa_pretrained.pth")[0])
    assert card.trained_on == ("visa",)
    assert (card.encoder, card.input_size, card.weights_sha256) == ("ViT-L-14-336:openai", 518, None)
    assert card.stages == ("block6", "block12", "block18", "block24")
    assert "visa_pretrained.pth, sha256 " in card.command
    assert convert_published(tmp_path / "visa_pretrained.pth", trained_on=("mvtec", "demo"))[1].trained_on == (
        "mvtec",
        "demo",
    )


@pytest.mark.parametrize("name", ["epoch_3.pth", "mvtec2.pth", "pretrained_visa.pth"])
def test_a_name_that_does_not_tell_what_it_was_trained_on_is_refused(tmp_path: Path, name: str) -> None:
    path, _ = published(tmp_path / name)
    with pytest.raises(EdgeError, match="does not tell what it was trained on"):
        convert_published(path)
    assert convert_published(path, trained_on=["mvtec"])[1].trained_on == ("mvtec",)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda layers: layers.pop("fc.2.bias"), "fc.2.bias is missing"),
        (lambda layers: layers.update({"fc.4.bias": torch.zeros(DIM)}), "fc.4.bias is not expected"),
        (lambda layers: layers.update({"fc.0.weight": torch.zeros(640, 896)}), "fc.0.weight is [640, 896]"),
        (lambda layers: layers.update({"fc.0.weight": 3}), "no linear layers under 'trainable_linearlayer'"),
    ],
)
def test_wrong_layers_are_named(tmp_path: Path, change: object, said: str) -> None:
    path, layers = published(tmp_path / "mvtec_pretrained.pth")
    change(layers)  # type: ignore[operator]
    torch.save({"trainable_linearlayer": layers}, path)
    with pytest.raises(EdgeError) as caught:
        convert_published(path)
    assert said in str(caught.value)


class Planted:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.path),)


def test_a_pickled_object_is_refused_and_not_run(tmp_path: Path) -> None:
    planted = tmp_path / "planted"
    path = tmp_path / "mvtec_pretrained.pth"
    torch.save({"trainable_linearlayer": {"fc.0.weight": Planted(planted)}}, path)
    with pytest.raises(EdgeError, match=r"refused\. It holds posix\.mkdir"):
        convert_published(path)
    assert not planted.exists()


@pytest.mark.parametrize("kind", ["empty", "cut", "text", "other"])
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path, kind: str) -> None:
    path, _ = published(tmp_path / "mvtec_pretrained.pth")
    if kind == "other":
        torch.save({"state_dict": {}}, path)
    else:
        path.write_bytes({"empty": b"", "cut": path.read_bytes()[:5000], "text": b"<html>not found</html>"}[kind])
    said = {"other": "no linear layers under 'trainable_linearlayer'; there is: state_dict", "cut": "Fetch it again"}
    with pytest.raises(EdgeError, match=said.get(kind, "no checkpoint, or a damaged one")):
        convert_published(path)
    with pytest.raises(EdgeError, match="no such file"):
        convert_published(tmp_path / "visa_pretrained.pth")


def test_both_kinds_of_file_open_for_the_encoder_they_fit(tmp_path: Path) -> None:
    specs = tuple(StageSpec(stage, 14, CHANNELS) for stage in STAGES)
    encoder = Described(name="ViT-L-14-336:openai", input_size=INPUT_SIZE, stages=specs)
    path, _ = published(tmp_path / "mvtec_pretrained.pth")
    adapters, card = open_adapters(path, encoder)
    save_adapters(tmp_path / "a.safetensors", adapters, card)
    again, read = open_adapters(tmp_path / "a.safetensors", encoder)
    assert equal(adapters, again)
    assert read == card
    with pytest.raises(EdgeError, match="encoder ViT-L-14-336:openai, but this run has ViT-L-14-336:laion"):
        open_adapters(path, replace(encoder, name="ViT-L-14-336:laion"))
    narrow = tuple(replace(spec, channels=768) for spec in specs)
    with pytest.raises(EdgeError, match=r"block6 takes 1024 channels, but encoder .* gives 768"):
        open_adapters(path, replace(encoder, stages=narrow))
