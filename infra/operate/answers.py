"""What a command answers: to be read, or as JSON or CSV for a program."""

import csv
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from infra.operate.exits import Exit

WIDTH = 160
"""Of a line that is printed where there is no terminal, in characters."""

type Cell = str | int | float | bool | None


class Format(StrEnum):
    """How an answer is printed."""

    TEXT = "text"
    JSON = "json"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command found or did.

    Attributes:
        name: What the rows are, in the plural: JSON's name for the list of them.
        columns: What each of a row's cells is: CSV's first line, and the names in JSON's objects.
        rows: What was found, one row for each.
        text: Prints it for people.
        sums: What else JSON says, beside the rows.
        is_well: Whether nothing of it waits for a person.
    """

    name: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[Cell]]
    text: Callable[[Console], None]
    sums: Mapping[str, Cell] = field(default_factory=dict)
    is_well: bool = True


def give(answer: Answer, form: Format) -> Exit:
    """Print an answer, and return the exit code that it has."""
    match form:
        case Format.TEXT:
            answer.text(console())
        case Format.JSON:
            rows = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
            print(json.dumps({**answer.sums, answer.name: rows}, indent=2, ensure_ascii=False))
        case Format.CSV:
            lines = csv.writer(sys.stdout, lineterminator="\n")
            lines.writerow(answer.columns)
            lines.writerows(answer.rows)
    return Exit.WELL if answer.is_well else Exit.LOOK


def console(*, stderr: bool = False) -> Console:
    """Return where people read: what names and texts hold is never taken for markup."""
    made = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not made.is_terminal:
        made.width = WIDTH
    return made


def progress(*, bar: bool = True) -> Progress:
    """Return what shows how far a piece of work is, at a terminal alone, apart from what is answered."""
    at = console(stderr=True)
    columns = [SpinnerColumn(), TextColumn("{task.description}"), *([BarColumn()] if bar else [])]
    return Progress(*columns, MofNCompleteColumn(), console=at, transient=True, disable=not at.is_terminal)
