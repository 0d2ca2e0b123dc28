"""The documents as tests read them: their tables, links, code and headings."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[3]

DOCUMENTS = sorted(
    file
    for pattern in ("*.md", "docs/**/*.md", "tests/**/*.md", "shared/**/*.md", "infra/**/*.md")
    for file in ROOT.glob(pattern)
)
"""Every document of the project."""


def name_of(document: Path) -> str:
    """Where a document is, seen from the project's folder."""
    return str(document.relative_to(ROOT))


@cache
def text(document: str) -> str:
    """What a document says, by its place in the project."""
    return (ROOT / document).read_text()


def prose(document: str) -> str:
    """What a document says outside its blocks of code."""
    return re.sub(r"^ *```.*?^ *```$", "", text(document), flags=re.DOTALL | re.MULTILINE)


def section(document: str, heading: str) -> str:
    """What stands under a heading, up to the next one of any level, outside blocks of code."""
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", prose(document), re.DOTALL | re.MULTILINE)
    assert found, f"{document} has no heading {heading!r}"
    return found[1]


def tables(document: str, heading: str) -> list[list[list[str]]]:
    """The tables under a heading: of each the cells of its rows, without the row that names the columns."""
    blocks = re.findall(r"(?:^\|.*\|\n)+", section(document, heading) + "\n", re.MULTILINE)
    return [[_cells(line) for line in block.splitlines()[2:]] for block in blocks]


def table(document: str, heading: str) -> list[list[str]]:
    """The first table under a heading."""
    return tables(document, heading)[0]


def code(cell: str) -> str:
    """The first thing in a cell that is set as code; nothing if there is none."""
    found = re.search(r"`([^`]+)`", cell)
    return found[1] if found else ""


def spans(document: str) -> list[str]:
    """Everything that a document sets as code within its sentences."""
    return re.findall(r"`([^`\n]+)`", prose(document))


def commands(document: str) -> list[str]:
    """What a document tells people to type: lines of blocks of code, and what its sentences set as code."""
    blocks = re.findall(r"^ *```.*?\n(.*?)^ *```$", text(document), re.DOTALL | re.MULTILINE)
    return [*(line.strip() for block in blocks for line in block.splitlines()), *spans(document)]


def links(document: str) -> Iterator[str]:
    """Where a document's links lead that stay within the project."""
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(document)):
        if not re.match(r"[a-z]+:", target):
            yield target


def anchors(document: str) -> set[str]:
    """The names that GitHub gives to a document's headings."""
    headings = re.findall(r"^#+ (.+)$", prose(document), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]
