"""Features of pictures on disk, so that a frozen encoder runs once a picture and not once an epoch."""

import json
import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import safetensors
import safetensors.torch
from torch import Tensor

from edge.vision.features import Encoder, Features

SUFFIX = ".safetensors"


class FeatureCache:
    """Keeps patch tokens of pictures in one file each, up to a number of bytes; what does not fit is encoded anew.

    Nothing is ever thrown out: a training comes to every picture equally often, so that throwing out the oldest would
    find nothing. Tokens keep the encoder's precision and every picture is encoded alone, hence a training gives the
    same bytes with a cache, without one, and when it is resumed.
    """

    def __init__(self, encoder: Encoder, folder: Path | None, *, budget_bytes: int, precision: str = "fp32") -> None:
        """Room is what the folder's files leave of the budget; without a folder nothing is kept."""
        self._encoder = encoder
        self._folder = folder
        self._left = budget_bytes - sum(file.stat().st_size for file in folder.glob(f"*{SUFFIX}")) if folder else 0
        stages = ",".join(f"{stage.name}/{stage.channels}" for stage in encoder.stages)
        self._identity = f"{encoder.name}|{encoder.weights_sha256}|{encoder.input_size}|{precision}|{stages}"

    def features(self, picture: str, prepare: Callable[[], Tensor]) -> Features:
        """Features of one picture, without `pooled`: from disk, else encoded and kept if there is room.

        picture: what tells it from all others, such as the sha256 of its file
        prepare: gives the encoder's batch, [1, 3, S, S]; called only if it must be encoded
        """
        if self._folder is None:
            return self._encoder.encode(prepare())
        file = self._folder / (sha256(f"{self._identity}|{picture}".encode()).hexdigest()[:40] + SUFFIX)
        if (kept := self._read(file)) is not None:
            return kept
        features = self._encoder.encode(prepare())
        self._keep(file, features)
        return features

    def _read(self, file: Path) -> Features | None:
        """None if it is not there, or damaged."""
        try:
            with safetensors.safe_open(file, framework="pt", device=str(self._encoder.device)) as opened:
                grids = json.loads(opened.metadata()["grids"])
                stages = {stage.name: opened.get_tensor(stage.name) for stage in self._encoder.stages}
        except (FileNotFoundError, safetensors.SafetensorError):
            return None
        return Features(None, stages, {name: (h, w) for name, (h, w) in grids.items()})

    def _keep(self, file: Path, features: Features) -> None:
        """Write it, whole or not at all, if it fits."""
        stages = {name: tokens.cpu().contiguous() for name, tokens in features.stages.items()}
        content = safetensors.torch.save(stages, metadata={"grids": json.dumps(features.grids)})
        if len(content) > self._left:
            return
        self._left -= len(content)
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_name(f".{file.stem}.{os.getpid()}")
        temporary.write_bytes(content)
        temporary.replace(file)
