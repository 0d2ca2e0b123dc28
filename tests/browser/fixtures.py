"""A browser, and pages that may load and run nothing they should not."""

import os
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, ViewportSize, expect, sync_playwright

from infra.local.places import Stack
from tests.browser import chromium

DESKTOP: ViewportSize = {"width": 1280, "height": 900}
# Chromium's sandbox needs rights that root in a container has not; everybody else keeps it.
ARGUMENTS = ["--no-sandbox"] if os.geteuid() == 0 else []
PATIENCE_MS = 300_000
"""Moving the clock across weeks runs everything that happens in them, and a machine may be busy."""


expect.set_options(timeout=60_000)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, which is the system's own: none is downloaded."""
    path = chromium.path()
    if path is None:
        pytest.exit(chromium.MISSING, returncode=1)
    with sync_playwright() as playwright:
        chrome = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield chrome
        chrome.close()


@pytest.fixture
def page(browser: Browser, stack: Stack) -> Iterator[Page]:
    """A page on a desktop, whose reader is American; nothing on it may fail, or come from elsewhere."""
    context = browser.new_context(viewport=DESKTOP, locale="en-US", timezone_id="UTC")
    context.set_default_timeout(PATIENCE_MS)
    faults: list[str] = []
    context.on("console", lambda message: faults.extend(_complaints(message)))
    context.on("weberror", lambda error: faults.append(str(error.error)))
    context.on("request", lambda request: faults.extend(_strangers(request, stack)))
    yield context.new_page()
    context.close()
    assert not faults, faults


def _complaints(message: ConsoleMessage) -> list[str]:
    """Return what the browser complains of, but for statuses: a card that was declined is a 402."""
    if message.type != "error" or message.text.startswith("Failed to load resource"):
        return []
    return [message.text]


def _strangers(request: Request, stack: Stack) -> list[str]:
    """Return the address, unless it is the sandbox's or the API's own."""
    parts = urlsplit(request.url)
    known = parts.netloc == urlsplit(stack.stripe).netloc or parts.hostname == _api_host(stack)
    return [] if known or parts.scheme == "data" else [request.url]


def _api_host(stack: Stack) -> str:
    """Return where browsers find the API: by its id, as at AWS."""
    return f"{urlsplit(stack.api).path.split('/')[3]}.execute-api.localhost"
