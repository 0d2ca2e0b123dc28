"""The API's description, made from the functions' typed routes."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from pydantic import ValidationError

from infra.openapi import document
from tollkeeper.api.bodies.failure import Failure, GatewayFailure

type Schema = Mapping[str, Any]


@pytest.fixture(scope="module")
def described() -> Schema:
    """The document."""
    return document()


def operations(described: Schema) -> Iterator[tuple[str, Schema]]:
    """Every operation, by method and path."""
    for path, of_path in described["paths"].items():
        yield from ((f"{method.upper()} {path}", operation) for method, operation in of_path.items())


def schema_of(described: Schema, operation: Schema, status: str) -> str:
    """The name of what a status is answered with."""
    response = described["components"]["responses"][_name(operation["responses"][status])]
    return _name(response["content"]["application/json"]["schema"])


def _name(reference: Schema) -> str:
    return str(reference["$ref"]).rpartition("/")[2]


@pytest.mark.parametrize("status", ["401", "403", "413", "429", "5XX"])
def test_what_api_gateway_may_answer_promises_a_message_alone(described: Schema, status: str) -> None:
    """It answers before a function is asked, or in its place, and knows no codes of ours."""
    for name, operation in operations(described):
        assert (name, "GatewayFailure") == (name, schema_of(described, operation, status))
    assert ["message"] == described["components"]["schemas"]["GatewayFailure"]["required"]


@pytest.mark.parametrize("said", ["Unauthorized", "Forbidden", "Too Many Requests", "Service Unavailable"])
def test_api_gateways_own_words_are_as_described(said: str) -> None:
    """`{"message": …}` is one of its failures, and none of ours."""
    assert said == GatewayFailure.model_validate({"message": said}).message
    with pytest.raises(ValidationError):
        Failure.model_validate({"message": said})


def test_our_own_words_are_as_described(described: Schema) -> None:
    """What only we answer has a code and a sentence; where both may answer, ours is as described too."""
    assert {"Failure"} == {
        schema_of(described, operation, "default") for _, operation in operations(described)
    }
    body: dict[str, Any] = {"error": "unavailable", "message": "Please try again in a moment.", "more": 1}
    assert (body, body) == (Failure(**body).model_dump(), GatewayFailure(**body).model_dump())


def test_whose_token_is_asked_for_is_described(described: Schema) -> None:
    """A service's, where a path names a user or somebody reports of one; a user's everywhere else."""
    asked = {name: next(iter(operation["security"][0])) for name, operation in operations(described)}
    assert {name for name, token in asked.items() if token == "serviceToken"} == {
        "GET /coverage",
        "POST /coverage",
        "GET /quota/{eventType}",
        "POST /quota/{eventType}/consume",
        "POST /quota/{eventType}/release",
        "POST /usage",
        "POST /usage/corrections",
        "GET /users/{userId}/audit",
        "GET /users/{userId}/records",
        "GET /users/{userId}/subscription",
        "GET /users/{userId}/usage",
    }


@pytest.mark.parametrize(
    ("own", "of_any"),
    [
        ("/subscription", "/users/{userId}/subscription"),
        ("/usage", "/users/{userId}/usage"),
        ("/usage/records", "/users/{userId}/records"),
    ],
)
def test_a_question_about_any_user_names_them_and_is_the_same_otherwise(
    described: Schema, own: str, of_any: str
) -> None:
    """It has the caller's parameters and answer, and a userId of up to 256 characters in its path."""
    mine, theirs = described["paths"][own]["get"], described["paths"][of_any]["get"]
    [user, *rest] = theirs["parameters"]
    assert ("userId", "path", True, 256) == (
        user["name"],
        user["in"],
        user["required"],
        user["schema"]["maxLength"],
    )
    assert (mine.get("parameters", []), mine["responses"]) == (rest, theirs["responses"])
