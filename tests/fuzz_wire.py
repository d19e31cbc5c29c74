"""Bad messages against the wire, without end: `python -m tests.fuzz_wire [--decode 1000000] [--socket 100000]`.

First, mutants of good messages go through the worker's decoders in this process; whatever raises anything but
BadMessage is printed and fails the command. Then a real worker with a numpy scorer listens on TCP with CURVE: a rogue
that has a key of its own sends mutants with the true session, a stranger sends random bytes and broken handshakes to
the port, and an honest capture inspects a folder meanwhile. In the end the record has to be whole.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer
import zmq

from edge.line import message
from edge.line.curve import as_client
from edge.line.frame_message import decode_pixels
from edge.settings import Settings
from tests.curve_keys import exchange_keys
from tests.fakes import numbered_folder
from tests.lines import recorded, recorded_yet, report, rows, wait_until
from tests.wire_mutants import Mutants

FRAMES = 1000
GREETING = b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\x00CURVE" + bytes(47)


def main(
    decode: Annotated[int, typer.Option()] = 1_000_000,
    over_socket: Annotated[int, typer.Option("--socket")] = 100_000,
    seed: Annotated[int, typer.Option()] = 1,
) -> None:
    """Print what became of each message, and exit with 1 if anything was worse than refused."""
    well = decoded(decode, seed)
    well = sent(over_socket, seed) and well
    raise typer.Exit(0 if well else 1)


def decoded(count: int, seed: int) -> bool:
    """Let mutants through the decoders."""
    ends: Counter[str] = Counter()
    slowest_s = 0.0
    began_s = time.monotonic()
    for number, parts in enumerate(islice(Mutants(seed), count)):
        case_s = time.perf_counter()
        ends[end_of(parts)] += 1
        slowest_s = max(slowest_s, time.perf_counter() - case_s)
        if number % 10_000 == 0:
            sys.stderr.write(f"\r{number} of {count}, {number / (time.monotonic() - began_s):.0f}/s")
    sys.stdout.write(f"\n{count} decoded in {time.monotonic() - began_s:.0f} s, slowest {slowest_s * 1e3:.0f} ms: ")
    sys.stdout.write(f"{dict(ends)}\n")
    return set(ends) <= {"refused", "taken"}


def end_of(parts: list[bytes]) -> str:
    """What became of one message."""
    try:
        header = message.decode_from_capture(parts, max_bytes=1 << 20)
        if isinstance(header, message.FrameHeader):
            decode_pixels(header, parts[1])
    except message.BadMessage:
        return "refused"
    except Exception as error:  # noqa: BLE001 whatever it is, it is what this looks for
        sys.stdout.write(f"\n{error!r}: {parts!r}\n")
        return type(error).__name__
    return "taken"


def sent(count: int, seed: int) -> bool:
    """Send mutants to a real worker while an honest capture works; whether the record is whole and only his."""
    with tempfile.TemporaryDirectory() as folder:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        settings = Settings(data=Path(folder) / "data", address=f"tcp://127.0.0.1:{port}")
        keys = exchange_keys(settings, "parts", "rogue")
        environment = {**os.environ, **settings.child_environment()}
        log = (Path(folder) / "log").open("wb")
        worker = subprocess.Popen([sys.executable, "-m", "tests.number_worker"], env=environment, stderr=log)
        command = [sys.executable, "-m", "edge.cli", "capture", "--name", "parts", "--category", "numbers", "--once"]
        honest = subprocess.Popen(
            [*command, "--fps", "50"],
            env={**environment, "EDGE_CAMERA": str(numbered_folder(Path(folder) / "parts", FRAMES))},
            stderr=log,
        )
        wait_until(lambda: recorded_yet(settings) > 20, timeout_s=120)
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        rogue = context.socket(zmq.DEALER)
        as_client(rogue, keys["rogue"])
        rogue.connect(settings.line_address)
        began_s = time.monotonic()
        for number, parts in enumerate(islice(Mutants(seed, session=welcome(rogue)), count)):
            rogue.send_multipart(parts or [b""])
            if number % 100 == 0:
                knock(port)
                sys.stderr.write(f"\r{number} of {count} sent")
        wait_until(lambda: drained(rogue), timeout_s=300)
        took_s, beside = time.monotonic() - began_s, recorded(settings)
        rogue.close(0)
        context.term()
        ended = honest.wait(300)
        worker.terminate()
        worker.wait(20)
        log.close()
        found = [row for row in rows(settings) if row.camera.name == "parts"]
        others = len(rows(settings)) - len(found)
        own = [account for account in report(settings).accounts if account.camera == "parts"]
        whole = [row.score for row in found] == list(range(1, FRAMES + 1)) and all(each.balanced for each in own)
        sys.stdout.write(
            f"\n{count} sent in {took_s:.0f} s, {count // 100} knocks; {beside} honest frames recorded by then. Honest "
            f"camera: {len(found)} of {FRAMES}, whole {whole}, exit {ended}; rows of the rogue's own camera: {others}\n"
        )
        return whole and ended == 0


def welcome(rogue: zmq.Socket[bytes]) -> str:
    """Say hello with the rogue's own name; the session."""
    rogue.send(message.encode(message.Hello(run="r", camera="rogue", source="s", category="numbers")))
    reply = message.decode_from_worker(rogue.recv_multipart())
    assert isinstance(reply, message.Welcome)
    return reply.session


def drained(rogue: zmq.Socket[bytes]) -> bool:
    """Whether the worker has come to a ping that is sent now, of no session: it answers that this is stale."""
    while rogue.poll(0):
        rogue.recv_multipart()
    rogue.send(message.encode(message.Ping(session="no such session")))
    return bool(rogue.poll(2000))


def knock(port: int) -> None:
    """Random bytes, or a broken handshake, from nobody."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as stranger:
        stranger.sendall((GREETING if os.urandom(1)[0] & 1 else b"") + os.urandom(500))


if __name__ == "__main__":
    typer.run(main)
