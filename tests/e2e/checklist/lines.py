"""The lines of the checklist: the assessment's words, from the tests' marks, and what each test sees."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from inspect import getdoc
from itertools import groupby
from pathlib import Path

FOLDER = Path(__file__).parent


@dataclass
class Line:
    """One line, the name of its test, and whether it holds."""

    section: str
    words: str
    seen: str
    test: str
    holds: bool = False

    @classmethod
    def of(cls, test: Callable[..., object], section: str) -> "Line":
        """Return the line that a test stands for.

        Raises:
            ValueError: it stands for none.
        """
        marks = [mark for mark in getattr(test, "pytestmark", ()) if mark.name == "line"]
        if len(marks) != 1:
            raise ValueError(f"{test.__name__} stands for no line of the checklist")
        seen = (getdoc(test) or "").partition("\n")[0]
        return cls(section, marks[0].args[0], seen, test.__name__)


def lines() -> Iterator[Line]:
    """Return every line, in the order of the assessment."""
    for file in sorted(FOLDER.glob("test_*.py")):
        module = import_module(f"tests.e2e.checklist.{file.stem}")
        for name, value in vars(module).items():
            if name.startswith("test_"):
                yield Line.of(value, module.SECTION)


def printed(checklist: Iterable[Line]) -> Iterator[str]:
    """Return the checklist as it is printed."""
    checklist = [*checklist]
    width = max(len(line.words) for line in checklist)
    for section, those in groupby(checklist, key=lambda line: line.section):
        yield section
        for line in those:
            yield f"  {'✔' if line.holds else '✘'} {line.words:{width}}  {line.seen}"
