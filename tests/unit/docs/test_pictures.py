"""The pictures that the README shows: `make pictures` takes them."""

import re

from tests.unit.docs.documents import ROOT, text

PICTURES = ROOT / "docs" / "pictures"
MOST_BYTES = 600_000
"""All of them together: whoever clones the project takes each version of each along."""

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def test_the_readme_shows_each_picture_that_there_is() -> None:
    """None is missing, and none is left over."""
    shown = set(re.findall(r"docs/pictures/[\w-]+\.png", text("README.md")))
    assert shown == {str(each.relative_to(ROOT)) for each in PICTURES.iterdir()}


def test_pictures_are_small() -> None:
    """They are pictures, and all together are no burden."""
    pictures = [each.read_bytes() for each in PICTURES.iterdir()]
    assert all(each.startswith(SIGNATURE) for each in pictures)
    assert sum(len(each) for each in pictures) < MOST_BYTES


def test_each_picture_is_described() -> None:
    """In words, for whoever does not see it."""
    assert all(re.findall(r'<img [^>]*alt="([^"]*)"', text("README.md")))
