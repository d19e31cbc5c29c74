"""Encoders by name, and the device they run on: the one place where an encoder is put together."""

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from edge.errors import EdgeError
from edge.settings import MODELS, Settings
from edge.vision.features import Encoder
from edge.vision.lite import LiteEncoder

if TYPE_CHECKING:
    from edge.vision.store import Record

PRECISIONS = ("fp32", "bf16", "fp16")


def open_encoder(
    name: str,
    *,
    input_size: int | None = None,
    device: str = "auto",
    precision: str = "fp32",
    models: Path = MODELS,
) -> Encoder:
    """The encoder called `name`, on `device` (auto, cpu or cuda; see `choose_device`), ready to run. Never dials out.

    name:       `lite`, or an open_clip model as NAME:TAG or NAME:/path/to/file, with weights in the store
    input_size: pixels a side; None: the encoder's own default
    precision:  fp32, bf16 or fp16, of the network; `lite` has fp32 only
    models:     the store, see edge.vision.store
    Raises EdgeError for an unknown name, a size or precision the encoder cannot have, absent weights, absent device.
    """
    if precision not in PRECISIONS:
        raise EdgeError(f"unknown precision {precision!r}. There is: {', '.join(PRECISIONS)}.")
    if name == "lite":
        if precision != "fp32":
            raise EdgeError(f"encoder lite has precision fp32 only, not {precision}. Use --precision fp32.")
        return LiteEncoder(input_size=input_size or LiteEncoder.default_input_size, device=choose_device(device))
    if ":" not in name:
        raise EdgeError(f"unknown encoder {name!r}. There is: lite, and open_clip models as NAME:TAG.")
    from edge.vision.clip import ClipEncoder  # open_clip takes a second to import, which lite need not wait for

    record = _stored(name, models)
    there = choose_device(device)
    return ClipEncoder(name, models, record, input_size=input_size, device=there, precision=precision)


def _stored(encoder: str, models: Path) -> "Record":
    """The store's record of the weights that an encoder's name means."""
    from edge.vision.clip_models import split_name
    from edge.vision.fetch import how_to_get
    from edge.vision.store import find, find_file

    name, tag = split_name(encoder)
    if "/" not in tag:
        if record := find(models, name, tag):
            return record
        raise EdgeError(f"encoder {encoder}: its weights are not in {models.expanduser()}. {how_to_get(name, tag)}")
    file = Path(tag).expanduser()
    if not file.is_file():
        raise EdgeError(f"encoder {encoder}: there is no file {file}.")
    if record := find_file(models, name, file):
        return record
    raise EdgeError(
        f"encoder {encoder}: nothing says how these weights were trained; {file.name} is not in {models.expanduser()}. "
        f"Add it, under its published tag or your own: edge models add {name}:TAG {file} "
        "(your own tag needs --activation gelu or quick_gelu)."
    )


def configured_encoder(settings: Settings) -> Encoder:
    """The encoder that the settings name. Raises EdgeError as open_encoder."""
    return open_encoder(
        settings.encoder,
        input_size=settings.input_size,
        device=settings.device,
        precision=settings.precision,
        models=settings.models,
    )


def choose_device(wanted: str) -> torch.device:
    """`auto`: CUDA where there is one, else CPU; `cpu`; `cuda`. Raises EdgeError if CUDA is asked for and missing."""
    if wanted not in ("auto", "cpu", "cuda"):
        raise EdgeError(f"unknown device {wanted!r}. There is: auto, cpu, cuda.")
    there = wanted != "cpu" and torch.cuda.is_available()
    if wanted == "cuda" and not there:
        raise EdgeError("device cuda: torch finds no CUDA device here. Use --device cpu, or auto.")
    return torch.device("cuda" if there else "cpu")
