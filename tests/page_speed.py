"""How fast the page answers: `python -m tests.page_speed FOLDER [ADDRESS ...] [--times 50]`.

Starts the page as a process of its own on a data folder (see tests/big_record.py), asks each address one after the
other over one connection, and prints in milliseconds: the first request, which may also fill the page's running counts;
p50 and p95, from the request to the last byte of the answer; and the page's own processor time, which says what a busy
machine hides.
"""

import http.client
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

PORT = 8897
LIMIT_MS = 150
ADDRESSES = (
    "/",
    "/find",
    "/find?view=list",
    "/find?when=hour",
    "/find?when=shift&outcome=defect",
    "/find?when=today&outcome=not_inspected",
    "/find?run=day-01",
    "/find?camera=side",
    "/find?camera=nowhere",
    "/find?category=tile",
    "/find?outcome=ok",
    "/find?outcome=defect&outcome=unsure",
    "/find?outcome=not_inspected&reason=pose",
    "/find?reason=poison",
    "/find?review=unreviewed",
    "/find?review=unreviewed&outcome=defect&outcome=unsure",
    "/find?review=confirmed_defect",
    "/find?review=false_alarm&category=cookie",
    "/find?score_from=0.5&score_to=0.52",
    "/find?score_from=90",
    "/find?part=PCB-*",
    "/find?lot=PCB-L0003",
    "/find?lot=*&reason=poison",
    "/find?serial=SN00003*",
    "/find?serial=SN*&score_from=90",
    "/find?serial=SN0000400",
    "/find?bundle=pcb@7",
    "/find?bundle=5e5e",
    "/find?bundle=ffff",
    "/find?before=100000&outcome=defect",
    "/parts/PCB-2041/SN0000400",
    "/trends",
    "/trends?unit=day",
    "/trends?unit=shift&camera=left",
    "/trends?category=cookie&bundle=cookie@8",
    "/api/v1/frames?limit=50&outcome=defect",
    "/api/v1/trends?unit=day",
)


def command(
    folder: Annotated[Path, typer.Argument(help="Data folder with a record.")],
    addresses: Annotated[list[str] | None, typer.Argument(help="Addresses instead of the usual ones.")] = None,
    times: Annotated[int, typer.Option(help="Requests an address.", min=1)] = 50,
) -> None:
    """Print p50 and p95 of each address; ends with 1 if one takes longer than 150 ms at p95 or is refused."""
    slow = False
    with serving(folder) as page:
        connection = http.client.HTTPConnection("127.0.0.1", PORT)
        typer.echo(f"{'first':>8} {'p50':>8} {'p95':>8} {'cpu':>8}   ms of {times} requests each")
        for address in addresses or ADDRESSES:
            first = ask(connection, address)
            before_ms = used_ms(page)
            p50, p95 = np.percentile([ask(connection, address) for _ in range(times)], [50, 95])
            cpu = (used_ms(page) - before_ms) / times
            slow |= bool(p95 > LIMIT_MS)
            note = "  TOO SLOW" if p95 > LIMIT_MS else ""
            typer.echo(f"{first:8.1f} {p50:8.1f} {p95:8.1f} {cpu:8.1f}   {address}{note}")
    raise typer.Exit(int(slow))


def ask(connection: http.client.HTTPConnection, address: str) -> float:
    """Milliseconds from the request to the last byte."""
    began = time.perf_counter()
    connection.request("GET", address)
    answer = connection.getresponse()
    answer.read()
    if answer.status != http.client.OK:
        raise typer.BadParameter(f"{address} answers {answer.status}")
    return (time.perf_counter() - began) * 1000


def used_ms(process: int) -> float:
    """Processor time of a process so far."""
    ticks = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11:13]
    return 1000 * sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


@contextmanager
def serving(folder: Path) -> Iterator[int]:
    """The page as a process of its own; gives its number."""
    words = [sys.executable, "-m", "dashboard.cli", "--data", str(folder), "--port", str(PORT)]
    page = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    try:
        wait()
        yield page.pid
    finally:
        page.terminate()
        page.wait()


def wait() -> None:
    """Until the page answers."""
    for _ in range(100):
        try:
            http.client.HTTPConnection("127.0.0.1", PORT).request("GET", "/healthz")
            return
        except OSError:
            time.sleep(0.1)
    raise typer.BadParameter(f"the page did not start on port {PORT}")


if __name__ == "__main__":
    typer.run(command)
