"""The page under a real browser: Chromium from Debian, and the page by a real server in a thread."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Page

from dashboard.cli import PageServer, listen, server_config
from edge.settings import Settings

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


class Watched:
    """A browser page with everything that went wrong in it and every address that it asked for."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.problems: list[str] = []
        self.hosts: set[str | None] = set()
        page.on("console", lambda message: self.problems.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("request", lambda request: self.hosts.add(urlsplit(request.url).hostname))


@contextmanager
def serving(data: Path, port: int = 0, **settings: object) -> Iterator[str]:
    """The page on `data` by a real server in a thread, on loopback whatever the settings say; gives its address."""
    config = server_config(Settings.read(data=data, **settings))
    with listen("127.0.0.1", port) as listener:
        server = PageServer(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield f"{'https' if config.ssl_certfile else 'http'}://127.0.0.1:{listener.getsockname()[1]}"
        server.handle_exit(signal.SIGTERM, None)
        thread.join(timeout=10)
        assert not thread.is_alive()


def wait_for(page: Page, expression: str, *, timeout_s: float = 30.0) -> None:
    """Until a JavaScript expression is true. Playwright's wait_for_function may not ask twice under our policy."""
    until_s = time.monotonic() + timeout_s
    while not page.evaluate(expression):
        assert time.monotonic() < until_s, f"{expression} did not become true"
        page.wait_for_timeout(20)
