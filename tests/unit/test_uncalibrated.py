"""A line that nobody calibrated: it looks with what it has, and whatever it sees, it says only `unsure`."""

from pathlib import Path

import numpy as np
import pytest
import torch

from edge.errors import EdgeError
from edge.frame import Pixels
from edge.verdict import Outcome, Reason
from edge.vision.adapters import AdapterCard, save_adapters
from edge.vision.encoder import open_encoder
from edge.vision.scorer import VisionScorer
from edge.vision.uncalibrated import open_uncalibrated
from edge.vision.zero_shot import Adapters
from tests.patch_encoder import PatchEncoder, grey_part


def shown(encoder: PatchEncoder, folder: Path, pictures: list[Pixels], adapters: Path | None = None) -> VisionScorer:
    return VisionScorer(encoder, folder, uncalibrated=open_uncalibrated(encoder, adapters=adapters, random_words=None))


def adapters_file(encoder: PatchEncoder, path: Path) -> Path:
    """Layers that know no more than to look at how red a token is."""
    weights = {stage.name: torch.eye(3, stage.channels) for stage in encoder.stages}
    card = AdapterCard(
        encoder=encoder.name, weights_sha256=encoder.weights_sha256, input_size=encoder.input_size,
        stages=tuple(weights), dim=3, learned_classes=False, trained_on=("nothing",), pictures=(), protocol="test",
        command="test", seed=None, epochs=None, created="",
    )  # fmt: skip
    save_adapters(path, Adapters(weights, {name: torch.zeros(3) for name in weights}), card)
    return path


def test_without_any_head_no_picture_is_run(tmp_path: Path) -> None:
    encoder = PatchEncoder()
    verdicts = shown(encoder, tmp_path, []).score([grey_part(1)], [None])
    assert (verdicts[0].outcome, verdicts[0].reason, verdicts[0].score) == (Outcome.UNSURE, Reason.UNCALIBRATED, None)
    assert encoder.passes == []


def test_a_text_tower_scores_in_the_unknown_object_setup_and_the_outcome_stays_unsure(tmp_path: Path) -> None:
    encoder = PatchEncoder(reads=True)
    good, bad = shown(encoder, tmp_path, []).score([grey_part(1), grey_part(2, spot=True)], [None, None])
    assert encoder.text is not None
    assert encoder.text.sentences == ["a photo of a object", "a photo of a damaged object"]
    for verdict in (good, bad):
        assert (verdict.outcome, verdict.reason) == (Outcome.UNSURE, Reason.UNCALIBRATED)
        assert (verdict.threshold, verdict.bundle, verdict.anomaly_map) == (None, None, None)
        assert set(verdict.head_scores) == {"clip-pair"}
    assert good.score is not None and bad.score is not None
    assert bad.score > good.score


def test_adapters_draw_a_map_on_a_scale_without_a_mark(tmp_path: Path) -> None:
    encoder = PatchEncoder(reads=True)
    file = adapters_file(encoder, tmp_path / "adapters.safetensors")
    (verdict,) = shown(encoder, tmp_path, [], file).score([grey_part(2, spot=True)], [None])
    assert verdict.anomaly_map is not None and verdict.scale is not None
    assert verdict.anomaly_map.shape == (64, 64)
    assert (verdict.scale.low, verdict.scale.mark, verdict.scale.high) == (1.0, None, 2.0)
    assert verdict.regions == ()


def test_adapters_of_another_encoder_are_refused(tmp_path: Path) -> None:
    file = adapters_file(PatchEncoder(weights_sha256="1" * 64, reads=True), tmp_path / "adapters.safetensors")
    with pytest.raises(EdgeError, match="weights"):
        shown(PatchEncoder(reads=True), tmp_path, [], file)


def test_lite_looks_with_the_adapters_that_it_comes_with(tmp_path: Path) -> None:
    encoder = open_encoder("lite", device="cpu")
    scorer = VisionScorer(encoder, tmp_path, uncalibrated=open_uncalibrated(encoder, adapters=None, random_words=None))
    (verdict,) = scorer.score([np.full((240, 320, 3), 128, np.uint8)], [None])
    assert (verdict.outcome, set(verdict.head_scores)) == (Outcome.UNSURE, {"adapters"})
    assert verdict.anomaly_map is not None


def test_lite_at_another_size_says_that_it_does_not_look(caplog: pytest.LogCaptureFixture) -> None:
    encoder = open_encoder("lite", input_size=64, device="cpu")
    assert open_uncalibrated(encoder, adapters=None, random_words=None) is None
    assert "not 64" in caplog.text
