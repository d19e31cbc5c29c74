"""The training loop: it learns, it is the same to the byte, and neither a kill nor another run can spoil it."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save

from calibration.adapters.dataset_source import DatasetSource, usable
from calibration.adapters.feature_cache import FeatureCache
from calibration.adapters.mosaic import truth_at
from calibration.adapters.protocols import Protocol, protocol
from calibration.adapters.trainable import TrainableAdapters
from calibration.adapters.training import Settings, Step, checkpoint_of, log_of, train
from calibration.datasets import Sample, open_dataset
from edge.errors import EdgeError
from edge.line.opencv import cv2
from edge.vision.zero_shot import zero_shot_map
from tests.patch_encoder import PatchEncoder, grey_part
from tests.tiny_dataset import tiny_dataset

NUMBERS = Protocol("test", epochs=4, batch=4, mosaic_rate=0.3)


class Killed(BaseException):
    """What no code catches, as a kill."""


def source_of(folder: Path, encoder: PatchEncoder, *, cache: Path | None = None, seed: int = 0) -> DatasetSource:
    samples, _ = usable(open_dataset("folder", folder))
    kept = FeatureCache(encoder, cache, budget_bytes=10**6)
    return DatasetSource(encoder, samples, kept, {}, NUMBERS, seed)


def settings_of(seed: int = 0, *, epochs: int = NUMBERS.epochs) -> Settings:
    return Settings(epochs, NUMBERS.batch, 0.01, NUMBERS.betas, {"seed": seed}, checkpoint_s=0)


def trained(
    folder: Path,
    out: Path,
    *,
    seed: int = 0,
    epochs: int = NUMBERS.epochs,
    resume: bool = False,
    cache: Path | None = None,
    tell: Callable[[Step], None] = lambda step: None,
) -> TrainableAdapters:
    encoder = PatchEncoder()
    model = TrainableAdapters(encoder.stages, dim=8, learn_classes=True, seed=seed)
    source = source_of(folder, encoder, cache=cache, seed=seed)
    train(model, source, settings_of(seed, epochs=epochs), out=out, resume=resume, tell=tell)
    return model


def bytes_of(model: TrainableAdapters) -> bytes:
    return save(dict(model.state_dict()))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_dataset(tmp_path_factory.mktemp("data") / "part")


def test_the_loss_falls_and_the_map_finds_a_spot_that_was_not_seen(folder: Path, tmp_path: Path) -> None:
    model = trained(folder, tmp_path / "a", epochs=24)
    losses = [json.loads(line)["loss"] for line in log_of(tmp_path / "a").read_text().splitlines()]
    assert np.mean(losses[-4:]) < 0.7 * np.mean(losses[:4])
    encoder, adapters = PatchEncoder(), model.frozen()
    assert adapters.classes is not None
    assert torch.allclose(adapters.classes.norm(dim=1), torch.ones(2))
    features = encoder.encode(encoder.prepare([grey_part(999, spot=True)]))
    found = zero_shot_map(features, adapters, adapters.classes, side=64)[0]
    inside = found[40:56, 40:56].mean()
    assert inside > 2 * found[:32, :32].mean()


def test_the_same_seed_gives_the_same_bytes_with_and_without_a_cache(folder: Path, tmp_path: Path) -> None:
    plain = trained(folder, tmp_path / "a")
    cached = trained(folder, tmp_path / "b", cache=tmp_path / "cache")
    assert bytes_of(plain) == bytes_of(cached)
    assert log_of(tmp_path / "a").read_bytes() == log_of(tmp_path / "b").read_bytes()
    assert bytes_of(plain) != bytes_of(trained(folder, tmp_path / "c", seed=1))


@pytest.mark.parametrize("at", [(0, 0), (2, 1), (3, 2)])
def test_a_training_cut_off_anywhere_ends_the_same(folder: Path, tmp_path: Path, at: tuple[int, int]) -> None:
    def cut(step: Step) -> None:
        if (step.epoch, step.step) == at:
            raise Killed

    out = tmp_path / "cut"
    with pytest.raises(Killed):
        trained(folder, out, tell=cut)
    whole, resumed = trained(folder, tmp_path / "whole"), trained(folder, out, resume=True)
    assert bytes_of(whole) == bytes_of(resumed)
    assert log_of(out).read_bytes() == log_of(tmp_path / "whole").read_bytes()


def test_a_stopped_training_is_neither_overwritten_nor_mixed_with_another(folder: Path, tmp_path: Path) -> None:
    def cut(step: Step) -> None:
        if step.epoch == 1:
            raise Killed

    with pytest.raises(Killed):
        trained(folder, tmp_path / "a", tell=cut)
    with pytest.raises(EdgeError, match="--resume"):
        trained(folder, tmp_path / "a")
    with pytest.raises(EdgeError, match="seed 0, this one 5"):
        trained(folder, tmp_path / "a", seed=5, resume=True)
    checkpoint_of(tmp_path / "a").write_bytes(b"torn")
    with pytest.raises(EdgeError, match="cannot be read"):
        trained(folder, tmp_path / "a", resume=True)


def test_features_that_are_no_numbers_end_the_training(folder: Path, tmp_path: Path) -> None:
    encoder = PatchEncoder(broken=True)
    model = TrainableAdapters(encoder.stages, dim=8, learn_classes=True, seed=0)
    with pytest.raises(EdgeError, match="loss became nan"):
        train(model, source_of(folder, encoder), settings_of(), out=tmp_path / "a")


def test_each_picture_is_compared_with_its_own_categorys_classes() -> None:
    encoder = PatchEncoder()
    model = TrainableAdapters(encoder.stages, dim=4, learn_classes=False, seed=0)
    vectors = torch.nn.functional.normalize(torch.randn(2, 2, 4, generator=torch.Generator().manual_seed(1)), dim=-1)
    batch = encoder.encode(encoder.prepare([grey_part(1), grey_part(2)]))
    features = type(batch)(None, {name: tokens.clone() for name, tokens in batch.stages.items()}, batch.grids)
    planes = model(features, vectors, side=64)
    for index in range(2):
        alone = zero_shot_map(features.select([index]), model.frozen(), vectors[index], side=64)
        together = torch.stack(planes).sum(dim=0)[index, 1]
        assert torch.allclose(together.detach(), alone[0], atol=1e-5)


def test_without_any_class_vectors_nothing_can_be_trained() -> None:
    encoder = PatchEncoder()
    model = TrainableAdapters(encoder.stages, dim=4, learn_classes=False, seed=0)
    with pytest.raises(ValueError, match="class vectors"):
        model(encoder.encode(encoder.prepare([grey_part(1)])), None, side=64)


def test_defects_without_a_mask_are_left_out_and_named(folder: Path, tmp_path: Path) -> None:
    copy = tiny_dataset(tmp_path / "part", unmasked=2)
    samples, left_out = usable(open_dataset("folder", copy))
    assert len(left_out) == 2
    assert not {sample.file for sample in samples} & set(left_out)
    for mask in (copy / "masks").iterdir():
        mask.unlink()
    with pytest.raises(EdgeError, match="no defective test picture has a mask"):
        usable(open_dataset("folder", copy))


def test_truth_is_resized_as_evaluation_does_it(folder: Path) -> None:
    from calibration.datasets import read_mask

    rng = np.random.default_rng(0)
    file = folder / "masks" / "00.png"
    picture = folder / "test" / "defect" / "00.png"
    sample = Sample(picture, "part", defect=True, mask=file, kind="defect")
    before = file.read_bytes()
    try:
        for _ in range(5):
            cv2.imwrite(str(file), np.uint8(255) * (cv2.blur(rng.random((64, 64)), (9, 9)) > 0.5))
            assert np.array_equal(truth_at(read_mask(sample), 24), read_mask(sample, size=(24, 24)))
    finally:
        file.write_bytes(before)


def test_protocols_differ_as_paper_and_release_do() -> None:
    table = {(name, data): protocol(name, data) for name in ("paper", "release") for data in ("mvtec", "visa")}
    assert {key: (p.epochs, p.batch, p.mosaic_rate) for key, p in table.items()} == {
        ("paper", "mvtec"): (3, 16, 0.2),
        ("paper", "visa"): (15, 16, 0.2),
        ("release", "mvtec"): (3, 8, 0.2),
        ("release", "visa"): (15, 8, 0.0),
    }
    assert all((p.learning_rate, p.betas) == (1e-3, (0.5, 0.999)) for p in table.values())
    changed = protocol("paper", "visa").changed(epochs=2, batch=None, mosaic_rate=None)
    assert (changed.name, changed.epochs, changed.batch) == ("paper (changed)", 2, 16)
    same = protocol("paper", "visa").changed(epochs=15, batch=None, mosaic_rate=None)
    assert same.name == "paper"
    with pytest.raises(EdgeError, match="no masks"):
        protocol("paper", "sewerml")
