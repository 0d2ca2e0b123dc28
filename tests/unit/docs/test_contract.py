"""The documents list what the contract has, all of it and nothing else."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.ledger.tables import template
from tests.unit.docs.documents import ROOT, code, table, tables, text
from tollkeeper.rules.announcements import Kind
from tollkeeper.rules.usage import Refusal
from tollkeeper.stripe.event_types import EventType

LAYER = ROOT / "shared" / "tollkeeper"
WHO = {"ServiceToken": "service", "UserToken": "user", None: "anyone"}
"""Who may call a route, by the authorizer that the template gives it."""


def is_of_the_page(event: dict[str, Any]) -> bool:
    """Whether a route is the usage page's, which lets in by a cookie."""
    path: str = event["Properties"]["Path"]
    return path == "/dashboard" or path.startswith("/dashboard/")


def routes() -> dict[str, str]:
    """Every route in the template, and who may call it."""
    return {
        f"{event['Properties']['Method']} {event['Properties']['Path']}": (
            "browser" if is_of_the_page(event) else WHO[event["Properties"].get("Auth", {}).get("Authorizer")]
        )
        for resource in template()["Resources"].values()
        for event in resource.get("Properties", {}).get("Events", {}).values()
        if event["Type"] == "HttpApi"
    }


def trees(*folders: Path) -> Iterator[ast.AST]:
    """Every node of the code in some folders."""
    for folder in folders:
        for file in folder.rglob("*.py"):
            yield from ast.walk(ast.parse(file.read_text()))


def codes_of_errors() -> set[str]:
    """Every code that an answer may have: where it is made, in tables of code and sentence, in an enum."""
    found: set[object] = set()
    for node in trees(LAYER / "api", ROOT / "functions"):
        match node:
            case ast.Call(
                func=ast.Name(id="failure") | ast.Attribute(attr="failure"),
                args=[_, ast.Constant(value=value), *_],
            ):
                found.add(value)
            case ast.Dict(keys=keys, values=values):
                found |= {
                    value.value
                    for key, value in zip(keys, values, strict=True)
                    if isinstance(key, ast.Constant)
                    and key.value == "error"
                    and isinstance(value, ast.Constant)
                }
                found |= {
                    value.elts[-2].value
                    for value in values
                    if isinstance(value, ast.Tuple)
                    and len(value.elts) > 1
                    and isinstance(value.elts[-2], ast.Constant)
                    and isinstance(value.elts[-1], ast.Constant)
                    and str(value.elts[-1].value).endswith(".")
                }
    for node in trees(LAYER):
        if isinstance(node, ast.ClassDef) and node.name == "Obstacle":
            found |= {
                each.value.value
                for each in node.body
                if isinstance(each, ast.Assign) and isinstance(each.value, ast.Constant)
            }
    return {each for each in found if isinstance(each, str)}


def test_each_route_is_listed_with_who_may_call_it() -> None:
    """docs/api.md names every call of the template and who makes it."""
    listed = {code(cells[0]): cells[1] for cells in table("docs/api.md", "Calls")}
    assert routes() == listed


def test_each_route_is_described() -> None:
    """The OpenAPI document describes every route, except the one that serves it and those of pages."""
    document = json.loads((LAYER / "api" / "openapi.json").read_text())
    described = {
        f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods
    }
    of_the_api = {route for route, who in routes().items() if who != "browser"}
    assert of_the_api - {"GET /openapi.json"} == described


def test_each_code_of_an_error_is_listed() -> None:
    """docs/api.md says of every code what it means; README and docs quote none that is not there."""
    answers, of_records = tables("docs/api.md", "Errors")
    assert codes_of_errors() == {code(cells[0]) for cells in answers}
    assert {*Refusal, "unavailable"} == {code(cells[0]) for cells in of_records}


def test_each_announcement_is_listed() -> None:
    """docs/events.md says of every kind of announcement when it comes."""
    assert set(Kind) == {code(cells[0]) for cells in table("docs/events.md", "What Tollkeeper announces")}


def test_each_of_stripes_events_is_listed_with_its_destination() -> None:
    """docs/events.md names every type that is followed, and which destination sends it."""
    rows = table("docs/events.md", "Which of Stripe's events it follows")
    listed = {code(cells[0]): cells[1] for cells in rows}
    assert {each: each.style for each in EventType} == listed


def test_each_parameter_is_listed_with_its_default() -> None:
    """docs/deploying.md says what each parameter decides, and what it is if nobody says."""
    parameters: dict[str, dict[str, Any]] = template()["Parameters"]
    expected = {name: str(each.get("Default", "")) for name, each in parameters.items()}
    assert expected == {code(cells[0]): code(cells[1]) for cells in table("docs/deploying.md", "Parameters")}


def test_each_output_is_listed() -> None:
    """docs/deploying.md says what each output is for."""
    assert template()["Outputs"].keys() == {code(cells[0]) for cells in table("docs/deploying.md", "Outputs")}


def test_the_functions_in_the_drawings_exist() -> None:
    """The drawings of README and architecture show every function that a user, a service or Stripe meets."""
    functions = {file.parent.name for file in (ROOT / "functions").glob("*/app.py")}
    drawn = re.search(r"```mermaid\n(.*?)```", text("docs/architecture.md"), re.DOTALL)
    assert drawn
    missing = {function for function in functions if not re.search(rf"\b{function}\b", drawn[1])}
    assert set() == missing
    assert {"Table", "EventBus", "UsageQueue", "StripeEventQueue"} <= template()["Resources"].keys()


def test_codes_are_quoted_as_they_are() -> None:
    """What README and docs show as an error's code is one."""
    known = {*codes_of_errors(), *Refusal}
    quoted = {
        found
        for document in ("README.md", "docs/api.md")
        for found in re.findall(r'"error": "([^"]+)"', text(document))
    }
    assert quoted
    assert set() == quoted - known
