"""Reading published checkpoints: every common format gives the same tensors, and nothing in a file is ever run."""

import pickle
import warnings
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import Tensor

from edge.errors import EdgeError
from edge.vision.checkpoint import read_checkpoint
from edge.vision.checksum import sha256_of

WEIGHTS = {
    "visual.positional_embedding": torch.arange(6.0).reshape(3, 2).half(),
    "visual.proj": torch.linspace(-1, 1, 6).reshape(2, 3).half(),
    "logit_scale": torch.tensor(4.6),
}
WRITERS: dict[str, Callable[[Path], None]] = {
    "plain.pt": lambda file: torch.save(WEIGHTS, file),
    "ordered.pth": lambda file: torch.save(OrderedDict(WEIGHTS), file),
    "old.bin": lambda file: torch.save(WEIGHTS, file, _use_new_zipfile_serialization=False),
    "training.pt": lambda file: torch.save({"epoch": 3, "state_dict": WEIGHTS, "name": "run"}, file),
    "views.pt": lambda file: torch.save({name: torch.stack([t, t])[1] for name, t in WEIGHTS.items()}, file),
    "tensors.safetensors": lambda file: safetensors.torch.save_file(WEIGHTS, file),
}


class Payload:
    """Unpickled, it leaves a file behind."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return Path.touch, (self.mark,)


def torchscript(file: Path) -> None:
    class Model(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.visual = torch.nn.Linear(2, 3)
            self.register_buffer("input_resolution", torch.tensor(224))

        def forward(self, x: Tensor) -> Tensor:
            result: Tensor = self.visual(x)
            return result

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        torch.jit.trace(Model(), torch.zeros(1, 2)).save(str(file))


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_tensors_which_safetensors_can_keep(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path / name)
    tensors = read_checkpoint(tmp_path / name)
    safetensors.torch.save_file(tensors, tmp_path / "kept.safetensors")
    kept = safetensors.torch.load_file(tmp_path / "kept.safetensors")
    assert set(tensors) == set(WEIGHTS)
    for key, tensor in WEIGHTS.items():
        torch.testing.assert_close(kept[key], tensor, check_dtype=False, rtol=0, atol=0)
    assert kept["visual.proj"].dtype == torch.float16
    assert kept["visual.positional_embedding"].dtype == torch.float32


@pytest.mark.parametrize("nested", [False, True])
def test_a_pickled_object_is_refused_and_not_run(tmp_path: Path, *, nested: bool) -> None:
    mark, file = tmp_path / "ran", tmp_path / "evil.pt"
    state = {**WEIGHTS, "extra": Payload(mark)}
    torch.save({"state_dict": state} if nested else state, file)
    with pytest.raises(EdgeError, match=r"evil\.pt: is damaged, or holds pickled objects .*\.safetensors"):
        read_checkpoint(file)
    assert not mark.exists()


def test_a_bare_pickle_is_refused_and_not_run(tmp_path: Path) -> None:
    mark, file = tmp_path / "ran", tmp_path / "evil.bin"
    file.write_bytes(pickle.dumps(Payload(mark)))
    with pytest.raises(EdgeError, match=r"evil\.bin"):
        read_checkpoint(file)
    assert not mark.exists()


def test_a_torchscript_archive_is_read_only_if_it_is_the_published_one(tmp_path: Path) -> None:
    file = tmp_path / "RN50.pt"
    torchscript(file)
    with pytest.raises(EdgeError, match="none is published"):
        read_checkpoint(file)
    with pytest.raises(EdgeError, match=f"not the published one, sha256 {'0' * 64}"):
        read_checkpoint(file, trusted_sha256="0" * 64)
    assert set(read_checkpoint(file, trusted_sha256=sha256_of(file))) == {"visual.weight", "visual.bias"}


@pytest.mark.parametrize("name", ["plain.pt", "old.bin", "tensors.safetensors"])
@pytest.mark.parametrize("kept", [0.0, 0.3, 0.9])
def test_half_a_file_is_refused(tmp_path: Path, name: str, kept: float) -> None:
    WRITERS[name](tmp_path / name)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(EdgeError, match=name):
        read_checkpoint(tmp_path / name)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ([torch.zeros(1)], "no named tensors, but list"),
        ({}, "no named tensors"),
        ({"epoch": 3}, "'epoch' is no tensor"),
    ],
)
def test_what_is_no_state_dict_is_refused(tmp_path: Path, content: object, what: str) -> None:
    torch.save(content, tmp_path / "other.pt")
    with pytest.raises(EdgeError, match=what):
        read_checkpoint(tmp_path / "other.pt")


def test_an_unknown_ending_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "weights.npz").touch()
    with pytest.raises(EdgeError, match=r"weights\.npz.*\.safetensors, \.pt"):
        read_checkpoint(tmp_path / "weights.npz")
    with pytest.raises(EdgeError, match="no such file"):
        read_checkpoint(tmp_path / "nothing.pt")
