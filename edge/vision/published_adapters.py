"""APRIL-GAN's published checkpoints (`mvtec_pretrained.pth`, `visa_pretrained.pth`) become adapters with a card."""

import re
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from pickle import UnpicklingError

import torch
from torch import Tensor

from edge.errors import EdgeError
from edge.vision.adapters import AdapterCard, load_adapters
from edge.vision.checksum import sha256_of
from edge.vision.features import Encoder
from edge.vision.zero_shot import Adapters

ENCODER, INPUT_SIZE, CHANNELS, DIM = "ViT-L-14-336:openai", 518, 1024, 768
STAGES = ("block6", "block12", "block18", "block24")
LAYERS = "trainable_linearlayer"
NAMED_AFTER = re.compile(r"(mvtec|visa)(?![a-z0-9])")
"""A published file is named after the data set that it was trained on."""

DAMAGE = (
    UnpicklingError,
    RuntimeError,
    EOFError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    AssertionError,
    struct.error,
)
"""What torch's reader trips over in a file that is no checkpoint, or a cut or changed one."""


def convert_published(
    path: Path, stages: Sequence[str] = STAGES, trained_on: Sequence[str] | None = None
) -> tuple[Adapters, AdapterCard]:
    """The authors' linear layers, on the CPU, and a card for them.

    stages:     names of the encoder's stages that layer 0, 1, ... belongs to
    trained_on: data sets; None: what the file's name begins with, `mvtec` or `visa`
    The file holds tensors `fc.<i>.weight` [768, 1024] and `fc.<i>.bias` [768] under `trainable_linearlayer`. It is read
    without running anything in it. Raises EdgeError for a file that holds other things than tensors, other tensors
    than these, or whose name does not tell what it was trained on.
    """
    named = _read(path)
    wanted = {f"fc.{i}.{part}": shape for i in range(len(stages)) for part, shape in _SHAPES.items()}
    if odd := sorted(wanted.keys() ^ named.keys()):
        what = "is missing" if odd[0] in wanted else "is not expected"
        raise EdgeError(
            f"adapters {path}: {odd[0]} {what}; the layers of {len(stages)} stages are fc.0 to fc.{len(stages) - 1}."
        )
    for name, shape in wanted.items():
        if tuple(named[name].shape) != shape:
            found = list(named[name].shape)
            raise EdgeError(f"adapters {path}: {name} is {found}, expected {list(shape)}: these are not for {ENCODER}.")
    weights = {stage: named[f"fc.{i}.weight"].float() for i, stage in enumerate(stages)}
    biases = {stage: named[f"fc.{i}.bias"].float() for i, stage in enumerate(stages)}
    return Adapters(weights, biases), _card(path, stages, trained_on)


def open_adapters(path: Path, encoder: Encoder) -> tuple[Adapters, AdapterCard]:
    """The adapters in a .safetensors file or a published .pth, checked against an encoder and on its device.

    Raises EdgeError as load_adapters, convert_published and AdapterCard.check_fits.
    """
    published = path.suffix in (".pth", ".pt")
    adapters, card = convert_published(path) if published else load_adapters(path, device=encoder.device)
    card.check_fits(encoder)
    channels = {stage.name: stage.channels for stage in encoder.stages}
    for stage, weight in adapters.weights.items():
        if weight.shape[1] != channels[stage]:
            raise EdgeError(
                f"adapters {path}: {stage} takes {weight.shape[1]} channels, but encoder {encoder.name} gives "
                f"{channels[stage]}. The file is damaged: fetch it again."
            )
    return adapters.to(encoder.device), card


_SHAPES = {"weight": (DIM, CHANNELS), "bias": (DIM,)}


def _read(path: Path) -> Mapping[str, Tensor]:
    """The tensors by the authors' names."""
    if not path.is_file():
        raise EdgeError(
            f"adapters {path}: no such file. The authors publish mvtec_pretrained.pth and visa_pretrained.pth."
        )
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise EdgeError(f"adapters {path}: cannot be read ({error}). Fetch it again.") from error
    except DAMAGE as error:
        if asked := re.search(r"GLOBAL ([\w.]+)", str(error)):
            raise EdgeError(
                f"adapters {path}: refused. It holds {asked[1]}, not only tensors, and reading that could run code. "
                "Take the file that the authors publish."
            ) from error
        raise EdgeError(f"adapters {path}: no checkpoint, or a damaged one. Fetch it again.") from error
    layers = stored.get(LAYERS) if isinstance(stored, Mapping) else None
    if not isinstance(layers, Mapping) or not all(isinstance(one, Tensor) for one in layers.values()):
        there = ", ".join(map(str, stored)) if isinstance(stored, Mapping) else type(stored).__name__
        raise EdgeError(f"adapters {path}: no linear layers under {LAYERS!r}; there is: {there}.")
    return layers


def _card(path: Path, stages: Sequence[str], trained_on: Sequence[str] | None) -> AdapterCard:
    told = NAMED_AFTER.match(path.name.lower())
    if trained_on is None and told is None:
        raise EdgeError(
            f"adapters {path}: its name does not tell what it was trained on, where no figure may be measured. "
            "Give it the name the authors gave it: mvtec_pretrained.pth or visa_pretrained.pth."
        )
    return AdapterCard(
        encoder=ENCODER,
        weights_sha256=None,
        input_size=INPUT_SIZE,
        stages=tuple(stages),
        dim=DIM,
        learned_classes=False,
        trained_on=tuple(trained_on) if trained_on is not None else (told[1],) if told else (),
        pictures=(),
        protocol="published",
        command=f"converted from {path.name}, sha256 {sha256_of(path)}",
        seed=None,
        epochs=None,
        notes="Linear layers as APRIL-GAN's authors published them.",
        created="",
    )
