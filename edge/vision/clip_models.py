"""What open_clip knows: its architectures, the published weights (tags) of each, and what those weights need."""

import difflib
import re
from dataclasses import dataclass
from typing import Any, Literal

import open_clip
import torch
from torch import nn

from edge.errors import EdgeError

Activation = Literal["gelu", "quick_gelu"]
Triple = tuple[float, float, float]

HUB_FILES = "open_clip_model.safetensors or open_clip_pytorch_model.bin"
"""What repositories on the hub call their weights; open_clip looks for the first, then for the second."""

DEFAULT_MODELS = {
    "ViT-L-14-336:openai": "APRIL-GAN's encoder, at 518 px",
    "ViT-B-16-plus-240:laion400m_e31": "the random-word head's encoder, at 240 px",
}
"""The encoders of both papers, and for what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What weights must be run with, or they give noise.

    activation: of every transformer block that open_clip itself builds
    mean, std:  per channel, of pictures in 0..1
    """

    activation: Activation
    mean: Triple = open_clip.OPENAI_DATASET_MEAN
    std: Triple = open_clip.OPENAI_DATASET_STD


@dataclass(frozen=True, slots=True)
class Published:
    """Weights that someone published, as open_clip lists them; an empty string where it names no such place.

    hub: repository on huggingface.co, with the file's name after the last slash if it is not open_clip's usual one
    url: of the file
    """

    needs: Needs
    hub: str
    url: str

    @property
    def sha256(self) -> str | None:
        """Of the file at `url`, where OpenAI's address tells it."""
        part = self.url.split("/")[-2] if "openaipublic" in self.url else ""
        return part if re.fullmatch("[0-9a-f]{64}", part) else None

    @property
    def file(self) -> str:
        """Name of the file to get, in words."""
        return (self.hub or self.url).rpartition("/")[2] or HUB_FILES

    @property
    def places(self) -> str:
        """Where to get it, in words."""
        found = [f"https://huggingface.co/{self.hub.rstrip('/')}"] if self.hub else []
        return " or ".join(found + ([self.url] if self.url else []))


def split_name(encoder: str) -> tuple[str, str]:
    """`NAME:TAG` or `NAME:/path/file` -> both parts. Raises EdgeError for another form or an unknown architecture."""
    name, colon, tag = encoder.partition(":")
    if not (colon and tag):
        raise EdgeError(f"encoder {encoder!r} is not NAME:TAG. Tags of a NAME: edge models list NAME.")
    check_architecture(name)
    return name, tag


def check_architecture(name: str) -> None:
    """Raises EdgeError, with names that look like it, if open_clip has no such architecture."""
    known = open_clip.list_models()
    if name not in known:
        near = ", ".join(difflib.get_close_matches(name, known, n=3)) or "ViT-L-14-336, ViT-B-16-plus-240, RN50"
        raise EdgeError(f"open_clip has no model {name!r}. There is, for example: {near}.")


def clean_tag(tag: str) -> str:
    """A tag as open_clip compares them. Raises EdgeError if it can be no file name."""
    cleaned = tag.lower().replace("-", "_")
    if not re.fullmatch(r"[a-z0-9_][a-z0-9_.]{0,99}", cleaned):
        raise EdgeError(f"tag {tag!r}: use letters, digits, _ and . only, 100 at most.")
    return cleaned


def published(name: str, tag: str) -> Published | None:
    """The published weights under this tag, None if open_clip lists none."""
    config = open_clip.get_pretrained_cfg(name, tag)
    if not config:
        return None
    activation: Activation = "quick_gelu" if config.get("quick_gelu", False) else "gelu"
    needs = Needs(activation=activation, mean=tuple(config["mean"]), std=tuple(config["std"]))
    return Published(needs, _hub(name, clean_tag(tag), config), config.get("url", ""))


def _hub(name: str, tag: str, config: dict[str, str]) -> str:
    """The tag's own repository; "" where open_clip lists another tag's (3.3 does for ViT-B-16-plus-240, e31 as e32)."""
    hub = config.get("hf_hub", "")
    others = [other for other in open_clip.list_pretrained_tags_by_model(name) if other != tag]
    shared = any(open_clip.get_pretrained_cfg(name, other).get("hf_hub") == hub for other in others)
    return "" if shared and config.get("url") and tag not in hub else hub


def always_quick(name: str) -> bool:
    """Whether the architecture is built with QuickGELU whatever the weights; it can be asked for, not taken away."""
    return bool(open_clip.get_model_config(name).get("quick_gelu", False))


def has_text_tower(name: str) -> bool:
    """Whether texts can be embedded offline: open_clip carries CLIP's own tokenizer and no other."""
    text = open_clip.get_model_config(name)["text_cfg"]
    return not text.get("hf_tokenizer_name") and "siglip" not in name.lower()


def published_size(name: str) -> int:
    """Pixels a side of the pictures that the architecture was published for."""
    return int(open_clip.get_model_config(name)["vision_cfg"]["image_size"])


def skeleton(name: str) -> Any:
    """The architecture without memory for its weights, on torch's meta device: for names, shapes and sizes.

    Raises EdgeError for an architecture whose text tower is not open_clip's own.
    """
    config = open_clip.get_model_config(name)
    if needed := config["text_cfg"].get("hf_model_name"):
        raise EdgeError(
            f"model {name}: its text tower is {needed}, which needs another library and a download at each start. "
            "Choose a model whose text tower is open_clip's own, ViT-L-14-336 for example."
        )
    custom = config.pop("custom_text", False)
    family = open_clip.CoCa if "multimodal_cfg" in config else open_clip.CustomTextCLIP if custom else open_clip.CLIP
    with torch.device("meta"):
        return family(**config)


def size_bytes(model: nn.Module) -> int:
    """Bytes of its weights as float32."""
    return sum(4 * tensor.numel() for tensor in model.state_dict().values())
