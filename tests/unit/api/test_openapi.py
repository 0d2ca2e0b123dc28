"""The API's description, made from the functions' typed routes."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from infra.openapi import document
from tollkeeper.api.bodies.failure import Failure, GatewayFailure, ValidationFailure
from tollkeeper.api.errors import DECISIONS, reply_to
from tollkeeper.ledger.consuming import Obstacle, ObstacleError
from tollkeeper.rules.fields import InvalidFieldError
from tollkeeper.subscriptions.errors import (
    AuthenticationRequiredError,
    NoCustomerError,
    PaymentDueError,
    PaymentFailedError,
)

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
    assert body == Failure(**body).model_dump(exclude_unset=True) == GatewayFailure(**body).model_dump()


def test_every_field_of_an_error_is_named(described: Schema) -> None:
    """What errors.py may answer has the fields that the document gives to its status, and no others."""
    schemas = described["components"]["schemas"]
    invoice = "https://invoice.stripe.test/i/1"
    errors: list[Exception] = [
        InvalidFieldError("records.0.quantity", "must be a whole number"),
        PaymentDueError(invoice),
        PaymentFailedError(invoice),
        AuthenticationRequiredError(invoice),
        *(kind() for kind in DECISIONS),
        *(ObstacleError(obstacle) for obstacle in Obstacle),
        NoCustomerError("ada"),
    ]
    seen = set()
    for error in errors:
        answer = reply_to(error)
        body = json.loads(answer["body"])
        is_invalid = 422 == answer["statusCode"]
        model: type[BaseModel] = ValidationFailure if is_invalid else Failure
        assert body == model.model_validate(body).model_dump(by_alias=True, exclude_unset=True)
        assert body.keys() <= schemas[model.__name__]["properties"].keys()
        seen |= body.keys()
    assert {"error", "message", "fields", "hostedInvoiceUrl"} == seen
    for name, operation in operations(described):
        assert (name, "ValidationFailure") == (name, schema_of(described, operation, "422"))


def test_who_is_refused_a_consume_is_told_where_they_stand(described: Schema) -> None:
    """402 has a body of its own there, of which the spending cap alone may be left out."""
    consume = described["paths"]["/quota/{eventType}/consume"]["post"]["responses"]["402"]
    assert "ConsumeRefused" == _name(consume["content"]["application/json"]["schema"])
    schema = described["components"]["schemas"]["ConsumeRefused"]
    assert {"spendingCap"} == schema["properties"].keys() - schema["required"]


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
