"""The local store of open_clip weights: safetensors files, each with a record of what it is and needs.

<models>/<NAME>/<tag>.safetensors  the weights
<models>/<NAME>/<tag>.json         their Record; an entry is there once this file is
"""

import contextlib
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import open_clip
import safetensors
import safetensors.torch
import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from torch import Tensor

from edge.errors import EdgeError
from edge.vision.checkpoint import read_checkpoint
from edge.vision.checksum import sha256_of
from edge.vision.clip_models import Activation, Needs, Triple, always_quick, clean_tag, published, skeleton, split_name


class Record(BaseModel):
    """What the store knows of one weight file.

    activation, mean, std: what the weights were trained with, see clip_models.Needs
    sha256, bytes:         of the stored .safetensors file
    source, source_sha256: name and SHA-256 of the file it was made from
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    name: str
    tag: str
    activation: Activation
    mean: Triple
    std: Triple
    sha256: str
    bytes: int
    source: str
    source_sha256: str
    added: datetime

    @property
    def encoder(self) -> str:
        """What `--encoder` takes."""
        return f"{self.name}:{self.tag}"


def weights_file(models: Path, record: Record) -> Path:
    """Where the weights of a record lie."""
    return _place(models, record.name, record.tag, "safetensors")


def entries(models: Path) -> list[Record]:
    """Every entry, by name and tag. Raises EdgeError for a record that cannot be read."""
    return [_read(file) for file in sorted(models.expanduser().glob("*/*.json"))]


def find(models: Path, name: str, tag: str) -> Record | None:
    """The entry of NAME:TAG, or None."""
    file = _place(models, name, clean_tag(tag), "json")
    return _read(file) if file.is_file() else None


def find_file(models: Path, name: str, file: Path) -> Record | None:
    """The entry that was made from these very bytes, or is them, or None."""
    sha256 = sha256_of(file)
    return next((r for r in entries(models) if r.name == name and sha256 in (r.source_sha256, r.sha256)), None)


def check(models: Path, record: Record) -> None:
    """Raises EdgeError if the stored file is not there, or not byte for byte what was stored.

    Reads it all: about a second a gigabyte, small beside building the network from it.
    """
    file = weights_file(models, record)
    entry = _place(models, record.name, record.tag, "json")
    again = f"Delete {entry} and add it again: edge models add {record.encoder} FILE."
    if not file.is_file():
        raise EdgeError(f"weights {file} are gone from the store. {again}")
    if file.stat().st_size != record.bytes or sha256_of(file) != record.sha256:
        raise EdgeError(f"weights {file} are not as they were stored (sha256 was {record.sha256}). {again}")


def add(models: Path, encoder: str, file: Path, *, activation: Activation | None = None) -> Record:
    """Convert a published checkpoint, check that it fits the architecture, and store it as NAME:TAG.

    activation: for a tag of your own; what the weights were trained with. A published tag knows its own.
    Raises EdgeError for an unknown architecture, an unreadable or unsafe file, tensors that do not fit, an activation
    that the tag or the architecture contradicts, or other weights under the same tag.
    """
    name, tag = split_name(encoder)
    tag = clean_tag(tag)
    needs = needs_of(name, tag, activation)
    listed = published(name, tag)
    tensors = read_checkpoint(file, trusted_sha256=listed.sha256 if listed else None)
    source_sha256 = sha256_of(file)
    old = find(models, name, tag)
    if old and old.source_sha256 != source_sha256:
        raise EdgeError(
            f"{old.encoder} is in the store already, made from {old.source} (sha256 {old.source_sha256}). "
            f"Choose another tag, or delete {_place(models, name, tag, 'json')} first."
        )
    return _save(models, name, tag, needs, tensors, source=file.name, source_sha256=source_sha256)


def needs_of(name: str, tag: str, activation: Activation | None) -> Needs:
    """What NAME:TAG must be run with: of a published tag as open_clip lists it, else as stated, with CLIP's colours.

    Raises EdgeError where it is not stated, or stated against the tag or the architecture.
    """
    listed = published(name, tag)
    if listed is None and activation is None:
        tags = ", ".join(open_clip.list_pretrained_tags_by_model(name)) or "none"
        raise EdgeError(
            f"{name} has no published tag {tag} (published: {tags}). For weights of your own, say what they were "
            "trained with: --activation gelu or --activation quick_gelu."
        )
    needs = listed.needs if listed else Needs(activation=activation or "gelu")
    built = "quick_gelu" if always_quick(name) else needs.activation
    for wanted in (activation or needs.activation, built):
        if wanted != needs.activation:
            raise EdgeError(f"{name}:{tag} needs the activation {needs.activation}, not {wanted}.")
    return needs


def _save(
    models: Path, name: str, tag: str, needs: Needs, tensors: dict[str, Tensor], *, source: str, source_sha256: str
) -> Record:
    """Weights first and the record last, each whole under its final name or not there."""
    final = _place(models, name, tag, "json")
    new = final.with_name(f".new-{tag}.safetensors")
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        safetensors.torch.save_file(tensors, new, metadata={"activation": needs.activation})
        _check_fit(name, new, source)
        record = Record(
            name=name, tag=tag, activation=needs.activation, mean=needs.mean, std=needs.std, sha256=sha256_of(new),
            bytes=new.stat().st_size, source=source, source_sha256=source_sha256, added=datetime.now(UTC),
        )  # fmt: skip
        new.replace(weights_file(models, record))
        new.write_text(record.model_dump_json(indent=1))
        new.replace(final)
    except (OSError, safetensors.SafetensorError) as error:
        raise EdgeError(
            f"the store {models} cannot be written: {error}. Make room, or name another: EDGE_MODELS."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            new.unlink()
    return record


def _check_fit(name: str, file: Path, source: str) -> None:
    """Load it as opening will, into a network without memory."""
    model = skeleton(name)
    with torch.device("meta"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch says of each tensor that copying it to the meta device does nothing
        try:
            open_clip.load_checkpoint(model, str(file))
        except (RuntimeError, KeyError, AssertionError) as error:
            reason = " ".join(str(error).split())[:400]
            raise EdgeError(f"weights {source} do not fit the architecture {name}: {reason}") from error


def _place(models: Path, name: str, tag: str, kind: str) -> Path:
    return models.expanduser() / name / f"{tag}.{kind}"


def _read(file: Path) -> Record:
    try:
        return Record.model_validate_json(file.read_bytes())
    except ValidationError as error:
        raise EdgeError(f"{file} is no record of this release. Delete it and add the weights again.") from error
