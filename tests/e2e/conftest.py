"""A browser, a page in it whose every problem counts, a record, and the page's address."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser import ARGUMENTS, CHROMIUM, Watched, serving

PATIENCE_MS = 30_000
"""For what is to appear, on a machine that does other things as well."""

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        reason = f"needs {CHROMIUM}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def watched(browser: Browser) -> Iterator[Watched]:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(PATIENCE_MS)
    watched = Watched(page)
    yield watched
    page.close()
    assert watched.problems == []
    assert watched.hosts <= {"127.0.0.1"}


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A page on a data folder that does not exist yet."""
    with serving(tmp_path / "data") as address:
        yield address
