"""Text embeddings on disk: nothing is embedded twice, and a kill costs little and changes nothing."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from calibration.random_words.text_cache import CHUNK, cache_file, embedded
from edge.errors import EdgeError
from tests.hashed_words import HashedEncoder
from tests.patch_encoder import PatchEncoder

SENTENCES = [f"sentence {number}" for number in range(3 * CHUNK + 5)]
KILLED = """
import sys, time
from pathlib import Path
from calibration.random_words.text_cache import CHUNK, embedded
from tests.hashed_words import HashedEncoder
encoder = HashedEncoder()
def slow(sentences, embed=encoder.text.embed):
    time.sleep(0.3)
    return embed(sentences)
encoder.text.embed = slow
embedded(encoder, [f"sentence {n}" for n in range(3 * CHUNK + 5)], folder=Path(sys.argv[1]))
"""


def parts_in(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.parts/[0-9]*.safetensors"))


def test_embeddings_are_the_towers_in_order(tmp_path: Path) -> None:
    encoder = HashedEncoder()
    found = embedded(encoder, SENTENCES, folder=tmp_path)
    assert encoder.text.asked == SENTENCES
    torch.testing.assert_close(found, HashedEncoder().text.embed(SENTENCES), rtol=0, atol=0)


def test_a_second_run_embeds_nothing_and_is_told_all_is_there(tmp_path: Path) -> None:
    first = embedded(HashedEncoder(), SENTENCES, folder=tmp_path)
    encoder = HashedEncoder()
    steps: list[int] = []
    second = embedded(encoder, SENTENCES, folder=tmp_path, advance=steps.append)
    assert encoder.text.asked == []
    assert sum(steps) == len(SENTENCES)
    assert torch.equal(first, second)
    assert not parts_in(tmp_path)


def test_other_weights_precision_or_sentences_share_nothing(tmp_path: Path) -> None:
    encoder = HashedEncoder()
    files = {
        cache_file(HashedEncoder(weights_sha256=weights, precision=precision), sentences, folder=tmp_path)
        for weights in ("0" * 64, "1" * 64)
        for precision in ("fp32", "bf16")
        for sentences in (["a b"], ["a", "b"], ["b", "a"], ["a"])
    }
    assert len(files) == 16
    assert cache_file(encoder, ["a"], folder=tmp_path) in files


def test_a_killed_run_goes_on_where_it_was_and_ends_with_the_same_bytes(tmp_path: Path) -> None:
    killed = tmp_path / "killed"
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(killed)], env=environment)
    deadline_s = time.monotonic() + 120
    while len(parts_in(killed)) < 2 and process.poll() is None and time.monotonic() < deadline_s:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    kept = len(parts_in(killed))
    assert kept >= 2

    encoder = HashedEncoder()
    embedded(encoder, SENTENCES, folder=killed)
    assert encoder.text.asked == SENTENCES[kept * CHUNK :]
    whole = tmp_path / "whole"
    embedded(HashedEncoder(), SENTENCES, folder=whole)
    name = cache_file(encoder, SENTENCES, folder=whole).name
    assert (killed / name).read_bytes() == (whole / name).read_bytes()


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    encoder = HashedEncoder()
    embedded(encoder, ["a"], folder=tmp_path)
    file = cache_file(encoder, ["a"], folder=tmp_path)
    file.write_bytes(file.read_bytes()[:-3])
    with pytest.raises(EdgeError, match=rf"{file.name} is damaged.*Delete it"):
        embedded(encoder, ["a"], folder=tmp_path)


def test_an_encoder_without_text_tower_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EdgeError, match="no text tower"):
        embedded(PatchEncoder(), ["a"], folder=tmp_path)
