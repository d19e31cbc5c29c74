"""Take README's picture of the page: `python -m tests.screenshot .github/page.png`, with Chromium from Debian.

Runs the demo line in a temporary folder until a few boards are flagged.
"""

import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser import wait_for

PORT = 8899
CHROMIUM = "/usr/bin/chromium"
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]
FLAGGED = 6


def main() -> None:
    target = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as folder:
        words = ["edge", "run", "--camera", "demo:pcb", "--port", str(PORT)]
        line = subprocess.Popen([str(Path(sys.executable).parent / words[0]), *words[1:]], cwd=folder)
        try:
            wait_for_flagged()
            take(target)
        finally:
            line.terminate()
            line.wait()


def wait_for_flagged() -> None:
    """Until the page shows some flagged boards."""
    while True:
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{PORT}/api/v1/frames?limit={FLAGGED}&outcome=defect"
            ) as answer:
                if len(json.load(answer)["frames"]) == FLAGGED:
                    return
        except OSError:
            pass  # the page is not up yet
        time.sleep(0.5)


def take(target: Path) -> None:
    """Look at the page as an operator does."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(f"http://127.0.0.1:{PORT}/")
        page.wait_for_timeout(1500)
        wait_for(page, "[...document.images].every(image => image.complete && image.naturalWidth)")
        page.screenshot(path=str(target))
        browser.close()


if __name__ == "__main__":
    main()
