"""What is read of a request, as API Gateway hands it over."""

from base64 import b64encode
from typing import Any

import pytest

from tollkeeper.api.requests import TooLargeError, UnauthenticatedError, caller_of, read_body
from tollkeeper.rules.fields import InvalidFieldError

MEGABYTE = 1_048_576


def sent(body: bytes, *, encoded: bool) -> dict[str, Any]:
    """A request with a body, in base64 or as it is."""
    return {"body": b64encode(body).decode() if encoded else body.decode(), "isBase64Encoded": encoded}


@pytest.mark.parametrize("encoded", [False, True])
@pytest.mark.parametrize("character", ["x", "é"])
def test_a_megabyte_is_read_and_no_more(character: str, encoded: bool) -> None:  # noqa: FBT001 - a parameter of the table
    """The bytes of the body itself count, however it is handed over."""
    full = (character * MEGABYTE).encode()[:MEGABYTE]
    assert full.decode() == read_body(sent(full, encoded=encoded))
    with pytest.raises(TooLargeError, match="at most 1048576 bytes"):
        read_body(sent(full + b"x", encoded=encoded))


@pytest.mark.parametrize("event", [{}, {"body": None}, {"body": ""}])
def test_no_body_is_an_empty_one(event: dict[str, Any]) -> None:
    """Whoever sends none has sent nothing."""
    assert read_body(event) == ""


def test_what_is_no_text_is_no_json() -> None:
    """Bytes that no UTF-8 is made of."""
    with pytest.raises(InvalidFieldError, match="body: must be JSON"):
        read_body(sent(b"\xff", encoded=True))


def test_the_caller_is_whom_the_token_names() -> None:
    """By its subject."""
    assert "ada" == caller_of({"requestContext": {"authorizer": {"jwt": {"claims": {"sub": "ada"}}}}})


@pytest.mark.parametrize(
    "context", [{}, {"authorizer": {}}, {"authorizer": {"jwt": {"claims": {"sub": ""}}}}]
)
def test_a_token_that_names_nobody_is_none(context: dict[str, Any]) -> None:
    """Nobody is not a user."""
    with pytest.raises(UnauthenticatedError):
        caller_of({"requestContext": context})
