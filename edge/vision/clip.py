"""open_clip models as encoders: one forward pass gives the four stages and the embedding."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import open_clip
import torch
from open_clip.modified_resnet import ModifiedResNet
from open_clip.transformer import QuickGELU
from timm.layers.pos_embed import resample_abs_pos_embed
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from edge.errors import EdgeError
from edge.frame import Pixels
from edge.vision.clip_models import has_text_tower, published_size, skeleton
from edge.vision.clip_stages import layout_of
from edge.vision.features import Features
from edge.vision.squash import squash
from edge.vision.store import Record, check, needs_of, weights_file

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
PAPER_SIZES = {"ViT-L-14-336": 518, "ViT-L-14-336-quickgelu": 518}
SENTENCES_AT_ONCE = 64


class ClipEncoder:
    """An open_clip model from the store; implements edge.vision.features.Encoder.

    Stages: see clip_stages.layout_of; tokens before the final norm, without class token, in the given precision.
    Pictures v in 0..255 enter as (v / 255 - mean) / std, with the published mean and standard deviation.
    input_size: pixels a side; None: see default_input_size
    tower:      open_clip's image tower, an nn.Module
    Raises EdgeError for an impossible size, weights that are not as they were stored, or not their activation.
    """

    def __init__(
        self, name: str, models: Path, record: Record, *, input_size: int | None, device: torch.device, precision: str
    ) -> None:
        needs_of(record.name, record.tag, record.activation)
        layout = layout_of(skeleton(record.name).visual)
        self.name = name
        self.input_size = input_size or default_input_size(record.name)
        layout.check_size(name, self.input_size)
        check(models, record)
        self.weights_sha256 = record.sha256
        self.device = device
        self.precision = precision
        self.stages = layout.stages
        self._layout = layout
        self._dtype = PRECISIONS[precision]
        model = _network(models, record, size=self.input_size, device=device, precision=precision)
        self.text = ClipText(model, record.name, device) if has_text_tower(record.name) else None
        self.tower = model.visual
        self._mean = torch.tensor(record.mean, device=device).view(1, 3, 1, 1)
        self._deviation = torch.tensor(record.std, device=device).view(1, 3, 1, 1)

    def prepare(self, pictures: Sequence[Pixels]) -> Tensor:
        """See Encoder.prepare; float32."""
        squashed = torch.cat([squash(pixels, self.input_size) for pixels in pictures])
        batch = squashed.to(self.device).float().contiguous()
        return batch.mul_(1 / 255).sub_(self._mean).div_(self._deviation)

    @torch.inference_mode()
    def encode(self, batch: Tensor) -> Features:
        """See Encoder.encode."""
        given = self.tower.forward_intermediates(
            batch.to(self._dtype),
            indices=list(self._layout.indices),
            output_fmt="NLC" if self._layout.tokens else "NCHW",
        )
        levels: list[Tensor] = given["image_intermediates"]
        if not self._layout.tokens:
            levels = [level.flatten(2).transpose(1, 2) for level in levels]
        names = [stage.name for stage in self.stages]
        return Features(
            pooled=functional.normalize(given["image_features"].float(), dim=-1),
            stages=dict(zip(names, levels, strict=True)),
            grids={stage.name: (self.input_size // stage.stride,) * 2 for stage in self.stages},
        )

    def closer(self) -> "ClipEncoder":
        """See Encoder.closer: itself."""
        return self


def default_input_size(name: str) -> int:
    """Pixels a side where none are given: APRIL-GAN's for its model, else what the model was published for."""
    return PAPER_SIZES.get(name) or layout_of(skeleton(name).visual).round_down(published_size(name))


class ClipText:
    """The text tower of an open_clip model; implements edge.vision.features.TextTower."""

    def __init__(self, model: Any, name: str, device: torch.device) -> None:
        self._model = model
        self._tokenize = open_clip.get_tokenizer(name)
        self._device = device

    @torch.inference_mode()
    def embed(self, sentences: Sequence[str]) -> Tensor:
        """See TextTower.embed; what is beyond the model's context (77 tokens, mostly) is cut off.

        Works through any number of sentences with bounded memory.
        """
        parts = [sentences[i : i + SENTENCES_AT_ONCE] for i in range(0, len(sentences), SENTENCES_AT_ONCE)]
        vectors = [self._encode(self._tokenize(list(part)).to(self._device)).float() for part in parts]
        return functional.normalize(torch.cat(vectors), dim=-1)

    def _encode(self, tokens: Tensor) -> Tensor:
        """[n, context] -> [n, D], without the padding where nothing can depend on it.

        Sentences are short beside CLIP's 77 tokens; in a causal tower that reads its result at the end token (the
        largest number), what follows that token changes nothing but the time.
        """
        model = self._model
        if type(model) is not open_clip.CLIP or model.text_pool_type != "argmax" or model.attn_mask is None:
            vectors: Tensor = model.encode_text(tokens)
            return vectors
        length = int(tokens.argmax(dim=-1).max()) + 1
        shorter = {
            "positional_embedding": model.positional_embedding[:length],
            "attn_mask": model.attn_mask[:length, :length],
        }
        result: tuple[Tensor, ...] = functional_call(model, shorter, (None, tokens[:, :length]))
        return result[1]


def _network(models: Path, record: Record, *, size: int, device: torch.device, precision: str) -> Any:
    """The whole model with its weights, for size x size pixels, frozen, in evaluation mode."""
    resnet = isinstance(skeleton(record.name).visual, ModifiedResNet)
    model = open_clip.create_model(
        record.name,
        pretrained=str(weights_file(models, record)),
        precision=precision,
        device=device,
        force_quick_gelu=record.activation == "quick_gelu",
        force_image_size=None if resnet else size,
    )
    if resnet:  # open_clip resizes the position embedding of its transformers only
        _resize_attention_pool(model.visual.attnpool, size // 32)
    if any(isinstance(part, QuickGELU) for part in model.modules()) != (record.activation == "quick_gelu"):
        raise EdgeError(
            f"encoder {record.encoder}: its weights need {record.activation}, but open_clip builds {record.name} "
            f"with the other. Add them under an architecture that has it: edge models add NAME:{record.tag} FILE."
        )
    return model.eval().requires_grad_(requires_grad=False)


def _resize_attention_pool(pool: Any, side: int) -> None:
    """Give a ModifiedResNet's attention pool a position embedding for side x side tokens and their mean."""
    old = pool.positional_embedding.data
    new = resample_abs_pos_embed(old[None], [side, side], num_prefix_tokens=1)[0]
    pool.positional_embedding = nn.Parameter(new)
