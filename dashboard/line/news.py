"""Server-sent events: which camera has a new picture. Asks the folder of live pictures alone, never the record."""

import asyncio
import json
import time
from collections.abc import AsyncIterator

from fastapi.concurrency import run_in_threadpool

from dashboard.line.pictures import LOOK_EVERY_S
from dashboard.site import Site

PING_S = 10.0
Newest = dict[str, tuple[str, int]]
"""By camera, run and number of its latest picture."""


async def stream(site: Site) -> AsyncIterator[str]:
    """An event `live` with camera, run and seq as JSON for each new picture, until the client goes or the page ends."""
    yield "retry: 1000\n\n"
    known: Newest = {}
    spoke = time.monotonic()
    while not site.stopping.is_set():
        newest = await run_in_threadpool(site.pictures.newest)
        text, known = _news(newest, known), newest
        if not text and time.monotonic() - spoke > PING_S:
            text = ": still here\n\n"
        if text:
            spoke = time.monotonic()
            yield text
        await asyncio.sleep(LOOK_EVERY_S)


def _news(newest: Newest, known: Newest) -> str:
    new = [(camera, *at) for camera, at in newest.items() if known.get(camera) != at]
    told = [json.dumps({"camera": camera, "run": run, "seq": seq}) for camera, run, seq in new]
    return "".join(f"event: live\ndata: {data}\n\n" for data in told)
