"""Building: the bank is equation 4's, leave-one-out leaves one out, and a truth nobody sent changes nothing."""

import time
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from calibration.build import build
from calibration.reference_heads import ReferenceLooks, memory_bank, neighbour_bank
from calibration.references.collect import References, Taken, collect
from edge.errors import EdgeError
from edge.line.demo import Board, demo_boards
from edge.line.shot import Shot
from edge.verdict import Verdict
from edge.vision.bundle import load_bundle
from edge.vision.bundle_heads import load_heads
from edge.vision.encoder import open_encoder
from edge.vision.features import Encoder
from edge.vision.scorer import VisionScorer
from tests.in_use import build_in_use
from tests.patch_encoder import PatchEncoder, grey_part

PARTS = [Taken(grey_part(number), f"{number}.png") for number in range(4)]


def test_the_bank_holds_unit_vectors_and_equally_many_of_each_reference() -> None:
    encoder = PatchEncoder()
    features = [encoder.encode(encoder.prepare([part.pixels])) for part in PARTS]
    bank = memory_bank(features, keep=16)
    assert {name: tuple(vectors.shape) for name, vectors in bank.items()} == {"s8": (4, 16, 4), "s16": (4, 16, 4)}
    for vectors in bank.values():
        torch.testing.assert_close(vectors.norm(dim=-1), torch.ones(4, 16))


def test_the_manifest_says_how_the_bundle_was_made(tmp_path: Path) -> None:
    encoder = PatchEncoder()
    built = build_in_use(encoder, PARTS, category="part", bundles_dir=tmp_path, controls={"exposure": 0.5})
    loaded = load_bundle(tmp_path, "part")
    manifest = loaded.manifest
    load_heads(loaded, encoder)  # it fits
    assert built.folder == tmp_path / "part" / "1"
    assert manifest.threshold == max(manifest.calibration.loo_scores)
    assert manifest.calibration.tokens == {"whole": 16}
    assert manifest.calibration.controls == {"exposure": 0.5}
    assert [reference.source for reference in manifest.references] == ["0.png", "1.png", "2.png", "3.png"]
    features = [encoder.encode(encoder.prepare([part.pixels])) for part in PARTS]
    assert np.array_equal(loaded.neighbours["whole"], neighbour_bank(ReferenceLooks(features)).whole.numpy())


def test_no_reference_is_a_defect_by_its_own_bundle(tmp_path: Path) -> None:
    encoder = PatchEncoder()
    build_in_use(encoder, PARTS, category="part", bundles_dir=tmp_path)
    scorer = VisionScorer(encoder, tmp_path)
    scorer.load("part")
    assert {verdict.outcome for verdict in scorer.score([part.pixels for part in PARTS], ["part"] * 4)} == {"ok"}


def test_equal_references_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    same = np.full((64, 64, 3), 77, np.uint8)
    with pytest.raises(EdgeError, match="one and the same picture"):
        build(PatchEncoder(), [Taken(same, "a"), Taken(same, "b")], category="part", bundles_dir=tmp_path)
    assert list(tmp_path.iterdir()) == []


class BoardCamera:
    """The real protocol over given demo boards: it sends their pixels and, like a camera, no truth."""

    source = "boards"
    finite = True
    can_wait = True
    continuous = False

    def __init__(self, boards: list[Board]) -> None:
        self._boards = iter(enumerate(boards, 1))

    def read(self) -> Shot | None:
        number, board = next(self._boards, (0, None))
        return None if board is None else Shot(board.pixels, time.time_ns(), f"boards#{number}")

    def lock_controls(self) -> dict[str, float]:
        return {}

    def close(self) -> None:
        self._boards = iter(())


def judge_shift(encoder: Encoder, boards: list[Board], bundles_dir: Path) -> list[Verdict]:
    """Calibrate on the first four boards and judge the others, all through the camera."""
    camera = BoardCamera(boards)
    references = References(4)
    list(collect(camera, references))
    build_in_use(encoder, references.taken, category="pcb", bundles_dir=bundles_dir)
    scorer = VisionScorer(encoder, bundles_dir)
    scorer.load("pcb")
    verdicts = []
    while (shot := camera.read()) is not None:
        assert shot.pixels is not None
        verdicts += scorer.score([shot.pixels], ["pcb"])
    return verdicts


def test_shuffling_the_demos_truth_changes_no_verdict(tmp_path: Path) -> None:
    encoder = open_encoder("lite", input_size=160, device="cpu")
    boards = list(islice(demo_boards(seed=3), 24))
    truths = np.random.default_rng(0).permutation(np.array([board.truth for board in boards], object))
    shuffled = [replace(board, truth=truth) for board, truth in zip(boards, truths, strict=True)]
    assert [board.truth for board in shuffled] != [board.truth for board in boards]
    told = judge_shift(encoder, boards, tmp_path / "told")
    lied = judge_shift(encoder, shuffled, tmp_path / "lied")
    assert len(told) == 20
    assert len({verdict.score for verdict in told}) == 20
    for one, other in zip(told, lied, strict=True):
        assert (one.outcome, one.score, one.threshold, one.regions) == (
            other.outcome, other.score, other.threshold, other.regions
        )  # fmt: skip
