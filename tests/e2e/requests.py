"""Bad requests, made from the API's own description: each breaks it in one place at least."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

type Schema = Mapping[str, Any]

ORDINARY: Mapping[str, object] = {
    "id": "record-1",
    "eventType": "exports",
    "quantity": 1,
    "plan": "starter",
    "successUrl": "http://localhost:3000/welcome",
    "cancelUrl": "http://localhost:3000/pricing",
    "returnUrl": "http://localhost:3000/account",
}
OF_KIND: Mapping[str, object] = {
    "null": None,
    "boolean": True,
    "integer": 7,
    "number": 1.5,
    "string": "seven",
    "array": [],
    "object": {},
}
CONTENT_TYPES = ["application/json", "text/plain", "application/octet-stream", "multipart/form-data", "x"]

# JSON's escapes can name halves of characters; addresses cannot.
in_json = st.text(st.characters(codec=None, exclude_categories=()), max_size=8)
in_addresses = st.text(max_size=8) | st.sampled_from(
    ["", "%", "..", "%00", "\0", "x" * 300, "-1", "null", "a,b"]
)
any_json: SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | in_json,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(in_json, inner, max_size=3),
    max_leaves=6,
)


class Operation(NamedTuple):
    """What may be asked of an address, and by whom."""

    method: str
    path: str
    parameters: Sequence[Schema]
    body: Schema | None
    of_service: bool


class Request(NamedTuple):
    """A request; `body` is the text of it."""

    method: str
    address: str
    body: str | None
    content_type: str
    of_service: bool


def operations(document: Schema) -> list[Operation]:
    """Return every operation that the API describes."""
    return [
        Operation(
            method.upper(),
            path,
            operation.get("parameters", []),
            operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema"),
            "serviceToken" in operation["security"][0],
        )
        for path, of_path in document["paths"].items()
        for method, operation in of_path.items()
    ]


@st.composite
def bad_requests(draw: DrawFn, document: Schema, user_id: str) -> Request:
    """Return a request that nothing may be changed by; where it names a user, it is this one."""
    method, path, parameters, body, of_service = draw(st.sampled_from(operations(document)))
    strange = body is None or draw(st.booleans())
    for each in (each for each in parameters if each["in"] == "path"):
        usual = user_id if each["name"] == "userId" else str(ORDINARY.get(each["name"], "x"))
        value = draw(in_addresses) if strange else usual
        path = path.replace(f"{{{each['name']}}}", quote(value, safe=""))
    asked = {
        each["name"]: draw(in_addresses)
        for each in parameters
        if each["in"] == "query" and draw(st.booleans())
    }
    text = None if body is None else draw(_bad_bodies(document["components"]["schemas"], body, user_id))
    address = f"{path}?{urlencode(asked)}" if asked else path
    return Request(method, address, text, draw(st.sampled_from(CONTENT_TYPES)), of_service)


def _bad_bodies(schemas: Schema, schema: Schema, user_id: str) -> SearchStrategy[str]:
    nonsense = any_json.filter(lambda value: not isinstance(value, dict)).map(json.dumps)
    broken = st.sampled_from(["", "{", '{"a":', "[" * 5_000, '{"a":' * 5_000, "9" * 5_000, "\ufeff{}", "\0"])
    return nonsense | broken | _bad_objects(schemas, schema, user_id).map(json.dumps)


@st.composite
def _bad_objects(draw: DrawFn, schemas: Schema, schema: Schema, user_id: str) -> dict[str, Any]:
    """Return an object of a schema with something wrong: missing, too much, or of another kind."""
    described = _resolved(schemas, schema)
    properties: Schema = described.get("properties", {})
    required: Sequence[str] = described.get("required", [])
    good = {name: _ordinary(schemas, properties[name], name, user_id) for name in required}
    items = {name: each["items"] for name, each in properties.items() if each.get("type") == "array"}
    inside = draw(st.booleans())
    if items and inside:
        name = draw(st.sampled_from([*items]))
        return good | {name: draw(st.lists(_bad_objects(schemas, items[name], user_id), max_size=3))}
    breakable = [name for name, each in properties.items() if _others(schemas, each)]
    match draw(st.sampled_from(["missing", "too much", "of another kind"])):
        case "missing" if required:
            del good[draw(st.sampled_from(required))]
        case "of another kind" if breakable:
            name = draw(st.sampled_from(breakable))
            good[name] = draw(st.sampled_from(_others(schemas, properties[name])))
        case _:
            good[draw(in_json.filter(lambda name: name not in properties))] = draw(any_json)
    return good


def _resolved(schemas: Schema, schema: Schema) -> Schema:
    return schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def _kinds(schemas: Schema, schema: Schema) -> set[str]:
    """Return the kinds of JSON value that a schema takes; none if it takes any."""
    described = _resolved(schemas, schema)
    if "anyOf" in described:
        return {kind for each in described["anyOf"] for kind in _kinds(schemas, each)}
    return {described["type"]} if "type" in described else set()


def _others(schemas: Schema, schema: Schema) -> list[object]:
    """Return values that a schema does not take."""
    kinds = _kinds(schemas, schema)
    if "number" in kinds:
        kinds |= {"integer"}
    return [value for kind, value in OF_KIND.items() if kinds and kind not in kinds]


def _ordinary(schemas: Schema, schema: Schema, name: str, user_id: str) -> object:
    if name == "userId":
        return user_id
    if schema.get("maximum", 0) < 0:
        return schema["maximum"]
    kinds = _kinds(schemas, schema)
    return ORDINARY.get(name, next((value for kind, value in OF_KIND.items() if kind in kinds), None))
