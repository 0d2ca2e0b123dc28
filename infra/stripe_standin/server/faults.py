"""Calls that fail on purpose."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from infra.stripe_standin.errors import RefusedError


@dataclass(slots=True)
class Fault:
    """What goes wrong with the next calls that match.

    Attributes:
        method: The HTTP method, `*` for any.
        path: The path, with `*` as wildcard: `/v1/invoices/*`.
        effect: Whether the call fails `before` it took effect or `after`.
        answer: What the caller sees: `500`, `429`, or `lost`, a connection cut without an answer.
        count: How many more calls fail.
    """

    method: str = "*"
    path: str = "*"
    effect: Literal["before", "after"] = "before"
    answer: Literal["500", "429", "lost"] = "500"
    count: int = 1


class Faults:
    """The faults now set, in order; the first that matches a call strikes."""

    def __init__(self) -> None:
        self.all: list[Fault] = []

    def strike(self, method: str, path: str) -> Fault | None:
        """The fault that strikes this call, used up by one."""
        for fault in self.all:
            if fault.count > 0 and fault.method in ("*", method) and fnmatchcase(path, fault.path):
                fault.count -= 1
                return fault
        return None


class AnswerLostError(Exception):
    """The connection breaks instead of answering."""


def refusal(fault: Fault) -> Exception:
    """What the caller is told (docs.stripe.com/rate-limits, docs.stripe.com/api/errors)."""
    match fault.answer:
        case "429":
            return RefusedError(
                "Request rate limit exceeded.", status=429, code="rate_limit", kind="invalid_request_error"
            )
        case "lost":
            return AnswerLostError()
        case "500":
            return RefusedError("An unknown error occurred.", status=500, kind="api_error")
