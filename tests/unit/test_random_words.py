"""The random-word network: its equation, its training, its file, and the scores beside it."""

import math
from collections.abc import Sequence
from pathlib import Path

import open_clip
import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st
from open_clip.transformer import TextTransformer
from torch import Tensor
from torch.nn import functional

from calibration.random_words.exam import TwoTexts, held_out
from calibration.random_words.prompts import random_pairs
from calibration.random_words.training import pair_batches, train
from edge.errors import EdgeError
from edge.vision.net_card import NetCard, PromptPlan, Training
from edge.vision.random_words import RandomWordNet, load_net, random_word_score, reference_distance, save_net
from tests.hashed_words import DIM, HashedEncoder, HashedWords, two_clouds

SMALL = Training(widths=(24, 16, 8), batch=16, lr=1e-2)


def card_of(net: RandomWordNet, **changes: object) -> NetCard:
    card = NetCard(
        encoder="hashed:words",
        weights_sha256="0" * 64,
        precision="fp32",
        dim=DIM,
        prompts=PromptPlan(pairs=64),
        training=SMALL,
        seed=0,
        command="calibrate random-words",
    )
    return card.model_copy(update=changes)


def embedded_pairs(tower: "HashedWords | ClipTower", plan: PromptPlan) -> TwoTexts:
    both = tower.embed([prompt for pair in random_pairs(plan) for prompt in pair])
    return both[0::2], both[1::2]


class ClipTower:
    """open_clip's own text tower and tokenizer, small, with seeded weights."""

    def __init__(self, *, seed: int) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self._tower = TextTransformer(width=128, heads=4, layers=2, output_dim=256).eval()
        self._tokenize = open_clip.get_tokenizer("ViT-B-16-plus-240")

    @torch.no_grad()
    def embed(self, sentences: Sequence[str]) -> Tensor:
        parts = [self._tower(self._tokenize(list(sentences[i : i + 64]))) for i in range(0, len(sentences), 64)]
        return functional.normalize(torch.cat(parts), dim=-1)


def accuracy(net: RandomWordNet, texts: TwoTexts) -> float:
    normal, anomalous = (random_word_score(each, net) for each in texts)
    return float(torch.cat([normal < 0.5, anomalous > 0.5]).float().mean())


def test_the_score_is_four_layers_and_a_sigmoid_written_out_in_float64() -> None:
    net = train(*two_clouds(200), SMALL, seed=3)
    weights = {name: tensor.double().tolist() for name, tensor in net.state_dict().items()}
    pictures = functional.normalize(torch.randn(5, DIM, generator=torch.Generator().manual_seed(1)), dim=-1)
    expected = []
    for picture in pictures.double().tolist():
        z = [math.sqrt(DIM) * value for value in picture]
        for layer in range(3):
            linear, norm = f"hidden.{layer}.0", f"hidden.{layer}.1"
            outputs = []
            for unit, row in enumerate(weights[f"{linear}.weight"]):
                u = sum(w * x for w, x in zip(row, z, strict=True)) + weights[f"{linear}.bias"][unit]
                u -= weights[f"{norm}.running_mean"][unit]
                u /= math.sqrt(weights[f"{norm}.running_var"][unit] + 1e-5)
                u = u * weights[f"{norm}.weight"][unit] + weights[f"{norm}.bias"][unit]
                outputs.append(max(u, 0.0))
            z = outputs
        logit = sum(w * x for w, x in zip(weights["last.weight"][0], z, strict=True)) + weights["last.bias"][0]
        expected.append(1 / (1 + math.exp(-logit)))
    score = random_word_score(pictures, net)
    torch.testing.assert_close(score.double(), torch.tensor(expected, dtype=torch.float64), atol=1e-5, rtol=1e-4)
    assert score.std() > 0.01


def test_a_batch_scores_as_its_pictures_one_by_one() -> None:
    net = train(*two_clouds(40), SMALL, seed=0)
    pictures, _ = two_clouds(8, seed=5)
    alone = torch.cat([random_word_score(picture[None], net) for picture in pictures])
    torch.testing.assert_close(random_word_score(pictures, net), alone)


def test_the_reference_distance_is_half_of_one_minus_the_largest_cosine() -> None:
    pictures, references = two_clouds(3)[0].double(), two_clouds(4, seed=2)[1].double()
    expected = [
        min((1 - sum(a * b for a, b in zip(p, r, strict=True))) / 2 for r in references.tolist())
        for p in pictures.tolist()
    ]
    found = reference_distance(pictures.float(), references.float())
    torch.testing.assert_close(found.double(), torch.tensor(expected, dtype=torch.float64), atol=1e-5, rtol=1e-4)


def test_a_reference_is_at_distance_zero_from_itself_and_its_opposite_at_one() -> None:
    references, _ = two_clouds(4)
    assert reference_distance(references, references).max() < 1e-6
    torch.testing.assert_close(reference_distance(-references[:1], references[:1]), torch.ones(1))


@given(pairs=st.integers(1, 400), half=st.integers(1, 70))
def test_batches_hold_every_pair_once_and_only_the_last_is_smaller(pairs: int, half: int) -> None:
    batches = list(pair_batches(pairs, 2 * half))
    assert sorted(int(row) for rows in batches for row in rows) == list(range(pairs))
    assert all(len(rows) == half for rows in batches[:-1])


def test_the_network_tells_unseen_prompts_apart() -> None:
    plan = PromptPlan(pairs=200)
    net = train(*embedded_pairs(HashedWords(), plan), SMALL, seed=0)
    assert accuracy(net, embedded_pairs(HashedWords(), held_out(plan, 100))) > 0.9


