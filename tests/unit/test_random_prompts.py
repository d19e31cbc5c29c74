"""The random-word prompts: their shape, their order, their lengths, and that no text tower cuts one short."""

import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from open_clip.tokenizer import SimpleTokenizer

from calibration.random_words.prompts import (
    ANOMALY_WORDS,
    CONTEXT,
    NORMAL_WORDS,
    OBJECTS,
    TABLE_3,
    check_plan,
    context_of,
    most_tokens,
    plain_sentences,
    random_pairs,
)
from edge.errors import EdgeError
from edge.vision.net_card import PromptPlan

WORD = "([a-z0-9]+)"
TOKENIZER = SimpleTokenizer()
PLANS = st.builds(
    lambda shortest, more, pairs, seed, words: PromptPlan(
        min_length=shortest, max_length=shortest + more, pairs=pairs, seed=seed, normal=words[0], anomaly=words[1]
    ),
    st.integers(1, 6),
    st.integers(0, 4),
    st.integers(1, 20),
    st.integers(0, 2**40),
    st.sampled_from([("a", "a damaged"), *TABLE_3.values()]),
)


def random_words_in(prompt: str, state: str) -> list[str]:
    """The five random words of a prompt, which must be the template of section 3.2 otherwise."""
    found = re.fullmatch(f"{WORD} a {WORD} photo {WORD} of {WORD} {re.escape(state)} {WORD}", prompt)
    assert found, prompt
    return list(found.groups())


@settings(deadline=None)
@given(plan=PLANS)
def test_a_pair_is_the_two_templates_with_words_of_the_lengths_asked_for(plan: PromptPlan) -> None:
    pairs = list(random_pairs(plan))
    assert len(pairs) == plan.pairs
    for normal, anomalous in pairs:
        words = random_words_in(normal, plan.normal) + random_words_in(anomalous, plan.anomaly)
        assert all(plan.min_length <= len(word) <= plan.max_length for word in words)


@settings(deadline=None)
@given(plan=PLANS, more=st.integers(0, 20))
def test_the_same_seed_gives_the_same_pairs_and_fewer_are_the_first_of_more(plan: PromptPlan, more: int) -> None:
    longer = plan.model_copy(update={"pairs": plan.pairs + more})
    assert list(random_pairs(longer))[: plan.pairs] == list(random_pairs(plan))


def test_another_seed_gives_other_words() -> None:
    first, second = (set(random_pairs(PromptPlan(pairs=50, seed=seed))) for seed in (0, 1))
    assert not first & second


def test_every_word_is_drawn_for_itself() -> None:
    plan = PromptPlan(pairs=200)
    words = [
        word
        for normal, anomalous in random_pairs(plan)
        for word in random_words_in(normal, "a") + random_words_in(anomalous, "a damaged")
    ]
    assert len(set(words)) == len(words) == 2000


def test_lengths_and_letters_are_equally_likely() -> None:
    prompts = [normal for normal, _ in random_pairs(PromptPlan(pairs=1200))]
    words = [word for prompt in prompts for word in random_words_in(prompt, "a")]
    lengths = Counter(map(len, words))
    letters = Counter("".join(words))
    assert sorted(lengths) == [5, 6, 7, 8, 9, 10]
    assert all(abs(count / 1000 - 1) < 0.15 for count in lengths.values())  # 5 standard deviations
    assert len(letters) == 36
    assert all(abs(count * 36 / letters.total() - 1) < 0.15 for count in letters.values())


def test_the_default_is_the_papers() -> None:
    plan = PromptPlan()
    assert (plan.normal, plan.anomaly, plan.pairs, plan.min_length, plan.max_length) == ("a", "a damaged", 10000, 5, 10)


def test_the_words_of_seed_0_never_change() -> None:
    """Else a network could not be made again from its card."""
    assert next(random_pairs(PromptPlan(pairs=1))) == (
        "1pjso2kr a 6hffd29tz photo 6l06yqdpv of 8r5j2t a d4z2w",
        "r5il5gui8 a qcls7dtzt photo h2tkd2lig of b9jcye a damaged 7467to",
    )


def test_table_3_has_its_sixteen_pairs() -> None:
    assert set(TABLE_3.values()) == {(n, a) for n in NORMAL_WORDS for a in ANOMALY_WORDS}
    assert len(TABLE_3) == 16
    assert TABLE_3["good-defective"] == ("a good", "a defective")


@settings(deadline=None)
@given(plan=PLANS)
def test_no_prompt_has_more_tokens_than_the_bound_that_is_checked(plan: PromptPlan) -> None:
    for prompt in (prompt for pair in random_pairs(plan) for prompt in pair):
        assert len(TOKENIZER.encode(prompt)) + 2 <= most_tokens(plan) <= CONTEXT


@given(word=st.text(st.characters(codec="utf-8"), min_size=1, max_size=12).filter(lambda text: text.split()))
def test_the_bound_holds_for_any_word_that_a_person_gives(word: str) -> None:
    plan = PromptPlan(pairs=1, anomaly=f"a {word}", max_length=5)
    for prompt in next(random_pairs(plan)):
        assert len(TOKENIZER.encode(prompt)) + 2 <= most_tokens(plan)


def test_words_that_would_push_the_state_off_the_end_are_refused() -> None:
    with pytest.raises(EdgeError, match=r"83 tokens.*reads 77.*'a damaged'"):
        check_plan(PromptPlan(max_length=13))
    with pytest.raises(EdgeError, match="reads 32"):
        next(random_pairs(PromptPlan(), context=context_of("PE-Core-B-16:meta")))


def test_the_context_is_the_architectures_own() -> None:
    assert context_of("ViT-B-16-plus-240:laion400m_e31") == 77
    assert context_of("coca_ViT-B-32:any") == 76
    assert context_of("no-such-model:any") == CONTEXT


@pytest.mark.parametrize(
    "change",
    [{"pairs": 0}, {"min_length": 0}, {"min_length": 11}, {"normal": " "}, {"anomaly": ""}, {"normal": "a  damaged"}],
)
def test_a_plan_that_cannot_be_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(EdgeError, match="Give"):
        next(random_pairs(PromptPlan(**change)))  # type: ignore[arg-type]


def test_no_template_names_an_object_and_every_plain_sentence_does() -> None:
    prompts = " ".join(prompt for pair in random_pairs(PromptPlan(pairs=100)) for prompt in pair)
    assert not any(f" {name} " in prompts for name in (*OBJECTS, "object"))
    normal, anomalous = plain_sentences()
    assert len(normal) == len(anomalous) == 4 * len(OBJECTS)
    assert all(any(sentence.endswith(f" {name}") for name in OBJECTS) for sentence in normal + anomalous)
    assert not set(normal) & set(anomalous)
