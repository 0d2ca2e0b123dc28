"""The style sheet: everybody can read what the page says, in light and in dark (WCAG 2.2 AA)."""

import re

import pytest

from tollkeeper.pages.security import STYLE

LIGHT, DARK = (
    dict(re.findall(r"--([\w-]+):(#[0-9a-f]{3,6})", block))
    for block in re.findall(r":root\{([^}]*)\}", STYLE)
)

WORDS = [
    *((front, "card") for front in ("ink", "soft", "accent", "over", "good", "bad-line")),
    *((front, "ground") for front in ("ink", "soft", "accent", "over", "good")),
    *(("ink", f"{kind}-ground") for kind in ("warn", "bad", "good")),
    ("on-accent", "accent"),
]
SHAPES = [(each, "card") for each in ("accent", "over", "soft", *(f"f{number}" for number in range(1, 7)))]


def luminance(colour: str) -> float:
    """Return how bright a colour is, from 0 to 1."""
    digits = colour[1:] if len(colour) == 7 else "".join(each * 2 for each in colour[1:])
    channels = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(colours: dict[str, str], front: str, back: str) -> float:
    """Return the contrast of two colours, from 1 to 21."""
    low, high = sorted(luminance(colours[each]) for each in (front, back))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("front", "back"), WORDS)
def test_words_can_be_read(colours: dict[str, str], front: str, back: str) -> None:
    """4.5 to 1 at least."""
    assert contrast(colours, front, back) >= 4.5


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("front", "back"), SHAPES)
def test_shapes_can_be_seen(colours: dict[str, str], front: str, back: str) -> None:
    """3 to 1 at least, of bars and the parts of charts."""
    assert contrast(colours, front, back) >= 3


def test_dark_and_light_name_the_same_colours() -> None:
    """None is left to the other's."""
    assert LIGHT.keys() == DARK.keys()


def test_nothing_is_loaded() -> None:
    """Neither fonts nor pictures."""
    assert not re.search(r"url\(|@import|@font-face", STYLE)
