"""Training of the random-word network: texts in, a judge of pictures out (the second paper's section 3.3)."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.nn import functional

from edge.errors import EdgeError
from edge.vision.net_card import Training
from edge.vision.random_words import RandomWordNet


def train(normal: Tensor, anomalous: Tensor, training: Training, *, seed: int) -> RandomWordNet:
    """Train a network to tell the anomalous prompts' embeddings (label 1) from the normal ones' (label 0).

    normal, anomalous: [n, D] float32 of unit length, pair by pair in the same order
    seed:              of first weights, order of pairs and dropout; the same seed gives the same network, bit by bit
    Binary cross entropy, AdamW; the learning rate is multiplied by lr_decay after each epoch. Returns the network in
    evaluation mode, on the CPU. Raises EdgeError for hyperparameters that cannot be.
    """
    check_training(training)
    with one_thread(), torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(seed)
        net = RandomWordNet(normal.shape[1], widths=training.widths, dropout=training.dropout).train()
        optimiser = torch.optim.AdamW(net.parameters(), lr=training.lr, weight_decay=training.weight_decay)
        schedule = torch.optim.lr_scheduler.ExponentialLR(optimiser, gamma=training.lr_decay)
        for _ in range(training.epochs):
            for rows in pair_batches(len(normal), training.batch):
                embeddings = torch.cat([normal[rows], anomalous[rows]])
                labels = torch.cat([torch.zeros(len(rows)), torch.ones(len(rows))])
                optimiser.zero_grad()
                functional.binary_cross_entropy_with_logits(net(embeddings), labels).backward()  # type: ignore[no-untyped-call]
                optimiser.step()
            schedule.step()
    return net.eval().requires_grad_(requires_grad=False)


def pair_batches(pairs: int, batch: int) -> Iterator[Tensor]:
    """Numbers of the pairs in each batch, shuffled by torch's generator: both prompts of a pair are in one batch.

    batch: prompts in a batch, hence batch / 2 pairs; the last batch has what is left
    """
    yield from torch.split(torch.randperm(pairs), batch // 2)


def check_training(training: Training) -> None:
    """Raises EdgeError naming the first hyperparameter that cannot be."""
    faults = {
        "widths": min(training.widths) < 1,
        "dropout": not 0 <= training.dropout < 1,
        "lr": training.lr <= 0,
        "lr_decay": not 0 < training.lr_decay <= 1,
        "weight_decay": training.weight_decay < 0,
        "epochs": training.epochs < 1,
        "batch": training.batch < 2 or training.batch % 2 == 1,
    }
    if wrong := [name for name, fault in faults.items() if fault]:
        value = getattr(training, wrong[0])
        hint = " A batch holds whole pairs: give an even number." if wrong[0] == "batch" else ""
        raise EdgeError(f"random words: {wrong[0]} {value} cannot be.{hint} Leave it out for the default.")


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch on one thread: with several, sums come out differently on machines with other numbers of cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
