"""Does the promise hold on real pictures? As a command it prints the table in calibration/TEACHING.md.

`python -m tests.promise_table ../shared/data/circuitboard ...`: for each folder all good pictures (normal/, test/good/)
are one pool. DRAWS times REFERENCES of them become a bank with the encoder `lite`, and all others are scored. Each draw
is split at random SPLITS times into n parts that set the threshold and held-out ones that are counted against the
bound; the estimate's threshold, from the references alone, is counted against its own bound on all others.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from calibration.bank.coreset import tokens_to_keep
from calibration.ingredients import default_recipe, gather_ingredients
from calibration.known_parts import look
from calibration.leave_one_out import leave_one_out
from calibration.progress import bar
from calibration.promise.bounds import count_bound
from calibration.promise.threshold import Threshold, Wish, set_threshold
from calibration.reference_heads import heads_of, look_at
from calibration.scale import MapLook, fixed_scale
from edge.frame import Pixels
from edge.line.picture import read_picture
from edge.vision.encoder import open_encoder
from edge.vision.features import Encoder
from edge.vision.recipe import NAMED

REFERENCES = 4
DRAWS = 40
SPLITS = 5
MOST_PARTS = 100
NUMBERS = (5, 10, 20, 40)


@dataclass(frozen=True, slots=True)
class Pool:
    """One draw: what the references said of each other, and the scores of all other good parts."""

    left_out: Sequence[MapLook]
    others: Sequence[MapLook]


@dataclass(frozen=True, slots=True)
class Kept:
    """Whether one promise was kept, and the seen share of rejects; dark: `ok` parts whose map stays below the mark."""

    within: bool
    rejected: float
    ok: int
    dark: int


def good_pictures(folder: Path, *, most: int = MOST_PARTS) -> list[Pixels]:
    """The pool, or `most` of it drawn at random."""
    files = [file for kind in ("normal", "test/good") for file in sorted((folder / kind).iterdir())]
    drawn = np.random.default_rng(0).permutation(len(files))[:most]
    return [read_picture(files[index]) for index in sorted(drawn)]


def draw_pool(encoder: Encoder, pictures: Sequence[Pixels], *, seed: int, references: int = REFERENCES) -> Pool:
    """Some pictures as references, all others scored as the line would."""
    order = np.random.default_rng(seed).permutation(len(pictures))
    chosen = [pictures[index] for index in order[:references]]
    looks = look_at(encoder, chosen, closer=True)
    ingredients = gather_ingredients(encoder, default_recipe(encoder))
    heads = heads_of(looks, ingredients, keep=tokens_to_keep(encoder.input_size))
    left_out = leave_one_out(looks, heads, side=encoder.input_size)
    heads = replace(heads, peak_scale=left_out.peak_scale)
    looked = [look(encoder, heads, [pictures[index]])[0] for index in order[references:]]
    others = [of_map for _, of_map, _ in looked if of_map]
    return Pool(left_out.looks, others)


def splits(pool: Pool, *, parts: int, count: int, seed: int, lowered: float = 1.0) -> Iterator[Kept]:
    """Set the threshold by `parts` of the others and count the rest; `lowered`: what the threshold is multiplied by."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        order = rng.permutation(len(pool.others))
        known, held_out = ([pool.others[index] for index in rows] for rows in (order[:parts], order[parts:]))
        threshold = set_threshold([one.score for one in known], [one.score for one in pool.left_out], Wish())
        yield kept(threshold, [*pool.left_out, *known], held_out, lowered=lowered)


def estimate(pool: Pool) -> Kept:
    """The references' own threshold against all others."""
    return kept(set_threshold([], [one.score for one in pool.left_out], Wish()), pool.left_out, pool.others)


def kept(threshold: Threshold, known: Sequence[MapLook], held_out: Sequence[MapLook], *, lowered: float = 1.0) -> Kept:
    """Count held-out parts against the promise, and their maps against the mark."""
    assert threshold.value is not None
    assert threshold.promise is not None
    value = threshold.value * lowered
    rejects = sum(one.score > value for one in held_out)
    bound = count_bound(parts=threshold.promise.parts, rank=threshold.promise.rank, of=len(held_out))
    scale = fixed_scale(known, recipe=NAMED["neighbourhood"], threshold=value)
    assert scale is not None
    assert scale.mark is not None
    ok = [one for one in held_out if one.score <= value]
    return Kept(rejects <= bound, rejects / len(held_out), len(ok), sum(one.peak < scale.mark for one in ok))


def main() -> None:
    """Print the table, a folder at a time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    encoder = open_encoder("lite", input_size=320, device="cpu")
    titles = ("pictures", "threshold from", "bound kept", "kept if lowered by 10 %", "rejected, mean", "dark `ok` maps")
    sys.stdout.write(f"| {' | '.join(titles)} |\n|{'---|' * len(titles)}\n")
    for folder in parser.parse_args().folders:
        pictures = good_pictures(folder)
        with bar(folder.name, DRAWS) as advance:
            pools = []
            for seed in range(DRAWS):
                pools.append(draw_pool(encoder, pictures, seed=seed))
                advance(1)
        for line in rows(pools):
            sys.stdout.write(f"| {folder.name} ({len(pictures)}) | {line} |\n")
            sys.stdout.flush()


def rows(pools: Sequence[Pool]) -> Iterator[str]:
    """One folder's lines of the table."""
    yield cells(f"{REFERENCES} references (estimate)", [estimate(pool) for pool in pools], None)
    for parts in NUMBERS:
        if 2 * parts <= len(pools[0].others):
            honest, lowered = (
                [
                    one
                    for seed, pool in enumerate(pools)
                    for one in splits(pool, parts=parts, count=SPLITS, seed=seed, lowered=share)
                ]
                for share in (1.0, 0.9)
            )
            yield cells(f"{parts} good parts", honest, lowered)


def cells(what: str, honest: Sequence[Kept], lowered: Sequence[Kept] | None) -> str:
    """What a line says after the folder's name."""
    ok = sum(one.ok for one in honest)
    broken = "" if lowered is None else f"{np.mean([one.within for one in lowered]):.1%}"
    within, rejected = np.mean([one.within for one in honest]), np.mean([one.rejected for one in honest])
    dark = sum(one.dark for one in honest) / max(1, ok)
    return f"{what} | {within:.1%} of {len(honest)} | {broken} | {rejected:.1%} | {dark:.1%}"


if __name__ == "__main__":
    main()
