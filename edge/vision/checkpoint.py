"""Reads published weights of any common format without running anything that came with them."""

import pickle
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from edge.errors import EdgeError
from edge.vision.checksum import sha256_of

SUFFIXES = (".safetensors", ".pt", ".pth", ".bin")
_NO_WEIGHTS = ("input_resolution", "context_length", "vocab_size")
_POSITIONS = ("positional_embedding", "pos_embed")


def read_checkpoint(path: Path, *, trusted_sha256: str | None = None) -> dict[str, Tensor]:
    """A checkpoint's tensors by name, contiguous, as precise as they were published.

    Position embeddings become float32, because they are resized when the input size is not the published one.
    trusted_sha256: of the one TorchScript archive that may be read. Such an archive is a program; it is loaded only
    if it is, byte for byte, the one that open_clip names as the published weights.
    Raises EdgeError for another format, a pickled object, an unknown archive, or content that is no set of tensors.
    """
    if not path.is_file():
        raise EdgeError(f"weights {path}: no such file.")
    if path.suffix == ".safetensors":
        content: object = _safetensors(path)
    elif path.suffix not in SUFFIXES:
        raise EdgeError(f"weights {path}: the name ends in none of {', '.join(SUFFIXES)}.")
    elif _is_torchscript(path):
        content = _torchscript(path, trusted_sha256)
    else:
        content = _pickled(path)
    return {name: _kept(name, tensor) for name, tensor in _tensors(content, path).items()}


def _safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return safetensors.torch.load_file(path)
    except safetensors.SafetensorError as error:
        raise EdgeError(f"weights {path}: no whole safetensors file ({error}). Get it again.") from error


def _pickled(path: Path) -> object:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of an unusual pickle protocol, before it is refused or read
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise EdgeError(
            f"weights {path}: is damaged, or holds pickled objects beside tensors, which can run a program when they "
            "are read, and is refused. Ask its author for a .safetensors file, or for the state dict alone."
        ) from error
    except (RuntimeError, EOFError, ValueError, KeyError, TypeError) as error:
        raise EdgeError(f"weights {path}: torch cannot read it ({str(error)[:200]}). Get it again.") from error


def _is_torchscript(path: Path) -> bool:
    """Whether torch.jit.save made it: a zip file with a constants.pkl."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


def _torchscript(path: Path, trusted_sha256: str | None) -> Mapping[str, Tensor]:
    found = sha256_of(path)
    if found != trusted_sha256:
        expected = f"it is not the published one, sha256 {trusted_sha256}" if trusted_sha256 else "none is published"
        raise EdgeError(
            f"weights {path}: a TorchScript archive can run a program when it is read, and {expected} under this tag "
            f"(this one has {found}). Take the .safetensors file of the same weights."
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch.jit.load is deprecated; OpenAI's archives need it
        state: dict[str, Tensor] = torch.jit.load(str(path), map_location="cpu").state_dict()  # type: ignore[no-untyped-call]
    return {name: tensor for name, tensor in state.items() if name not in _NO_WEIGHTS}


def _tensors(content: object, path: Path) -> Mapping[str, Tensor]:
    """The state dict in it: the content itself, or what lies under `state_dict` in a training checkpoint."""
    state = content.get("state_dict", content) if isinstance(content, Mapping) else content
    if not isinstance(state, Mapping) or not state:
        raise EdgeError(f"weights {path}: holds no named tensors, but {type(state).__name__}.")
    for name, tensor in state.items():
        if not isinstance(tensor, Tensor):
            raise EdgeError(f"weights {path}: {name!r} is no tensor, but {type(tensor).__name__}. Save tensors alone.")
    return state


def _kept(name: str, tensor: Tensor) -> Tensor:
    """Its own memory, whole: safetensors takes no tensors that share any."""
    wider = name.endswith(_POSITIONS) and tensor.is_floating_point()
    return tensor.detach().to(torch.float32 if wider else tensor.dtype).clone(memory_format=torch.contiguous_format)
