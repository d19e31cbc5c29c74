"""What is said to a text tower: prompt ensembles and pairs of prompts, and the class vectors that come of them."""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import torch
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor
from torch.nn import functional

from edge.errors import EdgeError
from edge.vision.features import TextTower
from edge.vision.net_card import PromptPlan

DEFAULT_FILE = Path(__file__).with_name("data") / "prompts.toml"
PLACE = "{}"


def _one_place(phrase: str) -> str:
    if phrase.count(PLACE) != 1:
        raise ValueError(f"{phrase!r} must hold {PLACE} once")
    return phrase


Phrases = Annotated[tuple[Annotated[str, AfterValidator(_one_place)], ...], Field(min_length=1)]
"""At least one text, each with one `{}`."""


class PromptEnsemble(BaseModel):
    """States and templates of APRIL-GAN (section 2.1): each state of an object is said in each template.

    normal, abnormal: states, `{}` standing for the object's name, such as `flawless {}`
    templates:        sentences, `{}` standing for a state, such as `a photo of a {}.`
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    normal: Phrases
    abnormal: Phrases
    templates: Phrases

    @classmethod
    def read(cls, path: Path | None = None) -> "PromptEnsemble":
        """The ensemble in a TOML file; None: the one that is shipped, of 7 + 5 states and 35 templates.

        Raises EdgeError naming the file and what is wrong in it.
        """
        path = path or DEFAULT_FILE
        try:
            return cls.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError) as error:
            raise EdgeError(
                f"prompts {path}: cannot be read ({error}). Start from a copy of {DEFAULT_FILE}."
            ) from error
        except tomllib.TOMLDecodeError as error:
            raise EdgeError(f"prompts {path}: no TOML ({error}). Start from a copy of {DEFAULT_FILE}.") from error
        except ValidationError as error:
            raise EdgeError(f"prompts {path}: {_first_fault(error)}. Start from a copy of {DEFAULT_FILE}.") from error

    def sentences(self, object_name: str) -> tuple[list[str], list[str]]:
        """Normal and abnormal sentences about an object; underscores in its name are read as spaces."""
        spoken = spoken_name(object_name)
        return self._said(self.normal, spoken), self._said(self.abnormal, spoken)

    def _said(self, states: Sequence[str], spoken: str) -> list[str]:
        return [t.replace(PLACE, s.replace(PLACE, spoken)) for s in states for t in self.templates]


def spoken_name(object_name: str) -> str:
    """`metal_nut` -> `metal nut`. Raises EdgeError for a name that is empty or holds braces."""
    spoken = " ".join(object_name.replace("_", " ").split())
    if not spoken or "{" in spoken or "}" in spoken:
        raise EdgeError(
            f"object name {object_name!r}: it needs a letter and must not hold braces. Say what is inspected."
        )
    return spoken


@torch.inference_mode()
def class_embeddings(tower: TextTower, ensemble: PromptEnsemble, object_name: str) -> Tensor:
    """F_t of equations 1 and 3: the mean embedding of the normal and of the abnormal sentences.

    -> [2, D] float32 of unit length, rows normal and abnormal, on the tower's device. Each sentence's embedding has
    unit length before the mean is taken, and the mean is brought to unit length again.
    """
    normal, abnormal = ensemble.sentences(object_name)
    embedded = functional.normalize(tower.embed([*normal, *abnormal]).float(), dim=-1)
    means = torch.stack([embedded[: len(normal)].mean(dim=0), embedded[len(normal) :].mean(dim=0)])
    return functional.normalize(means, dim=-1)


@torch.inference_mode()
def pair_embeddings(
    tower: TextTower, *, normal: str = "a", abnormal: str = "a damaged", object_name: str = "object"
) -> Tensor:
    """The second paper's guides (section 3.1): `a photo of [n] object` and `a photo of [a] object`.

    normal, abnormal: the words at [n] and [a]
    object_name:      what is inspected; `object` is the unknown-object setup
    -> [2, D] float32 of unit length, rows normal and abnormal, on the tower's device.
    """
    spoken = spoken_name(object_name)
    return functional.normalize(tower.embed([f"a photo of {words} {spoken}" for words in (normal, abnormal)]), dim=-1)


def guides(tower: TextTower, words: PromptPlan | None, *, object_name: str) -> Tensor:
    """`pair_embeddings` with the words that a random-word network was trained with, so that both ask the same.

    words: of the network; None without one: the default pair
    """
    if words is None:
        return pair_embeddings(tower, object_name=object_name)
    return pair_embeddings(tower, normal=words.normal, abnormal=words.anomaly, object_name=object_name)


def _first_fault(error: ValidationError) -> str:
    """The first of pydantic's findings in plain words."""
    fault = error.errors()[0]
    where = ".".join(map(str, fault["loc"]))
    said = {
        "missing": "is missing",
        "extra_forbidden": f"is not known; there is: {', '.join(PromptEnsemble.model_fields)}",
        "too_short": "is empty; it needs at least one phrase",
    }
    return f"{where} {said.get(fault['type'], fault['msg'].removeprefix('Value error, '))}"
