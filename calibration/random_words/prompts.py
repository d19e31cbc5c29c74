"""Prompts of the second paper: pairs of sentences about nothing, one normal and one anomalous, full of random words."""

import random
import string
from collections.abc import Iterator

import open_clip

from edge.errors import EdgeError
from edge.vision.net_card import PromptPlan

ALPHABET = string.ascii_lowercase + string.digits
"""Letters and digits of a random word; CLIP's tokenizer lowers capitals, so there are none."""

CONTEXT = 77
"""Tokens that CLIP reads of a sentence, its start and end included; what is beyond is cut off without a word."""

NORMAL_WORDS = ("an", "a normal", "a good", "a flawless")
ANOMALY_WORDS = ("a damaged", "a broken", "a defective", "an anomalous")

TABLE_3 = {f"{n.split()[-1]}-{a.split()[-1]}": (n, a) for n in NORMAL_WORDS for a in ANOMALY_WORDS}
"""The word pairs of Table 3 by name, such as `good-broken`. Its `an` is the default `a` of section 4.2 made to fit
"object": the cell `an`, `a damaged` repeats the figures of Table 1."""

OBJECTS = (
    *("bottle", "cable", "capsule", "carpet", "grid", "hazelnut", "leather", "metal nut", "pill", "screw", "tile"),
    *("toothbrush", "transistor", "wood", "zipper"),
    *("candle", "cashew", "chewing gum", "fryum", "macaroni", "circuit board", "pipe fryum"),
)
"""What MVTec AD and VisA show: objects of plain sentences, which no network is trained on."""


def random_pairs(plan: PromptPlan, *, context: int = CONTEXT) -> Iterator[tuple[str, str]]:
    """The normal and anomalous prompts of section 3.2, `plan.pairs` of them, in an order that the seed fixes.

    "[] a [] photo [] of [] [n] []" and "[] a [] photo [] of [] [a] []": each [] is a word of its own, of letters and
    digits, its length equally likely from min_length to max_length. Fewer pairs are the first of more.
    context: tokens that the text tower reads
    Raises EdgeError as `check_plan`.
    """
    check_plan(plan, context=context)
    rng = random.Random(plan.seed)
    lengths = range(plan.min_length, plan.max_length + 1)

    def word() -> str:
        return "".join(rng.choices(ALPHABET, k=rng.choice(lengths)))

    for _ in range(plan.pairs):
        yield (
            f"{word()} a {word()} photo {word()} of {word()} {plan.normal} {word()}",
            f"{word()} a {word()} photo {word()} of {word()} {plan.anomaly} {word()}",
        )


def check_plan(plan: PromptPlan, *, context: int = CONTEXT) -> None:
    """Raises EdgeError for a plan without pairs or words, or whose prompts may be longer than the tower reads.

    The words of normal and anomaly stand at the end, where a cut would take them away. `most_tokens` must not pass
    `context`; with the default lengths it is 68, with any of Table 3 at most 71 (of 20,000 default prompts the longest
    has 48 tokens, the mean is 34).
    """
    if plan.pairs < 1 or not 1 <= plan.min_length <= plan.max_length:
        raise EdgeError(
            f"random words: {plan.pairs} pairs of words of {plan.min_length} to {plan.max_length} letters. "
            "Give at least one pair, and lengths from 1 on, the shorter first."
        )
    if not plan.normal.strip() or not plan.anomaly.strip() or plan.normal.split() == plan.anomaly.split():
        raise EdgeError(
            f"random words: {plan.normal!r} for normal and {plan.anomaly!r} for anomaly. Give two different texts."
        )
    if (most := most_tokens(plan)) > context:
        raise EdgeError(
            f"random words: with words of up to {plan.max_length} letters a prompt may have {most} tokens, but "
            f"this text tower reads {context} and cuts the end off, where {plan.anomaly!r} stands. Give a smaller "
            "--max-length."
        )


def context_of(encoder: str) -> int:
    """Tokens that the text tower of an open_clip encoder NAME:TAG reads; CONTEXT where open_clip does not say."""
    config = open_clip.get_model_config(encoder.partition(":")[0]) or {}
    return int(config.get("text_cfg", {}).get("context_length", CONTEXT))


def most_tokens(plan: PromptPlan) -> int:
    """An upper bound for the tokens of a prompt, start and end included, that needs no tokenizer.

    A byte-level tokenizer such as CLIP's makes at most one token of each byte that is no space.
    """
    state = max(len("".join(words.split()).encode()) for words in (plan.normal, plan.anomaly))
    return 2 + 5 * plan.max_length + len("aphotoof") + state


def plain_sentences() -> tuple[list[str], list[str]]:
    """Natural sentences, normal and anomalous: `a photo of a normal bottle`, `a photo of a broken bottle`, ...

    Each object in each of Table 3's states, whatever words a network is trained on.
    """
    normal = [f"a photo of {words} {name}" for words in ("a", *NORMAL_WORDS[1:]) for name in OBJECTS]
    return normal, [f"a photo of {words} {name}" for words in ANOMALY_WORDS for name in OBJECTS]
