"""Trained adapters on disk: one safetensors file, with a card that says what they fit and what they were trained on."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from torch import Tensor

from edge.errors import EdgeError
from edge.vision.checksum import sha256_of
from edge.vision.features import Encoder
from edge.vision.zero_shot import Adapters

CLASSES = "classes"
DIGITS = 16
"""Hexadecimal digits of a picture's sha256 that a card keeps."""


class AdapterCard(BaseModel):
    """What a file of adapters says about itself.

    encoder:         its name, as NAME:TAG or `lite`
    weights_sha256:  of the encoder's weights; None where unknown
    input_size:      pixels a side that the encoder was run at
    stages:          names of the encoder's stages, in its order
    dim:             D, size of the class vectors
    learned_classes: whether the file holds class vectors of its own (an encoder without text tower)
    trained_on:      data sets, such as `mvtec`, `visa`, `folder:cookie`, `demo`
    pictures:        `fingerprint` of every training picture, sorted; empty where unknown
    protocol:        how: `paper`, `release`, `lite`, ...
    command:         what made them
    seed, epochs:    None where unknown
    created:         UTC, ISO 8601; empty where unknown, or where equal commands shall give equal bytes
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    encoder: str
    weights_sha256: str | None
    input_size: int
    stages: tuple[str, ...]
    dim: int
    learned_classes: bool
    trained_on: tuple[str, ...]
    pictures: tuple[str, ...]
    protocol: str
    command: str
    seed: int | None
    epochs: int | None
    notes: str = ""
    created: str = ""

    def check_fits(self, encoder: Encoder) -> None:
        """Raises EdgeError, with both values, if an encoder is not the one that the adapters were trained for.

        The weights tell where their sha256 is known, and the encoder's name where it is not.
        """
        pairs: dict[str, tuple[object, object]] = {"input size": (self.input_size, encoder.input_size)}
        if self.weights_sha256 is None:
            pairs["encoder"] = self.encoder, encoder.name
        else:
            pairs["architecture"] = _architecture(self.encoder), _architecture(encoder.name)
            pairs["weights"] = self.weights_sha256, encoder.weights_sha256
        for what, (theirs, ours) in pairs.items():
            if theirs != ours:
                raise EdgeError(
                    f"these adapters were trained for {what} {theirs}, but this run has {ours}. Run with encoder "
                    f"{self.encoder} at {self.input_size} pixels, or train others: calibrate adapters ..."
                )
        if absent := [name for name in self.stages if name not in {stage.name for stage in encoder.stages}]:
            there = ", ".join(stage.name for stage in encoder.stages)
            raise EdgeError(f"these adapters need stage {absent[0]}; encoder {encoder.name} gives {there}.")

    def seen(self, files: Iterable[Path]) -> list[Path]:
        """Those of the files, in order, whose bytes the adapters were trained on."""
        known = set(self.pictures)
        return [file for file in files if known and fingerprint(file) in known]


def fingerprint(file: Path) -> str:
    """First 16 hexadecimal digits of a file's sha256: how a card names a picture."""
    return sha256_of(file)[:DIGITS]


def save_adapters(path: Path, adapters: Adapters, card: AdapterCard) -> None:
    """Write the adapters with their card; whole or not at all. Raises EdgeError as `adapters_bytes`."""
    _write(path, adapters_bytes(adapters, card))


def adapters_bytes(adapters: Adapters, card: AdapterCard) -> bytes:
    """A safetensors file of `<stage>.weight`, `<stage>.bias` and, if learned, `classes`, with the card.

    Raises EdgeError if the card does not describe the adapters.
    """
    named: dict[str, Tensor] = {} if adapters.classes is None else {CLASSES: adapters.classes}
    for stage, weight in adapters.weights.items():
        named |= {f"{stage}.weight": weight, f"{stage}.bias": adapters.biases[stage]}
    _check(named, card, card.encoder)
    tensors = {name: tensor.detach().to("cpu", torch.float32).contiguous() for name, tensor in named.items()}
    return safetensors.torch.save(tensors, metadata={"card": card.model_dump_json()})


def load_adapters(path: Path, *, device: torch.device | str) -> tuple[Adapters, AdapterCard]:
    """The adapters in a file, on `device`, and their card.

    Raises EdgeError for a missing or broken file, one without a card, or tensors that are not what the card says.
    """
    if not path.is_file():
        raise EdgeError(f"adapters {path}: no such file. Train some: calibrate adapters ...")
    try:
        with safetensors.safe_open(path, framework="pt", device=str(device)) as file:
            described = (file.metadata() or {}).get("card")
            named = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no dict)
    except safetensors.SafetensorError as error:
        raise EdgeError(
            f"adapters {path}: no safetensors file, or a damaged one ({error}). Train or fetch it again."
        ) from error
    card = _parse_card(described, path)
    _check(named, card, path)
    weights = {stage: named[f"{stage}.weight"] for stage in card.stages}
    return Adapters(weights, {stage: named[f"{stage}.bias"] for stage in card.stages}, named.get(CLASSES)), card


def _parse_card(described: str | None, path: Path) -> AdapterCard:
    if described is None:
        raise EdgeError(
            f"adapters {path}: without a card, so nobody can tell what they fit and what they were trained on. "
            "Take a file that `calibrate adapters` wrote, or the authors' .pth."
        )
    try:
        return AdapterCard.model_validate_json(described)
    except ValidationError as error:
        raise EdgeError(f"adapters {path}: the card does not hold what it should: {error}") from error


def _check(named: Mapping[str, Tensor], card: AdapterCard, path: Path | str) -> None:
    """Raises EdgeError naming the first tensor that is missing, not announced, or of a wrong shape or type."""
    wanted: dict[str, tuple[int | None, ...]] = {CLASSES: (2, card.dim)} if card.learned_classes else {}
    for stage in card.stages:
        wanted |= {f"{stage}.weight": (card.dim, None), f"{stage}.bias": (card.dim,)}
    if not card.stages or (odd := sorted(wanted.keys() ^ named.keys())):
        what = f"{odd[0]} is {'missing' if odd[0] in wanted else 'not in its card'}" if card.stages else "no stage"
        raise EdgeError(f"adapters {path}: {what}; the card names stages {', '.join(card.stages) or 'none'}.")
    for name, shape in wanted.items():
        tensor = named[name]
        fits = len(shape) == tensor.ndim and all(s in (None, n) for s, n in zip(shape, tensor.shape, strict=True))
        if not fits or not tensor.is_floating_point() or not bool(tensor.isfinite().all()):
            said = "x".join("C" if size is None else str(size) for size in shape)
            raise EdgeError(
                f"adapters {path}: {name} is {tensor.dtype} {list(tensor.shape)}, expected {said} finite numbers."
            )


def _architecture(encoder: str) -> str:
    return encoder.partition(":")[0]


def _write(path: Path, content: bytes) -> None:
    """Write a file that others see whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
