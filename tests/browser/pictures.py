"""`python -m tests.browser.pictures`: the README's pictures, taken anew of what they show.

The usage page and the explained invoice of the customer whom `make up STORY=1` brings along, and what
`make demo` prints.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from playwright.sync_api import Browser, Page, sync_playwright
from rich.console import Console
from rich.text import Text

from infra.local import story
from infra.local.places import ROOT, Home
from tests.browser import chromium
from tests.browser.fixtures import ARGUMENTS, PATIENCE_MS
from tests.browser.usage_page import open_usage_page, region

PICTURES = ROOT / "docs" / "pictures"
DESKTOP, DOWN_TO_THE_CHARTS, PHONE = (1100, 860), (1060, 1240), (390, 844)
type Scheme = Literal["light", "dark"]

LOOKS: Sequence[tuple[str, tuple[int, int], Scheme]] = (
    ("usage-light", DOWN_TO_THE_CHARTS, "light"),
    ("usage-dark", DOWN_TO_THE_CHARTS, "dark"),
    ("usage-phone", PHONE, "light"),
)
"""Of the usage page: the picture's name, its size, and whether it is dark."""

TERMINAL_COLUMNS = 116
FRAME = """
<style>body { margin: 0; background: #0d1117 } pre { display: inline-block; margin: 0; padding: 1.25rem;
  font: 13px/1.2 'DejaVu Sans Mono', monospace; color: #e6edf3 }</style>
"""


def take() -> None:
    """Take all of them."""
    path = chromium.path()
    if path is None:
        sys.exit(chromium.MISSING)
    PICTURES.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        chrome = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        _of_the_demo(chrome, Path(folder))
        _of_the_story(chrome, Path(folder))
        chrome.close()


def _of_the_story(chrome: Browser, folder: Path) -> None:
    _local(folder, "up", "--story", capture=False)
    try:
        stack = Home(folder).stack
        for name, (width, height), scheme in LOOKS:
            page = _page(chrome, width, height, scheme)
            open_usage_page(page, stack, story.USER)
            page.screenshot(path=PICTURES / f"{name}.png")
        page = _page(chrome, *DESKTOP, "light")
        open_usage_page(page, stack, story.USER)
        region(page, "Invoices").get_by_role("link", name="Explain").first.click()
        page.get_by_role("heading", name="explained").wait_for()
        page.screenshot(path=PICTURES / "invoice-explained.png")
    finally:
        _local(folder, "down", capture=False)


def _of_the_demo(chrome: Browser, folder: Path) -> None:
    """What it prints in a terminal, with its colours."""
    printed = _local(folder, "demo", capture=True)
    paper = Console(record=True, width=TERMINAL_COLUMNS, file=open(os.devnull, "w"))  # noqa: SIM115, PTH123
    # Where a bar would move, a terminal that shows none is left an empty line.
    paper.print(*(line for line in Text.from_ansi(printed).split() if line.plain.strip()), sep="\n")
    page = _page(chrome, *DESKTOP, "dark")
    page.set_content(FRAME + paper.export_html(inline_styles=True, code_format="<pre>{code}</pre>"))
    page.locator("pre").screenshot(path=PICTURES / "demo.png")


def _page(chrome: Browser, width: int, height: int, scheme: Scheme) -> Page:
    context = chrome.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, locale="en-US", timezone_id="UTC"
    )
    context.set_default_timeout(PATIENCE_MS)
    return context.new_page()


def _local(folder: Path, *command: str, capture: bool) -> str:
    # Colours as in a terminal, and no bars that move.
    terminal = {"FORCE_COLOR": "1", "TTY_INTERACTIVE": "0", "COLUMNS": str(TERMINAL_COLUMNS)}
    done = subprocess.run(  # noqa: S603 - the command is ours
        [sys.executable, "-m", "infra.local", *command],
        env=os.environ | {"TOLLKEEPER_LOCAL": str(folder)} | (terminal if capture else {}),
        cwd=ROOT,
        stdout=subprocess.PIPE if capture else None,
        text=True,
        check=True,
    )
    return done.stdout or ""


if __name__ == "__main__":
    take()
