"""Where a training stands, in one file: what was learned, the optimiser's state, and how far it got."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import safetensors
import safetensors.torch
from torch import Tensor, nn
from torch.optim import Optimizer

from edge.errors import EdgeError


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a training is.

    epoch, step: both from 0; the next step to be made
    log_bytes:   length of the log then; what lies behind it is written again
    """

    epoch: int
    step: int
    log_bytes: int


def save_checkpoint(
    path: Path, model: nn.Module, optimizer: Optimizer, progress: Progress, *, run: dict[str, object]
) -> None:
    """Write it, whole or not at all. `run` says which training it belongs to (JSON values)."""
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": tensor for name, tensor in state.items()}
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    metadata = {"progress": json.dumps(asdict(progress)), "run": json.dumps(run)}
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_bytes(safetensors.torch.save(contiguous, metadata=metadata))
    temporary.replace(path)


def load_checkpoint(path: Path, model: nn.Module, optimizer: Optimizer, *, run: dict[str, object]) -> Progress:
    """Put model and optimiser where they were. Raises EdgeError if it is damaged or of another training."""
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no dict)
    except (OSError, safetensors.SafetensorError) as error:
        raise EdgeError(f"checkpoint {path}: cannot be read ({error}). Remove it to begin anew.") from error
    check_same(path, json.loads(metadata["run"]), json.loads(json.dumps(run)))
    model.load_state_dict(_below("model.", tensors))
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in _below("optimizer.", tensors).items():
        index, _, field = name.partition(".")
        state.setdefault(int(index), {})[field] = tensor
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
    return Progress(**json.loads(metadata["progress"]))


def check_same(path: Path, theirs: dict[str, object], ours: dict[str, object]) -> None:
    """Raises EdgeError naming the first thing in which two trainings differ."""
    for name in sorted(theirs.keys() | ours.keys()):
        if theirs.get(name) != ours.get(name):
            raise EdgeError(
                f"checkpoint {path}: its training has {name} {_short(theirs.get(name))}, this one "
                f"{_short(ours.get(name))}. Resume with the same options and pictures, or remove it to begin anew."
            )


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
