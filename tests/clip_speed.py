"""What all uncropped heads cost beside the bare forward pass of a CLIP encoder, with seeded random weights.

`python -m tests.clip_speed [NAME:TAG] [--size S] [--rounds N]` makes a store in a temporary folder, teaches the recipe
text + clip-pair + random-words + references + adapters + few-shot with four random references (every token kept), and
times, in turns in one run, the bare forward pass and forward pass plus heads, one picture at a time.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from calibration.ingredients import Ingredients
from calibration.reference_heads import memory_bank
from edge.vision.encoder import open_encoder
from edge.vision.features import Encoder
from edge.vision.heads import Heads, run_heads
from edge.vision.prompts import pair_embeddings
from edge.vision.random_words import RandomWordNet
from edge.vision.recipe import parse_recipe
from edge.vision.zero_shot import Adapters
from tests.clip_weights import random_store

EVERYTHING = "text + clip-pair + random-words + references + adapters + few-shot"
REFERENCES = 4


def all_heads(encoder: Encoder) -> Heads:
    """Every head, with random layers and the prompts of the single pair; what they say is noise, what they cost not."""
    pictures = [np.random.default_rng(seed).integers(0, 256, (480, 640, 3), np.uint8) for seed in range(REFERENCES)]
    features = [encoder.encode(encoder.prepare([picture])) for picture in pictures]
    pooled = torch.cat([one.pooled for one in features if one.pooled is not None])
    dim = pooled.shape[1]
    assert encoder.text is not None
    pair = pair_embeddings(encoder.text)
    layers = Adapters(
        {stage.name: torch.randn(dim, stage.channels, device=encoder.device) for stage in encoder.stages},
        {stage.name: torch.randn(dim, device=encoder.device) for stage in encoder.stages},
    )
    net = RandomWordNet(dim, widths=(512, 256, 128), dropout=0.1).to(encoder.device).eval()
    ingredients = Ingredients(parse_recipe(EVERYTHING), "object", pair, pair, layers, net)
    bank = memory_bank(features, keep=sys.maxsize)
    return ingredients.heads(bank=bank, references=functional.normalize(pooled, dim=-1))


def seconds(work: Callable[[], object], device: torch.device) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def main() -> None:
    """Print one line of Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("encoder", nargs="?", default="ViT-L-14-336:openai")
    parser.add_argument("--size", type=int)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--precision", default="fp32")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = random_store(Path(folder), *options.encoder.split(":"))
        encoder = open_encoder(options.encoder, input_size=options.size, precision=options.precision, models=store)
    heads = all_heads(encoder)
    batch = encoder.prepare([np.full((480, 640, 3), 128, np.uint8)])

    def score() -> list[float]:
        scores: list[float] = run_heads(encoder.encode(batch), heads, side=encoder.input_size).score.tolist()
        return scores

    bare, whole = [], []
    for _ in range(options.rounds):
        bare.append(seconds(lambda: encoder.encode(batch), encoder.device))
        whole.append(seconds(score, encoder.device))
    share = statistics.median(b / w for b, w in zip(bare, whole, strict=True))
    sys.stdout.write(
        f"| {options.encoder} at {encoder.input_size}, {options.precision}, {encoder.device} | "
        f"{statistics.median(bare):.2f} s | {statistics.median(whole):.2f} s | {share:.2f} |\n"
    )


if __name__ == "__main__":
    main()
