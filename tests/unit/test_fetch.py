"""A fetch from a hub on this machine, and then everything without one."""

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import safetensors.torch

from edge.vision.store import entries
from tests.clip_weights import random_weights

NAME, TAG, REPOSITORY = "PE-Core-T-16-384", "meta", "timm/PE-Core-T-16-384"
ROOT = Path(__file__).resolve().parents[2]
OFFLINE = """
import socket
def refuse(*_, **__):
    raise AssertionError("dialled out")
class Refused(socket.socket):
    __init__ = refuse
socket.socket, socket.create_connection, socket.getaddrinfo = Refused, refuse, refuse
"""
USE = f"""
import sys
from pathlib import Path
import numpy as np
from edge.vision.encoder import open_encoder
encoder = open_encoder("{NAME}:{TAG}", input_size=320, device="cpu", models=Path(sys.argv[1]))
features = encoder.encode(encoder.prepare([np.full((48, 64, 3), 9, np.uint8)]))
print(encoder.weights_sha256, features.grids["block12"], features.stages["block12"].isfinite().all().item())
print(tuple(encoder.text.embed(["a damaged part"]).shape))
"""


@pytest.fixture(scope="module")
def hub() -> Iterator[tuple[str, bytes]]:
    """A server that answers as huggingface.co does for one file, and its content."""
    content = safetensors.torch.save(random_weights(NAME))
    path = f"/{REPOSITORY}/resolve/main/open_clip_model.safetensors"

    class Hub(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(200 if self.path in ("/", "", path) else 404)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
            self.send_header("X-Repo-Commit", "0" * 40)
            self.end_headers()

        def do_GET(self) -> None:
            self.do_HEAD()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", content
    server.shutdown()
    thread.join()
    server.server_close()


def python(script: str, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", script, *words]
    return subprocess.run(
        command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, check=False, timeout=250
    )


def test_after_a_fetch_nothing_dials_out(hub: tuple[str, bytes], tmp_path: Path) -> None:
    address, content = hub
    fetch = f"from edge.models_cli import app; app(['fetch', '{NAME}:{TAG}'])"
    fetched = python(fetch, HF_ENDPOINT=address, EDGE_MODELS=str(tmp_path), HF_HUB_DISABLE_TELEMETRY="1")
    assert fetched.returncode == 0, fetched.stderr
    (record,) = entries(tmp_path)
    assert record.source_sha256 == hashlib.sha256(content).hexdigest()
    assert f"Use it: --encoder {NAME}:{TAG}" in fetched.stdout
    assert sorted(path.name for path in (tmp_path / NAME).iterdir()) == ["meta.json", "meta.safetensors"]
    used = python(OFFLINE + USE, str(tmp_path))
    assert used.returncode == 0, used.stderr
    assert used.stdout.splitlines() == [f"{record.sha256} (20, 20) True", "(1, 512)"]
    for path in (tmp_path / NAME).iterdir():
        path.unlink()


def test_the_proof_would_notice_a_call() -> None:
    called = python(OFFLINE + "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9')")
    assert "dialled out" in called.stderr
