"""What the documents tell people to type into a shell, as the shell reads it."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.unit.docs.documents import spans, text

CONNECTORS = {"&&", "||", ";", "|"}


@dataclass(frozen=True, slots=True)
class Command:
    """One program that is called: its words, and the variables that stand before it."""

    document: str
    words: list[str]
    variables: dict[str, str]
    written: str = ""
    """The statement that it is part of, as it stands there."""
    said: list[str] = field(default_factory=list)
    """The comments below it, which show what it answers."""

    @property
    def program(self) -> str:
        """What is called."""
        return self.words[0]

    def __str__(self) -> str:
        """Return document and command, as the name of a test."""
        return f"{self.document}: {shlex.join(self.words)}"


def commands_of(document: str) -> list[Command]:
    """Every command in a document's blocks of `sh`, and after it those that its sentences set as code.

    Raises:
        ValueError: a statement is not finished, a quotation is open.
    """
    found = [each for block in _blocks(document) for each in _commands(document, block)]
    for span in spans(document):
        if re.match(r"(make|tollkeeper) [a-z]", span):
            found += _simple(document, span, [])
    return found


def _blocks(document: str) -> list[str]:
    return re.findall(r"^ *```sh\n(.*?)^ *```$", text(document), re.DOTALL | re.MULTILINE)


def _commands(document: str, block: str) -> Iterator[Command]:
    statement, said = "", list[str]()
    pending: list[Command] = []
    for line in block.splitlines():
        if not statement and line.strip().startswith("#"):
            said.append(line.strip())
            continue
        statement += line + "\n"
        if _is_finished(statement):
            yield from pending
            said = []
            pending = _simple(document, statement.strip(), said)
            statement = ""
    if statement.strip():
        raise ValueError(f"{document}: {statement!r} is not finished")
    yield from pending


def _is_finished(statement: str) -> bool:
    try:
        shlex.split(statement, comments=True)
    except ValueError:  # a quotation is open, or the line goes on
        return False
    return not statement.rstrip().endswith("\\")


def _simple(document: str, statement: str, said: list[str]) -> list[Command]:
    lexer = shlex.shlex(statement.replace("\\\n", " "), posix=True, punctuation_chars="|&;")
    lexer.whitespace_split = True
    found: list[list[str]] = [[]]
    for word in lexer:
        if word in CONNECTORS:
            found.append([])
        else:
            found[-1].append(word)
    return [_command(document, words, statement, said) for words in found if words]


def _command(document: str, words: list[str], statement: str, said: list[str]) -> Command:
    words = words[words[0] == "export" :]
    assigned = [re.fullmatch(r"([A-Z_]+)=(.*)", word) for word in words]
    count = next((place for place, each in enumerate(assigned) if not each), len(words))
    variables = {each[1]: each[2] for each in assigned[:count] if each}
    return Command(document, words[count:] or ["export"], variables, statement, said)
