"""Text embeddings kept on disk: what is embedded once, or half before a kill, is not embedded again."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from edge.errors import EdgeError
from edge.vision.features import Encoder

CHUNK = 64
"""Sentences embedded at once and written together: at most this much work is lost to a kill."""

Advance = Callable[[int], None]
"""Told how many more sentences are there, each time some are."""


def embedded(encoder: Encoder, sentences: Sequence[str], *, folder: Path, advance: Advance = lambda _: None) -> Tensor:
    """The embeddings of sentences, from the cache in `folder` as far as they are there.

    -> [n, D] float32 of unit length, on the CPU. Chunks are cut at the same places each time, so that a run which was
    killed and one which was not give the same bytes. Raises EdgeError for an encoder without text tower, or a damaged
    file.
    """
    if encoder.text is None:
        raise EdgeError(f"encoder {encoder.name} has no text tower, so it has no embedding of a sentence. Use a CLIP.")
    whole = cache_file(encoder, sentences, folder=folder)
    if whole.is_file():
        advance(len(sentences))
        return _read(whole)
    parts = whole.with_suffix(".parts")
    chunks = []
    for start in range(0, len(sentences), CHUNK):
        chunk = sentences[start : start + CHUNK]
        part = parts / f"{start:09}.safetensors"
        if part.is_file():
            chunks.append(_read(part))
        else:
            chunks.append(encoder.text.embed(chunk).float().cpu())
            _write(part, chunks[-1])
        advance(len(chunk))
    together = torch.cat(chunks)
    _write(whole, together)
    shutil.rmtree(parts, ignore_errors=True)
    return together


def cache_file(encoder: Encoder, sentences: Sequence[str], *, folder: Path) -> Path:
    """Where the embeddings of sentences lie once all are there.

    Named by the SHA-256 of all that they depend on: architecture, weights, precision, and the sentences in order.
    """
    named = [encoder.name.partition(":")[0], encoder.weights_sha256, encoder.precision, CHUNK, *sentences]
    return folder.expanduser() / f"{hashlib.sha256(json.dumps(named).encode()).hexdigest()}.safetensors"


def _read(path: Path) -> Tensor:
    try:
        return safetensors.torch.load_file(path)["embeddings"]
    except safetensors.SafetensorError as error:
        raise EdgeError(f"text cache: {path} is damaged ({error}). Delete it and run again.") from error


def _write(path: Path, embeddings: Tensor) -> None:
    """Write a file that a later run sees whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    safetensors.torch.save_file({"embeddings": embeddings.contiguous()}, temporary)
    temporary.replace(path)
