"""What the documents tell people to type is taken by make, `tollkeeper`, `tollkeeper-audit` and the API."""

import re
import shlex
import subprocess
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import click
import pytest
from pydantic import BaseModel

import infra.openapi
from infra.operate.__main__ import tollkeeper
from tests.unit.docs.calls import Call, call_of
from tests.unit.docs.documents import DOCUMENTS, ROOT, name_of
from tests.unit.docs.shell import Command, commands_of
from tollkeeper.client import audit_command
from tollkeeper.usage.records import Sent

TOLD = [command for document in DOCUMENTS for command in commands_of(name_of(document))]
OPENAPI = infra.openapi.document()
MAKEFILE = (ROOT / "Makefile").read_text()
KNOWN = {
    "make",
    "tollkeeper",
    "tollkeeper-audit",
    "curl",
    "sam",
    "aws",
    "python",
    "pip",
    "npx",
    "git",
    "export",
}
"""What the documents may ask people to call; `page-somebody` is theirs."""


def told(program: str) -> list[Command]:
    """Each command of one program, once."""
    return [*{shlex.join(each.words): each for each in TOLD if each.program == program}.values()]


@cache
def mentioned(target: str) -> set[str]:
    """The variables that a target's recipe and conditions use, and those that these are made of."""
    rule = re.search(rf"^{target}:.*\n(?:\t.*\n|@.*\n)*", MAKEFILE, re.MULTILINE)
    assert rule, f"make has no {target}"
    seen: set[str] = set()
    waiting = [rule[0]]
    while waiting:
        names = set(re.findall(r"\b([A-Z][A-Z_]*)\b", waiting.pop())) - seen
        seen |= names
        waiting += [
            each[1] for name in names for each in re.finditer(rf"^{name} :?= (.*)$", MAKEFILE, re.MULTILINE)
        ]
    return seen


@cache
def made(*words: str) -> tuple[int, str]:
    """What make would do, without doing it, and how it ends."""
    command = ["make", "--dry-run", "--no-print-directory", *words]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    return found.returncode, found.stdout + found.stderr


@pytest.mark.parametrize("command", told("make"), ids=str)
def test_make_does_what_it_is_told_with_each_variable(command: Command) -> None:
    """The target is there, uses each of the variables that it is given, and lacks none."""
    target, *variables = command.words[1:]
    assert set() == {each.partition("=")[0] for each in variables} - mentioned(target)
    code, said = made(target, *variables)
    assert 0 == code or not variables, said


@pytest.mark.parametrize("command", told("make"), ids=str)
def test_what_make_hands_to_tollkeeper_is_understood(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The options that make spells are those of the command."""
    if "…" in shlex.join(command.words):
        return  # a value is left out
    monkeypatch.chdir(tmp_path)
    _, recipe = made(*command.words[1:])
    for line in re.findall(r"^infra/operate/tollkeeper ((?:.*\\\n)*.*)$", recipe, re.MULTILINE):
        parse(shlex.split(line.replace("\\\n", " ")))


@pytest.mark.parametrize("command", told("tollkeeper"), ids=str)
def test_tollkeeper_understands_what_is_told(command: Command) -> None:
    """Command and options are there; a command alone, which a table lists, need not be complete."""
    if len(command.words) == 2:
        assert command.words[1] in tollkeeper.commands
    else:
        parse(command.words[1:])


@pytest.mark.parametrize("command", told("tollkeeper-audit"), ids=str)
def test_the_audit_understands_what_is_told(command: Command) -> None:
    """Its options are there."""
    assert audit_command.parser().parse_args(command.words[1:])


def parse(words: list[str]) -> None:
    """Have a command line read and checked by `tollkeeper`, which does nothing.

    Raises:
        click.UsageError: it is none.
    """
    command: click.Command = tollkeeper
    while isinstance(command, click.Group):
        name, *words = words
        command = command.commands[name]
    command.make_context(command.name, words)


CALLS = [call_of(each) for each in told("curl")]


def test_there_are_calls() -> None:
    """README and docs show some, and of each what it answers or that it answers."""
    assert {"README.md", "docs/api.md", "docs/support.md"} <= {each.document for each in CALLS}


@pytest.mark.parametrize("call", CALLS, ids=str)
def test_each_call_is_one_of_the_api(call: Call) -> None:
    """Method, path and query are in its description, and the body is as its model wants it."""
    operation = described(call)
    parameters = {each["name"] for each in operation.get("parameters", []) if each["in"] == "query"}
    assert set() == parse_qs(urlsplit(call.url).query).keys() - parameters
    content = operation.get("requestBody", {}).get("content")
    if content is None:
        assert call.body is None
    else:
        body = call.body or ""
        assert set() == set(re.findall(r'"(\w+)":', body)) - fields_of(content)
        model(content["application/json"]["schema"]["$ref"].rpartition("/")[2]).model_validate_json(body)


@pytest.mark.parametrize("call", CALLS, ids=str)
def test_each_answer_is_one_that_the_call_gives(call: Call) -> None:
    """The status that is shown is described, and every field that is shown is one of its body."""
    responses = described(call)["responses"]
    for status, shown in call.answers:
        if status in responses:
            assert set() == shown - fields_of(responses[status])
        else:
            assert "error" in shown, f"{status} is not described, and no error"


def described(call: Call) -> dict[str, Any]:
    """What the API's description says of a call.

    Raises:
        AssertionError: nothing.
    """
    path = urlsplit(call.url).path
    for template, methods in OPENAPI["paths"].items():
        if call.method.lower() in methods and re.fullmatch(re.sub(r"{\w+}", "[^/]+", template), path):
            operation: dict[str, Any] = methods[call.method.lower()]
            return operation
    raise AssertionError(f"The API has no {call.method} {path}")


def model(name: str) -> type[BaseModel]:
    """The model of a body that the description calls so."""
    waiting: list[type[BaseModel]] = [BaseModel, Sent]
    while waiting:
        each = waiting.pop()
        if each.__name__ == name:
            return each
        waiting += each.__subclasses__()
    raise AssertionError(f"no model is called {name}")


def fields_of(schema: object, seen: frozenset[str] = frozenset()) -> set[str]:
    """The names of all fields that a body of a schema may have, at any depth."""
    if isinstance(schema, list):
        return {name for each in schema for name in fields_of(each, seen)}
    if not isinstance(schema, dict):
        return set()
    reference = schema.get("$ref", "")
    if reference in seen:
        return set()
    found = set(schema.get("properties", ()))
    if reference:
        section, name = reference.split("/")[-2:]
        target = OPENAPI["components"][section][name]
        found |= fields_of(target, seen | {reference})
    return found | {name for each in schema.values() for name in fields_of(each, seen)}


def test_nothing_else_is_told() -> None:
    """Each program that a block of code calls is one that somebody who reads it has."""
    own = {"page-somebody", ".venv/bin/python", ".venv-sam/bin/sam"}
    assert set() == {each.program for each in TOLD} - KNOWN - own
