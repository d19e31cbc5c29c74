"""Prompts of a plan -> embeddings, from the cache as far as they are there, with a bar for the rest."""

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from calibration.progress import bar
from calibration.random_words.exam import Exam, TwoTexts, held_out
from calibration.random_words.prompts import context_of, plain_sentences, random_pairs
from calibration.random_words.text_cache import cache_file, embedded
from edge.vision.features import Encoder
from edge.vision.net_card import PromptPlan


@dataclass(frozen=True, slots=True, eq=False)
class Texts:
    """Where embeddings of sentences come from: a text tower, and the folder `cache` where they are kept."""

    encoder: Encoder
    cache: Path

    def prompts(self, plan: PromptPlan) -> TwoTexts:
        """Embeddings of a plan's normal and anomalous prompts, [pairs, D] each. Raises EdgeError as random_pairs."""
        pairs = list(random_pairs(plan, context=context_of(self.encoder.name)))
        together = self._embedded([prompt for pair in pairs for prompt in pair], f"prompts of seed {plan.seed}")
        return together[0::2].contiguous(), together[1::2].contiguous()

    def sentences(self, normal: list[str], anomalous: list[str]) -> TwoTexts:
        """Embeddings of natural sentences, [n, D] each."""
        together = self._embedded([*normal, *anomalous], "plain sentences")
        return together[: len(normal)], together[len(normal) :]

    def exam(self, plan: PromptPlan, *, pairs: int) -> Exam:
        """What a network trained on `plan` is examined on, without pictures: `pairs` of prompts it has not seen."""
        return Exam(self.prompts(held_out(plan, pairs)), self.sentences(*plain_sentences()))

    def _embedded(self, sentences: list[str], what: str) -> Tensor:
        """Without a bar where there is nothing to do: another may be on the screen."""
        if cache_file(self.encoder, sentences, folder=self.cache).is_file():
            return embedded(self.encoder, sentences, folder=self.cache)
        with bar(what, len(sentences)) as advance:
            return embedded(self.encoder, sentences, folder=self.cache, advance=advance)
