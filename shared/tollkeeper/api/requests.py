"""What is read of a request as API Gateway and function URLs hand it over, without a framework."""

from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from tollkeeper.rules.fields import InvalidFieldError
from tollkeeper.rules.usage import MAX_BODY_BYTES


class TooLargeError(Exception):
    """The request's body is more than one may carry."""


class UnauthenticatedError(Exception):
    """The request carries no token that names its user."""


def read_body(event: Mapping[str, Any], most: int = MAX_BODY_BYTES) -> str:
    """Return a request's body; API Gateway hands it over in base64 unless its sender calls it JSON or a text.

    `most` is in bytes of the body itself, however it is handed over.

    Raises:
        TooLargeError: it is larger than that.
        InvalidFieldError: it is no text.
    """
    sent: str = event.get("body") or ""
    try:
        body = b64decode(sent) if event.get("isBase64Encoded") else sent.encode()
        if len(body) > most:
            raise TooLargeError(f"Send at most {most} bytes.")
        return body.decode()
    except UnicodeError as error:
        raise InvalidFieldError("body", "must be JSON") from error


def caller_of(event: Mapping[str, Any]) -> str:
    """Return the user whose token a request carries; API Gateway has verified it.

    Raises:
        UnauthenticatedError: there is none, or it names nobody.
    """
    authorizer = event["requestContext"].get("authorizer", {})
    subject = authorizer.get("jwt", {}).get("claims", {}).get("sub")
    if not subject:
        raise UnauthenticatedError
    return str(subject)
