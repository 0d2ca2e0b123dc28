"""What Stripe answers when it refuses, as its JSON has it (docs.stripe.com/api/errors)."""

from typing import Literal

type ErrorType = Literal["api_error", "card_error", "idempotency_error", "invalid_request_error"]


class RefusedError(Exception):
    """A call that Stripe refuses, raised by any noun and turned into JSON at the edge.

    Args:
        message: The sentence a developer reads.
        status: The HTTP status.
        kind: Stripe's `type` of error.
        code: Stripe's machine-readable `code`, where it has one.
        param: The parameter at fault, in form notation (`items[0][price]`).
        decline_code: Why the bank declined, for card errors.
        limited_by: The limiter that refuses, for a 429 that is one's.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: ErrorType = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        decline_code: str | None = None,
        limited_by: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.kind = kind
        self.code = code
        self.param = param
        self.decline_code = decline_code
        self.limited_by = limited_by

    def body(self) -> dict[str, dict[str, str]]:
        """The JSON body, without the fields that do not apply."""
        fields = {
            "type": self.kind,
            "code": self.code,
            "decline_code": self.decline_code,
            "message": self.message,
            "param": self.param,
        }
        return {"error": {name: value for name, value in fields.items() if value is not None}}


def missing(noun: str, identifier: str, param: str = "id") -> RefusedError:
    """No such object: 404, as for a `GET` of an unknown id."""
    return RefusedError(f"No such {noun}: '{identifier}'", status=404, code="resource_missing", param=param)


def lacking(what: str) -> RefusedError:
    """Stripe has it, this stand-in does not: said aloud rather than done wrongly."""
    return RefusedError(f"The Stripe stand-in lacks {what}.", status=404, code="standin_lacks")