def test_the_network_tells_unseen_prompts_apart_by_clips_own_text_tower() -> None:
    """Random weights: it says that the way from words to scores works, nothing of its quality."""
    tower, plan, training = ClipTower(seed=0), PromptPlan(pairs=300), Training(batch=16)
    normal, anomalous = embedded_pairs(tower, plan)
    unseen = embedded_pairs(tower, held_out(plan, 100))
    assert accuracy(train(normal, anomalous, training, seed=0), unseen) > 0.62
    half = len(normal) // 2
    mixed = torch.cat([normal[:half], anomalous[half:]]), torch.cat([anomalous[:half], normal[half:]])
    assert abs(accuracy(train(*mixed, training, seed=0), unseen) - 0.5) < 0.1


def test_the_paper_s_words_are_learned_whichever_they_are() -> None:
    plan = PromptPlan(pairs=200, normal="a fine", anomaly="a rotten")
    net = train(*embedded_pairs(HashedWords(), plan), SMALL, seed=0)
    normal, anomalous = HashedWords().embed(["a photo of a fine pear", "a photo of a rotten pear"])[:, None]
    assert random_word_score(normal, net) < random_word_score(anomalous, net)


def test_the_same_seed_gives_the_same_file_whatever_came_before(tmp_path: Path) -> None:
    texts = two_clouds(150)
    for name, seed, noise in (("first", 1, 0), ("again", 1, 99), ("other", 2, 0)):
        torch.manual_seed(noise)
        net = train(*texts, SMALL, seed=seed)
        save_net(tmp_path / name, net, card_of(net, seed=1))
    assert (tmp_path / "first").read_bytes() == (tmp_path / "again").read_bytes()
    assert (tmp_path / "first").read_bytes() != (tmp_path / "other").read_bytes()


def test_the_number_of_threads_and_the_callers_generator_stay_as_they_were() -> None:
    threads, state = torch.get_num_threads(), torch.random.get_rng_state()
    train(*two_clouds(10), SMALL, seed=0)
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.random.get_rng_state(), state)


def test_the_learning_rate_is_lowered_after_each_epoch() -> None:
    texts = two_clouds(64)
    once = train(*texts, SMALL.model_copy(update={"epochs": 1}), seed=0)
    still = train(*texts, SMALL.model_copy(update={"lr_decay": 1e-9}), seed=0)
    again = train(*texts, SMALL.model_copy(update={"lr_decay": 1.0}), seed=0)
    torch.testing.assert_close(still.last.weight, once.last.weight, atol=1e-6, rtol=0)
    assert (again.last.weight - once.last.weight).abs().max() > 1e-3


@pytest.mark.parametrize(
    "change",
    [
        {"batch": 7},
        {"batch": 0},
        {"lr": 0.0},
        {"dropout": 1.0},
        {"epochs": 0},
        {"widths": (4, 0, 4)},
        {"lr_decay": 2.0},
    ],
)
def test_hyperparameters_that_cannot_be_are_named(change: dict[str, object]) -> None:
    with pytest.raises(EdgeError, match=next(iter(change))):
        train(*two_clouds(4), SMALL.model_copy(update=change), seed=0)


def test_a_loaded_network_scores_as_the_saved_one_and_cannot_learn(tmp_path: Path) -> None:
    net = train(*two_clouds(64), SMALL, seed=0)
    save_net(tmp_path / "net.safetensors", net, card_of(net))
    loaded, card = load_net(tmp_path / "net.safetensors", device="cpu")
    pictures, _ = two_clouds(6, seed=3)
    assert torch.equal(random_word_score(pictures, loaded), random_word_score(pictures, net))
    assert card == card_of(net)
    assert card.hyperparameters == "unvalidated"
    assert not loaded.training
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    assert [file.name for file in tmp_path.iterdir()] == ["net.safetensors"]


def test_a_network_belongs_to_the_weights_it_was_trained_with() -> None:
    net = train(*two_clouds(8), SMALL, seed=0)
    card_of(net).check_fits(HashedEncoder())
    with pytest.raises(EdgeError, match=r"1111.*Run with hashed:words"):
        card_of(net).check_fits(HashedEncoder(weights_sha256="1" * 64))
    with pytest.raises(EdgeError, match="other:words"):
        card_of(net, encoder="other:words").check_fits(HashedEncoder())


def test_a_file_that_is_no_network_is_refused(tmp_path: Path) -> None:
    net = train(*two_clouds(8), SMALL, seed=0)
    path = tmp_path / "net.safetensors"
    with pytest.raises(EdgeError, match="no such file"):
        load_net(path, device="cpu")
    safetensors.torch.save_file({"a": torch.zeros(1)}, path)
    with pytest.raises(EdgeError, match="Train it again"):
        load_net(path, device="cpu")
    save_net(path, net, card_of(net, dim=DIM + 1))
    with pytest.raises(EdgeError, match="Train it again"):
        load_net(path, device="cpu")
    save_net(path, net, card_of(net))
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(EdgeError, match="Train it again"):
        load_net(path, device="cpu")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device here")
def test_cuda_gives_the_scores_of_the_cpu(tmp_path: Path) -> None:
    save_net(tmp_path / "net", net := train(*two_clouds(64), SMALL, seed=0), card_of(net))
    pictures, references = two_clouds(16, seed=3)
    there, _ = load_net(tmp_path / "net", device="cuda")
    torch.testing.assert_close(
        random_word_score(pictures.cuda(), there).cpu(), random_word_score(pictures, net), atol=1e-4, rtol=0
    )
    moved = reference_distance(pictures.cuda(), references.cuda()).cpu()
    torch.testing.assert_close(moved, reference_distance(pictures, references), atol=1e-4, rtol=0)
