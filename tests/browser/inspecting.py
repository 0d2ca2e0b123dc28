"""What each page is held to, in each look: nothing overflows, axe-core finds nothing. Its picture is kept."""

import re
from pathlib import Path
from typing import Any, Literal, NamedTuple

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from infra.local.places import ROOT

SCREENSHOTS = ROOT / ".screenshots"
OPEN_ALL = "document.querySelectorAll('details').forEach(each => { each.open = %s })"
WIDTHS = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"

AXE = Axe()


class Look(NamedTuple):
    """How a page is looked at."""

    name: str
    width: int
    height: int
    scheme: Literal["light", "dark"]


LOOKS = (
    Look("desktop, light", 1280, 900, "light"),
    Look("desktop, dark", 1280, 900, "dark"),
    Look("phone, light", 360, 740, "light"),
    Look("phone, dark", 360, 740, "dark"),
)


def inspect(page: Page, name: str) -> None:
    """Look at a page in every way, at whatever can be unfolded too, and leave it as it was."""
    before = page.viewport_size
    for look in LOOKS:
        page.set_viewport_size({"width": look.width, "height": look.height})
        page.emulate_media(color_scheme=look.scheme)
        page.screenshot(path=_file(name, look), full_page=True)
        page.evaluate(OPEN_ALL % "true")
        wide, there = page.evaluate(WIDTHS)
        assert wide <= there, f"{name} ({look.name}) is {wide} wide, and has {there}"
        assert not (found := _violations(page)), f"{name} ({look.name}): {found}"
        page.evaluate(OPEN_ALL % "false")
    page.emulate_media(color_scheme="light")
    if before:
        page.set_viewport_size(before)


def _violations(page: Page) -> list[str]:
    """Return what axe-core finds, by all of its rules: WCAG A and AA, and what it calls good practice."""
    found: list[dict[str, Any]] = AXE.run(page).response["violations"]
    return [
        f"{each['help']} ({each['id']}) at {', '.join(str(node['target']) for node in each['nodes'])}"
        for each in found
    ]


def _file(name: str, look: Look) -> Path:
    SCREENSHOTS.mkdir(exist_ok=True)
    return SCREENSHOTS / f"{re.sub(r'[^a-z0-9]+', '-', f'{name} {look.name}'.lower())}.png"
