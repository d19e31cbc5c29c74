"""What a random-word network is examined on: prompts it has not seen, plain sentences and, if there are any, parts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from calibration.evaluation.metrics import image_metrics
from edge.errors import EdgeError
from edge.line.picture import read_picture
from edge.vision.crops import crops_of, mean_over_crops
from edge.vision.features import Encoder
from edge.vision.net_card import PromptPlan
from edge.vision.prompts import pair_embeddings
from edge.vision.random_words import RandomWordNet, random_word_score
from edge.vision.zero_shot import text_score

if TYPE_CHECKING:
    from calibration.datasets import Category

HELD_OUT_SEED = 1_000_000
"""Added to a plan's seed for prompts that no training sees."""

TwoTexts = tuple[Tensor, Tensor]
"""Embeddings of normal and of anomalous sentences, [n, D] each, of unit length, on the CPU."""

Marks = dict[str, float]
"""By name: held_out_bce, held_out_accuracy, plain_auroc; with pictures also image_auroc and image_auroc_with_clip."""


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """The test pictures of one category, embedded once for all networks.

    labels: [N], True for a defect
    pooled: [N, D], or [N * CROPS, D] with multi-crop, of unit length, on the CPU
    clip:   [N] score of the pair of prompts, mean over the crops
    """

    category: str
    labels: tuple[bool, ...]
    pooled: Tensor
    clip: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Exam:
    """held_out: prompts like those of training, with other random words;  plain: sentences of `plain_sentences`."""

    held_out: TwoTexts
    plain: TwoTexts
    pictures: Sequence[Pictures] = ()


def held_out(plan: PromptPlan, pairs: int) -> PromptPlan:
    """The plan of so many pairs of prompts to examine what was trained on `plan`."""
    return plan.model_copy(update={"seed": plan.seed + HELD_OUT_SEED, "pairs": pairs})


def marks_of(net: RandomWordNet, exam: Exam) -> Marks:
    """How a network does; image marks are means over the categories, as in the paper's tables."""
    logits, labels = _logits(net, exam.held_out)
    plain, states = _logits(net, exam.plain)
    marks = {
        "held_out_bce": float(functional.binary_cross_entropy_with_logits(logits, labels)),
        "held_out_accuracy": float(((logits > 0) == (labels > 0)).float().mean()),
        "plain_auroc": _auroc(states, plain, "plain sentences"),
    }
    if exam.pictures:
        ours = [(each, _picture_scores(net, each)) for each in exam.pictures]
        alone = [_auroc(each.labels, scores, each.category) for each, scores in ours]
        both = [_auroc(each.labels, scores + each.clip, each.category) for each, scores in ours]
        marks |= {"image_auroc": sum(alone) / len(alone), "image_auroc_with_clip": sum(both) / len(both)}
    return marks


def embed_pictures(
    encoder: Encoder,
    category: "Category",
    plan: PromptPlan,
    *,
    crops: bool,
    known_object: bool,
    advance: Callable[[int], None] = lambda _: None,
) -> Pictures:
    """Embed a category's test pictures, one at a time, and score them with CLIP's pair of prompts.

    crops:        embed each picture's CROPS crops instead of the picture alone
    known_object: CLIP's prompts name the category; the network, and so `pooled`, knows nothing of it
    Raises EdgeError for an encoder without text tower.
    """
    if encoder.text is None:
        raise EdgeError(f"encoder {encoder.name} has no text tower. Use a CLIP encoder.")
    pooled = []
    for sample in category.test:
        pixels = read_picture(sample.file)
        one = encoder.encode(encoder.prepare(crops_of([pixels]) if crops else [pixels])).pooled
        if one is None:
            raise EdgeError(f"encoder {encoder.name} gives no embedding of a picture. Use a CLIP encoder.")
        pooled.append(one.float().cpu().clone())
        advance(1)
    together = torch.cat(pooled)
    name = category.name if known_object else "object"
    pair = pair_embeddings(encoder.text, normal=plan.normal, abnormal=plan.anomaly, object_name=name).cpu()
    clip = text_score(together, pair)
    labels = tuple(sample.defect for sample in category.test)
    return Pictures(category.name, labels, together, mean_over_crops(clip) if crops else clip)


def _picture_scores(net: RandomWordNet, pictures: Pictures) -> Tensor:
    scores = random_word_score(pictures.pooled, net)
    return scores if len(scores) == len(pictures.labels) else mean_over_crops(scores)


@torch.inference_mode()
def _logits(net: RandomWordNet, texts: TwoTexts) -> tuple[Tensor, Tensor]:
    """Logits of all texts, and their labels: 0 for normal, 1 for anomalous."""
    normal, anomalous = texts
    return net(torch.cat(texts)), torch.cat([torch.zeros(len(normal)), torch.ones(len(anomalous))])


def _auroc(labels: Tensor | Sequence[bool], scores: Tensor, what: str) -> float:
    auroc = image_metrics([bool(label) for label in labels], scores.double().numpy()).auroc
    if auroc is None:
        raise EdgeError(f"{what}: AUROC needs good parts and defects. Leave this category out.")
    return auroc
