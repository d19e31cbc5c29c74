from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import Tensor

from edge.errors import EdgeError
from edge.vision.adapters import AdapterCard, fingerprint, load_adapters, save_adapters
from edge.vision.features import StageSpec
from edge.vision.zero_shot import Adapters
from tests.described_encoder import SHA, Described, equal


def made(*, learned: bool = False, seed: int = 0) -> tuple[Adapters, AdapterCard]:
    generator = torch.Generator().manual_seed(seed)
    channels = {"block3": 5, "block6": 7}
    classes = torch.nn.functional.normalize(torch.randn(2, 4, generator=generator), dim=-1) if learned else None
    adapters = Adapters(
        {stage: torch.randn(4, size, generator=generator) for stage, size in channels.items()},
        {stage: torch.randn(4, generator=generator) for stage in channels},
        classes,
    )
    card = AdapterCard(
        encoder="ViT-B-16:demo",
        weights_sha256=SHA,
        input_size=224,
        stages=("block3", "block6"),
        dim=4,
        learned_classes=learned,
        trained_on=("folder:cookie",),
        pictures=(),
        protocol="paper",
        command="calibrate adapters --dataset folder",
        seed=0,
        epochs=3,
    )
    return adapters, card


@pytest.mark.parametrize("learned", [False, True])
def test_what_is_saved_is_loaded(tmp_path: Path, learned: bool) -> None:
    adapters, card = made(learned=learned)
    path = tmp_path / "new" / "a.safetensors"
    save_adapters(path, adapters, card)
    loaded, read = load_adapters(path, device="cpu")
    assert equal(loaded, adapters)
    assert read == card
    assert list(path.parent.iterdir()) == [path]
    names = {"block3.weight", "block3.bias", "block6.weight", "block6.bias"} | ({"classes"} if learned else set())
    assert set(safetensors.torch.load_file(path)) == names


def test_equal_adapters_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save_adapters(tmp_path / name, *made())
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save_adapters(path, *made())
    before = path.read_bytes()
    other, card = made(seed=1)
    with pytest.raises(EdgeError, match="block9"):
        save_adapters(path, other, card.model_copy(update={"stages": ("block3", "block9")}))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def rewritten(path: Path, tensors: dict[str, Tensor], card: AdapterCard | None) -> Path:
    metadata = None if card is None else {"card": card.model_dump_json()}
    safetensors.torch.save_file(tensors, path, metadata=metadata)
    return path


def named(adapters: Adapters) -> dict[str, Tensor]:
    weights = {f"{stage}.weight": weight for stage, weight in adapters.weights.items()}
    return weights | {f"{stage}.bias": bias for stage, bias in adapters.biases.items()}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"block6.weight": torch.zeros(3, 7)}, "block6.weight is torch.float32 [3, 7], expected 4xC"),
        ({"block6.bias": torch.zeros(5)}, "block6.bias is torch.float32 [5], expected 4 "),
        ({"block3.weight": torch.zeros(4)}, "block3.weight"),
        ({"block3.weight": torch.zeros(4, 5, dtype=torch.int32)}, "block3.weight is torch.int32"),
        ({"block3.bias": torch.full((4,), torch.nan)}, "block3.bias"),
        ({"block3.bias": None}, "block3.bias is missing"),
        ({"block7.bias": torch.zeros(4)}, "block7.bias is not in its card"),
        ({"classes": torch.zeros(2, 4)}, "classes is not in its card"),
    ],
)
def test_tensors_that_are_not_what_the_card_says_are_refused(
    tmp_path: Path, changed: dict[str, Tensor | None], said: str
) -> None:
    adapters, card = made()
    tensors = {name: tensor for name, tensor in (named(adapters) | changed).items() if tensor is not None}
    path = rewritten(tmp_path / "a.safetensors", tensors, card)
    with pytest.raises(EdgeError) as caught:
        load_adapters(path, device="cpu")
    assert said in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_file_without_a_card_or_of_another_kind_is_refused(tmp_path: Path) -> None:
    adapters, card = made()
    with pytest.raises(EdgeError, match="without a card"):
        load_adapters(rewritten(tmp_path / "a", named(adapters), None), device="cpu")
    safetensors.torch.save_file(named(adapters), tmp_path / "b", metadata={"card": '{"encoder": "lite", "size": 3}'})
    with pytest.raises(EdgeError, match="card does not hold what it should"):
        load_adapters(tmp_path / "b", device="cpu")
    save_adapters(tmp_path / "c", adapters, card)
    cut = tmp_path / "cut"
    cut.write_bytes((tmp_path / "c").read_bytes()[:-9])
    with pytest.raises(EdgeError, match="no safetensors file, or a damaged one"):
        load_adapters(cut, device="cpu")
    with pytest.raises(EdgeError, match="no such file"):
        load_adapters(tmp_path / "absent", device="cpu")


@pytest.mark.parametrize(
    ("encoder", "said"),
    [
        (Described(weights_sha256="cd" * 32), f"weights {SHA}, but this run has {'cd' * 32}"),
        (Described(name="ViT-L-14:demo"), "architecture ViT-B-16, but this run has ViT-L-14"),
        (Described(input_size=336), "input size 224, but this run has 336"),
        (Described(stages=(StageSpec("block3", 16, 5), StageSpec("block9", 16, 7))), "need stage block6"),
    ],
)
def test_adapters_of_another_encoder_are_refused_with_both_values(encoder: Described, said: str) -> None:
    _, card = made()
    card.check_fits(Described())
    card.check_fits(Described(name="ViT-B-16:/models/same-bytes.pt"))
    with pytest.raises(EdgeError) as caught:
        card.check_fits(encoder)
    assert said in str(caught.value)


def test_without_known_weights_the_name_tells() -> None:
    card = made()[1].model_copy(update={"weights_sha256": None})
    card.check_fits(Described(weights_sha256="cd" * 32))
    with pytest.raises(EdgeError, match="encoder ViT-B-16:demo, but this run has ViT-B-16:other"):
        card.check_fits(Described(name="ViT-B-16:other"))


def test_a_card_knows_the_pictures_it_was_trained_on_by_their_bytes(tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.png" for number in range(3)]
    for number, file in enumerate(files):
        file.write_bytes(b"picture %d" % number)
    copy = tmp_path / "renamed.png"
    copy.write_bytes(files[1].read_bytes())
    card = made()[1].model_copy(update={"pictures": (fingerprint(files[1]),)})
    assert card.seen([*files, copy]) == [files[1], copy]
    assert made()[1].seen(files) == []
