"""Encoders by name, and the device they run on: the one place where an encoder is put together."""

import torch

from edge.errors import EdgeError
from edge.vision.features import Encoder
from edge.vision.lite import LiteEncoder


def open_encoder(name: str, *, input_size: int | None = None, device: str = "auto", precision: str = "fp32") -> Encoder:
    """The encoder called `name`, on `device` (auto, cpu or cuda; see `choose_device`), ready to run.

    name:       `lite`, or an open_clip model as NAME:TAG or NAME:/path/to/file
    input_size: pixels a side; None: the encoder's own default
    precision:  fp32, bf16 or fp16, of the network; `lite` has fp32 only
    Raises EdgeError for an unknown name, a size or precision the encoder cannot have, absent weights, absent device.
    """
    if name == "lite":
        return LiteEncoder(input_size=input_size or LiteEncoder.default_input_size, device=choose_device(device))
    if ":" in name:
        raise EdgeError(f"encoder {name}: open_clip encoders come with the next release. Use --encoder lite.")
    raise EdgeError(f"unknown encoder {name!r}. There is: lite, and open_clip models as NAME:TAG.")


def choose_device(wanted: str) -> torch.device:
    """`auto`: CUDA where there is one, else CPU; `cpu`; `cuda`. Raises EdgeError if CUDA is asked for and missing."""
    if wanted not in ("auto", "cpu", "cuda"):
        raise EdgeError(f"unknown device {wanted!r}. There is: auto, cpu, cuda.")
    there = wanted != "cpu" and torch.cuda.is_available()
    if wanted == "cuda" and not there:
        raise EdgeError("device cuda: torch finds no CUDA device here. Use --device cpu, or auto.")
    return torch.device("cuda" if there else "cpu")
