"""The calls of the API that the documents show with curl, and what they show as its answer."""

import argparse
import re
from dataclasses import dataclass

from tests.unit.docs.shell import Command

API = "$API"


@dataclass(frozen=True, slots=True)
class Call:
    """One request that a document shows."""

    document: str
    method: str
    url: str
    """From the path on."""
    headers: dict[str, str]
    """By their names in lower case."""
    body: str | None
    answers: list[tuple[str, set[str]]]
    """Each status that is shown, and the fields that are shown of its body."""

    def __str__(self) -> str:
        """Return document and address, as the name of a test."""
        return f"{self.document}: {self.method} {self.url}"


def call_of(command: Command) -> Call:
    """Read a command of curl's as curl would.

    Raises:
        ValueError: it has options that nobody here knows, or is no call of the API.
    """
    parser = argparse.ArgumentParser(exit_on_error=False)
    parser.add_argument("url")
    parser.add_argument("-X", dest="method")
    parser.add_argument("-H", dest="headers", action="append", default=[])
    parser.add_argument("-d", dest="body")
    parser.add_argument("-o", dest="output")
    read, unknown = parser.parse_known_args(command.words[1:])
    if unknown or not read.url.startswith(f"{API}/"):
        raise ValueError(f"{command}: {unknown or read.url}")
    headers = dict(re.split(r": *", each, maxsplit=1) for each in read.headers)
    return Call(
        command.document,
        read.method or ("GET" if read.body is None else "POST"),
        read.url.removeprefix(API),
        {name.lower(): value for name, value in headers.items()},
        read.body,
        answers(" ".join(line.lstrip("# ") for line in command.said)),
    )


def answers(said: str) -> list[tuple[str, set[str]]]:
    """Each status in a comment, with the fields after it, as in `200 {"allowed": true, …}, or 402 {…}`."""
    parts = re.split(r"(?:^|\s)(\d{3}) (?=\{)", said)[1:]
    return [
        (status, set(re.findall(r'"(\w+)":', body)))
        for status, body in zip(parts[::2], parts[1::2], strict=True)
    ]
