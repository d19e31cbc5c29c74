"""The references of every column of a category, encoded once, and the heads made from them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from calibration.bank.coreset import tokens_to_keep
from calibration.evaluation.columns import Setting, Trained, with_net
from calibration.evaluation.encoder_pass import Encoded, encode
from calibration.ingredients import Ingredients
from calibration.leave_one_out import leave_one_out
from calibration.reference_heads import ReferenceLooks, look_closer, memory_bank, neighbour_bank
from edge.line.picture import read_picture
from edge.vision.features import Encoder
from edge.vision.heads import Heads

Draw = Mapping[Setting, tuple[Path, ...]]
"""By column, its reference pictures; a picture may come twice where they are drawn with replacement."""


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceFeatures:
    """Features of U pictures that are references of any column.

    rows:    by file, its place in the rest
    encoded: one a picture
    bank:    by stage, [U, N, C] unit vectors, empty if no recipe has the few-shot head
    """

    rows: Mapping[Path, int]
    encoded: Sequence[Encoded]
    bank: Mapping[str, Tensor]

    def bank_of(self, files: Sequence[Path]) -> dict[str, Tensor] | None:
        """The memory bank of some of the pictures: by stage [R, N, C]."""
        chosen = [self.rows[file] for file in files]
        return {name: vectors[chosen] for name, vectors in self.bank.items()} or None

    def embeddings_of(self, files: Sequence[Path]) -> Tensor | None:
        """[R, D] unit embeddings; with multi-crop [R * CROPS, D], so that a crop meets crops. None without any."""
        crops = [self.encoded[self.rows[file]].crops or self.encoded[self.rows[file]].whole for file in files]
        pooled = [each.pooled for each in crops if each.pooled is not None]
        return torch.cat(pooled) if pooled else None


def encode_references(
    encoder: Encoder,
    draw: Draw,
    *,
    with_bank: bool,
    every_token: bool,
    multi_crop: bool,
    done: Callable[[], None] = lambda: None,
) -> ReferenceFeatures:
    """Encode each picture of a draw once.

    every_token: keep all patch tokens in the bank (equation 4); else as many as `calibrate` keeps
    done:        called after each picture
    """
    files = list(dict.fromkeys(file for chosen in draw.values() for file in chosen))
    encoded = []
    for file in files:
        encoded.append(encode(encoder, [read_picture(file)], multi_crop=multi_crop))
        done()
    bank: Mapping[str, Tensor] = {}
    if encoded and with_bank:
        keep = encoder.input_size**2 if every_token else tokens_to_keep(encoder.input_size)
        bank = memory_bank([each.whole for each in encoded], keep=keep)
    return ReferenceFeatures({file: row for row, file in enumerate(files)}, encoded, bank)


def column_heads(
    encoder: Encoder,
    setting: Setting,
    files: Sequence[Path],
    references: ReferenceFeatures,
    ingredients: Ingredients,
    trained: Trained,
    *,
    calibrate: bool,
) -> Heads:
    """The heads of one column.

    calibrate: divide the map's maximum by what it reaches on the references among themselves, as `calibrate` does
    """
    parts = with_net(ingredients, trained, setting.seed)
    needed = parts.recipe.heads
    chosen = [references.rows[file] for file in files]
    looks = ReferenceLooks([references.encoded[row].whole for row in chosen])
    if "neighbourhood" in needed:
        looks = ReferenceLooks(looks.whole, *look_closer(encoder, [read_picture(file) for file in files]))
    embeddings = references.embeddings_of(files) if "references" in needed else None
    heads = parts.heads(
        bank=references.bank_of(files) if "few-shot" in needed else None,
        neighbours=neighbour_bank(looks) if "neighbourhood" in needed else None,
        references=embeddings,
    )
    if not (calibrate and files and parts.recipe.scores and parts.recipe.peak):
        return heads
    rows = None if embeddings is None else embeddings.view(len(files), -1, embeddings.shape[-1])[:, 0]
    left_out = leave_one_out(looks, replace(heads, references=rows), side=encoder.input_size)
    return replace(heads, peak_scale=left_out.peak_scale)
