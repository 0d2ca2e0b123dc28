"""What is read of a request as API Gateway and function URLs hand it over, without a framework."""

from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from tollkeeper.rules.fields import InvalidFieldError
from tollkeeper.rules.usage import MAX_BODY_BYTES


class TooLargeError(Exception):
    """The request's body is more than one may carry."""


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
